// Ctrl-C as an exception: each call that waits throws it, once. Every program here is a child of the test's.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <muster/interrupt.hpp>
#include <muster/multiprocessing.hpp>
#include <muster/pool.hpp>
#include <muster/threading.hpp>
#include <muster/threadpool.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <ranges>
#include <thread>

#include "tests/support/asleep.hpp"
#include "tests/support/child.hpp"

namespace muster::testing {
namespace {

using namespace std::chrono_literals;
using threading::Event;

// Sends the signal once the thread that made it sleeps, or `when` is true.
class Pressed {
 public:
  explicit Pressed(std::function<void(pid_t)> when = &await_asleep)
      : sender_([when = std::move(when), who = gettid()] {
          when(who);
          kill(getpid(), SIGINT);
        }) {}

 private:
  std::jthread sender_;
};

// A program that asked to be interrupted, whoever started it.
Ended run(const std::function<void()>& body) {
  return run_in_child([&body] {
    signal(SIGINT, SIG_DFL);
    interruptible();
    body();
  });
}

template <class Wait>
bool is_interrupted(const Wait& wait) {
  try {
    wait();
    return false;
  } catch (const Interrupted&) {
    return true;
  }
}

// The wait throws, and the next one does not.
template <class Wait>
void require_interrupted_once(const Wait& wait) {
  {
    const Pressed pressed;
    require(is_interrupted(wait), "the wait was interrupted");
  }
  require(!Event().wait(1ms), "no more than once");
}

void expect_well(const Ended& program) {
  EXPECT_TRUE(program.well()) << program;
  EXPECT_EQ(program.err, "");
}

TEST(Interruptible, event) {
  expect_well(run([] {
    Event never;
    require_interrupted_once([&] { never.wait(); });
    require_interrupted_once([&] { never.wait(1h); });
  }));
}

TEST(Interruptible, that_comes_before_the_wait_is_kept_for_it) {
  expect_well(run([] {
    raise(SIGINT);
    require(is_interrupted([] { Event().wait(1h); }), "kept");
    raise(SIGINT);
    require(is_interrupted([] { Event().wait(0s); }), "also where there is no time to wait");
  }));
}

TEST(Interruptible, locks) {
  expect_well(run([] {
    threading::Lock lock;
    threading::RLock rlock;
    threading::RWLock rwlock;
    threading::Semaphore semaphore(0);
    multiprocessing::Lock shared;
    multiprocessing::Semaphore shared_semaphore(0);
    Event release;
    Event held;
    auto holder = threading::make_thread([&] {
      lock.acquire();
      rlock.acquire();
      rwlock.lock();
      held.set();
      release.wait();
    });
    holder->start();
    held.wait();
    shared.acquire();
    require_interrupted_once([&] { lock.acquire(); });
    require_interrupted_once([&] { rlock.acquire(); });
    require_interrupted_once([&] { rwlock.lock(); });
    require_interrupted_once([&] { rwlock.lock_shared(); });
    require_interrupted_once([&] { semaphore.acquire(); });
    require_interrupted_once([&] { shared.acquire(); });
    require_interrupted_once([&] { shared_semaphore.acquire(); });
    require_interrupted_once([&] { holder->join(); });
    release.set();
    holder->join();
  }));
}

template <class Condition>
void interrupt_condition() {
  Condition condition;
  condition.acquire();
  require_interrupted_once([&] { condition.wait(); });
  require_interrupted_once([&] { condition.wait_for([] { return false; }, 1h); });
  condition.release();  // or it would not be held
}

TEST(Interruptible, condition) { expect_well(run(&interrupt_condition<threading::Condition>)); }
TEST(Interruptible, shared_condition) { expect_well(run(&interrupt_condition<multiprocessing::Condition>)); }

TEST(Interruptible, breaks_the_barrier) {
  expect_well(run([] {
    threading::Barrier barrier(3);
    std::atomic<bool> broken{false};
    auto other = threading::make_thread([&] {
      try {
        barrier.wait();
      } catch (const BrokenBarrierError&) {
        broken = true;
      }
    });
    other->start();
    while (barrier.n_waiting() == 0) std::this_thread::yield();
    require_interrupted_once([&] { barrier.wait(); });
    other->join();
    require(broken, "nobody is left waiting");
  }));
}

TEST(Interruptible, result_which_may_be_waited_for_again) {
  expect_well(run([] {
    ThreadPool pool(2);
    Event go;
    auto result = pool.apply_async([&] { return go.wait(), 7; });
    require_interrupted_once([&] { result.get(); });
    require_interrupted_once([&] { result.wait(1h); });
    go.set();
    require(result.get() == 7, "it went on");
  }));
}

TEST(Interruptible, imap_which_may_be_read_on) {
  for (const bool ordered : {true, false}) {
    expect_well(run([ordered] {
      ThreadPool pool(2);
      Event go;
      const auto f = [&go](int i) { return go.wait(), i; };
      const auto items = std::views::iota(0, 10);
      auto stream = ordered ? pool.imap(f, items) : pool.imap_unordered(f, items);
      require_interrupted_once([&] { stream.next(); });
      go.set();
      int sum = 0;
      for (int i = 0; i < 10; ++i) sum += stream.next().value();
      require(sum == 45, "all came");
    }));
  }
}

// What has begun may use what is the caller's: it is waited for.
void interrupt_maps(PoolOptions options) {
  expect_well(run([&options] {
    ThreadPool pool(std::move(options));
    constexpr int kItems = 100'000'000;
    std::atomic<int> begun{0};
    std::atomic<int> ended{0};
    const auto f = [&, self = getpid()](int i) {
      ++begun;
      if (i == 0) kill(self, SIGINT);
      std::this_thread::yield();
      ++ended;
      return i;
    };
    const auto items = std::views::iota(0, kItems);
    require(is_interrupted([&] { pool.map(f, items, {.chunksize = 10}); }), "map");
    require(begun < kItems && begun == ended, "the rest never begins");
    require(is_interrupted([&] { pool.try_map(f, items, {.chunksize = 10}); }), "try_map");
    require(begun == ended, "nothing goes on");
    require(pool.apply([] { return 1; }) == 1, "the pool is whole");
  }));
}

TEST(Interruptible, map_of_threads_begins_nothing_more_and_ends_what_it_has_begun) { interrupt_maps({.processes = 2}); }
TEST(Interruptible, map_whose_caller_only_waits) {
  interrupt_maps({.processes = 2, .initializer = [] {}});
}

// None of them would end by itself, and none is left that could be kept from beginning.
TEST(Interruptible, map_of_threads_asks_what_it_has_begun_to_stop) {
  expect_well(run([] {
    ThreadPool pool(2);
    std::atomic<int> over{0};
    const auto until_stopped = [&](std::stop_token stop, int /*item*/) {
      while (!stop.stop_requested()) std::this_thread::yield();
      ++over;
    };
    require_interrupted_once([&] { pool.map(until_stopped, {1, 2}, {.chunksize = 1}); });
    require(over == 2, "they used what is ours");
    require_interrupted_once([&] { pool.try_map(until_stopped, {1, 2}, {.chunksize = 1}); });
    require(over == 4, "they used what is ours");
  }));
}

// The outer one's caller works on it, and waits for others in the inner one.
TEST(Interruptible, maps_within_a_map) {
  expect_well(run([] {
    ThreadPool pool(2);
    const auto inner = [](int i) { return std::this_thread::yield(), i; };
    const auto outer = [&](int i) {
      if (i == 0) kill(getpid(), SIGINT);
      return pool.map(inner, std::views::iota(0, 1000)).size();
    };
    require(is_interrupted([&] { pool.map(outer, std::views::iota(0, 100'000'000), {.chunksize = 1}); }), "at once");
  }));
}

TEST(Interruptible, apply_of_threads_requests_stop_and_waits) {
  expect_well(run([] {
    ThreadPool pool(2);
    std::atomic<bool> over{false};
    const auto until_stopped = [&](std::stop_token stop) {
      while (!stop.stop_requested()) std::this_thread::yield();
      over = true;
    };
    require_interrupted_once([&] { pool.apply(until_stopped); });
    require(over, "it used what is ours");
  }));
}

TEST(Interruptible, join_and_wait_all) {
  expect_well(run([] {
    ThreadPool pool(2);
    Event go;
    pool.post([&] { go.wait(); });
    require_interrupted_once([&] { pool.wait_all(); });
    pool.close();
    require_interrupted_once([&] { pool.join(); });
    go.set();
    pool.join();
  }));
}

TEST(Interruptible, wait_of_a_threadpool) {
  expect_well(run([] {
    threadpool::ThreadPool pool(2);
    Event go;
    pool.put_request(threadpool::WorkRequest([&] { go.wait(); }));
    require_interrupted_once([&] { pool.wait(); });
    go.set();
    pool.wait();
  }));
}

// Nothing throws out of a destructor: the interrupt stays for what comes next.
TEST(Interruptible, destructor_waits_on) {
  expect_well(run([] {
    std::atomic<bool> over{false};
    {
      ThreadPool pool(1);
      Event begun;
      pool.post([&](std::stop_token stop) {
        begun.set();
        while (!stop.stop_requested()) std::this_thread::yield();
        over = true;
      });
      begun.wait();
      raise(SIGINT);
    }
    require(over, "the pool ended in order");
    require(is_interrupted([] { Event().wait(1h); }), "the next call throws");
  }));
}

TEST(Interruptible, is_not_heard_by_other_threads) {
  expect_well(run([] {
    bool heard = false;
    std::thread([&] {
      raise(SIGINT);
      heard = is_interrupted([] { Event().wait(1ms); });
    }).join();
    require(!heard, "it is the first one's");
    require(is_interrupted([] { Event().wait(1h); }), "who hears it");
  }));
}

TEST(Interruptible, second_one_ends_the_program_where_nobody_took_the_first_for_a_second) {
  const Ended ended = run([] {
    raise(SIGINT);
    raise(SIGINT);  // part of the first: a terminal may send it to the process, and to its group
    const auto end = std::chrono::steady_clock::now() + 1100ms;
    while (std::chrono::steady_clock::now() < end) std::this_thread::yield();
    raise(SIGINT);
  });
  EXPECT_TRUE(WIFSIGNALED(ended.status) && WTERMSIG(ended.status) == SIGINT) << ended;
}

TEST(Interruptible, of_a_program_in_the_background_stays_ignored) {
  expect_well(run_in_child([] {
    signal(SIGINT, SIG_IGN);
    interruptible();
    raise(SIGINT);
    require(!Event().wait(1ms), "ignored");
  }));
}

TEST(Interruptible, spares_other_calls_into_the_system) {
  expect_well(run([] {
    int ends[2];
    require(pipe(ends) == 0, "pipe");
    char byte = 0;
    {
      const Pressed pressed([&ends](pid_t who) {
        await_asleep(who);
        // After the signal, which follows at once or does not; either way the read goes on.
        std::thread([&ends, who] {
          await_asleep(who);
          require(write(ends[1], "x", 1) == 1, "write");
        }).detach();
      });
      require(read(ends[0], &byte, 1) == 1 && byte == 'x', "the read went on");
    }
    require(is_interrupted([] { Event().wait(1h); }), "and the interrupt is kept");
  }));
}

}  // namespace
}  // namespace muster::testing
