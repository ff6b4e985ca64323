// One task crashes, one ends its process, one never ends: the others are done, and the program goes on.
#include <muster/pool.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ranges>
#include <thread>

using namespace std::chrono_literals;

// careless
long careless(int i) {
  if (i == 3) std::abort();  // as a failed assertion does, or a library that gives up
  if (i == 5) std::exit(7);
  return 10L * i;
}
// end

// stubborn
int stubborn(int i) {
  if (i != 1) return i;
  for (;;) std::this_thread::sleep_for(1s);  // never ends, and listens to nobody
}
// end

int main(int argc, char** argv) {
  muster::init(argc, argv);
  muster::ProcessPool pool(2);

  // try_map
  for (const auto& outcome : pool.try_map(careless, std::views::iota(0, 8))) {
    try {
      std::printf("%ld\n", outcome.value());
    } catch (const muster::WorkerLost& lost) {
      std::printf("item %zu was lost: signal %d, exit code %d\n", lost.index(), lost.signal(), lost.exit_code());
    }
  }
  // end

  // map
  try {
    pool.map(careless, std::views::iota(0, 8));
  } catch (const muster::WorkerLost& lost) {
    std::printf("a map throws the first: item %zu\n", lost.index());
  }
  // end

  // timeout
  const auto outcomes = pool.try_map(stubborn, {0, 1, 2}, {.timeout = 500ms});
  for (const auto& outcome : outcomes) std::printf("%s ", outcome ? "value," : "timeout,");
  std::puts("no more");
  // end

  // whole
  std::printf("%d workers, and at work: %d\n", pool.processes(), pool.apply([] { return 42; }));
  // end

  // terminate
  auto endless = pool.apply_async(stubborn, 1);
  endless.wait(50ms);  // most likely it has begun
  pool.terminate();    // kills: nothing keeps a process from ending
  pool.join();
  try {
    endless.get();
  } catch (const muster::Cancelled&) {
    std::puts("ended, with what never ends");
  }
  // end
}
