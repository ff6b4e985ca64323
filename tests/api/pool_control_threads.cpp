// Pools of threads that are changed and held while they work: what only tasks can show that share memory, or their
// pool.

#include <gtest/gtest.h>
#include <muster/thread_pool.hpp>

#include <atomic>
#include <functional>
#include <ranges>
#include <thread>

#include "tests/support/crowd.hpp"
#include "tests/support/gate.hpp"
#include "tests/support/leaks.hpp"
#include "tests/support/peak.hpp"

namespace muster::testing {
namespace {

struct CountsItsEnd {
  ~CountsItsEnd() { ++endings; }
  static inline std::atomic<int> endings{0};
  int used = 0;
};

TEST(ThreadPoolControl, pain_25_thread_local_destructors_run_when_a_pool_shrinks) {
  CountsItsEnd::endings = 0;
  ThreadPool pool(4);
  std::atomic<int> here{0};
  pool.map(
      [&](int) {
        thread_local CountsItsEnd local;
        ++local.used;
        ++here;
        await([&] { return here >= 4; });
      },
      std::views::iota(0, 4), {.chunksize = 1});
  pool.resize(1);
  // The caller may have been one of the four: its object stays.
  await([] { return CountsItsEnd::endings >= 2; });
  EXPECT_LE(CountsItsEnd::endings, 3);
}

TEST(ThreadPoolControl, what_a_dismissed_worker_had_queued_is_done_by_others) {
  ThreadPool pool(2);
  std::atomic<int> done{0};
  for (int round = 0; round < 50; ++round) {
    pool.resize(2);
    done = 0;
    // Each task pushes into its own worker's queue.
    for (int i = 0; i < 2; ++i) {
      pool.post([&] {
        for (int k = 0; k < 50; ++k) pool.post([&] { ++done; });
      });
    }
    pool.resize(1);
    pool.wait_all();
    ASSERT_EQ(done, 100);
  }
}

TEST(ThreadPoolControl, resizes_from_tasks_and_from_several_threads_lose_nothing) {
  ThreadPool pool(2);
  std::atomic<int> done{0};
  {
    const Crowd crowd(3, [&](int number) {
      for (int round = 0; round < 40; ++round) {
        for (int i = 0; i < 20; ++i) pool.post([&] { ++done; });
        if (number == 0) {
          pool.apply([&pool, round] { pool.resize(1 + round % 4); });
        } else {
          pool.resize(1 + (round + number) % 3);
        }
        pool.map([](int i) { return i; }, std::views::iota(0, 50), {.chunksize = 1});
      }
    });
  }
  pool.wait_all();
  EXPECT_EQ(done, 3 * 40 * 20);
}

// While a new worker is busy with that, it is not the one that others rely on to look for work.
TEST(ThreadPoolControl, an_initializer_may_wait_for_the_pool) {
  std::atomic<ThreadPool*> known{nullptr};
  std::atomic<int> answers{0};
  const auto asks = [&] {
    if (ThreadPool* pool = known) answers += pool->apply([] { return 1; });
  };
  for (int round = 0; round < 30; ++round) {
    known = nullptr;
    answers = 0;
    ThreadPool pool({.processes = 2, .initializer = asks});
    known = &pool;
    pool.resize(4);
    ASSERT_EQ(answers, 2);
  }
}

TEST(ThreadPoolControl, a_pause_lets_go_on_what_has_begun_and_what_that_waits_for) {
  ThreadPool pool(2);
  Bell bell;
  Gate gate;
  const auto outer = pool.apply_async([&] {
    hold(bell.path(), gate.path(), 0);
    const int one = pool.apply_async([] { return 1; }).get();
    const int sum = pool.reduce(std::plus<>(), pool.map([](int i) { return i; }, std::views::iota(0, 100)));
    return one + sum;
  });
  bell.await();
  pool.pause();
  gate.open();
  EXPECT_EQ(outer.get(), 4951);
  pool.resume();
}

// A call that was forked may be in the hands of a worker just when that is no more to take any.
TEST(ThreadPoolControl, a_pause_lets_go_on_what_has_forked) {
  ThreadPool pool(3);
  struct Fib {
    ThreadPool& pool;
    long operator()(int n) const {
      if (n < 2) return n;
      const auto [one, other] = pool.invoke([this, n] { return (*this)(n - 1); }, [this, n] { return (*this)(n - 2); });
      return one + other;
    }
  };
  for (int round = 0; round < 300; ++round) {
    std::atomic<bool> begun{false};
    const auto result = pool.apply_async([&] {
      begun = true;
      return Fib{pool}(14);
    });
    await([&] { return begun.load(); });
    pool.pause();
    ASSERT_EQ(result.get(), 377);
    pool.resume();
  }
}

TEST(ThreadPoolControl, pauses_at_random_moments_lose_nothing) {
  ThreadPool pool(3);
  std::atomic<int> done{0};
  std::atomic<bool> over{false};
  std::thread pauser([&] {
    for (int i = 0; !over; ++i) {
      pool.pause();
      if (i % 3 == 0) pool.resize(1 + i % 4);
      pool.resume();
      pool.apply([] {});  // something gets done between the pauses
    }
  });
  {
    const Crowd crowd(2, [&](int) {
      for (int round = 0; round < 200; ++round) {
        pool.post([&] { ++done; });
        pool.map([&](int) { ++done; }, std::views::iota(0, 19), {.chunksize = 1});
        EXPECT_EQ(pool.apply([&] { return pool.apply([] { return 3; }); }), 3);
      }
    });
  }
  over = true;
  pauser.join();
  pool.wait_all();
  EXPECT_EQ(done, 2 * 200 * 20);
}

}  // namespace
}  // namespace muster::testing
