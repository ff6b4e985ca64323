// How a pool ends: close and join, terminate, the destructor; and waiting for what was posted.
#include <muster/pool.hpp>
#include <muster/threading.hpp>

#include <atomic>
#include <cstdio>
#include <ranges>
#include <stdexcept>
#include <stop_token>
#include <thread>

int square(int i) { return i * i; }

int main() {
  // post
  muster::ThreadPool pool(2);
  std::atomic<int> done{0};
  for (int i = 0; i < 100; ++i) pool.post([&done] { ++done; });
  pool.post([] { throw std::runtime_error("nobody asked me"); });
  try {
    pool.wait_all();
  } catch (const std::runtime_error& error) {
    std::printf("%d posted tasks done, and one failed: %s\n", done.load(), error.what());
  }
  // end

  // close
  auto late = pool.apply_async(square, 5);
  auto stream = pool.imap(square, std::views::iota(1, 4));
  pool.close();  // no more work from outside
  pool.join();   // all that was accepted is done, and the workers are gone
  std::printf("%d;", late.get());
  for (const int value : stream) std::printf(" %d", value);
  std::puts("");
  // end

  // terminate
  muster::ThreadPool busy(1);
  muster::threading::Event begun;
  auto first = busy.apply_async([&begun](const std::stop_token& stop) {
    begun.set();
    while (!stop.stop_requested()) std::this_thread::yield();
    return "stopped when asked";
  });
  auto second = busy.apply_async(square, 3);
  begun.wait();
  busy.terminate();
  busy.join();
  std::puts(first.get());
  try {
    second.get();
  } catch (const muster::Cancelled&) {
    std::puts("the second never began");
  }
  // end

  // scope
  muster::threading::Event started;
  std::atomic<bool> ended{false};
  {
    muster::dummy::Pool scoped(1);
    scoped.post([&] {
      started.set();
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      ended = true;
    });
    started.wait();
  }  // as at the end of Python's `with`: drops what has not begun, waits for what has
  std::printf("the task that had begun has ended: %d\n", ended.load());
  // end
}
