// Pools that are changed and held while they work: resize, pause, resume, stats.

#include <gtest/gtest.h>
#include <muster/cpu.hpp>
#include <muster/error.hpp>
#include <muster/thread_pool.hpp>

#include <atomic>
#include <climits>
#include <ranges>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/support/crowd.hpp"
#include "tests/support/gate.hpp"
#include "tests/support/leaks.hpp"
#include "tests/support/peak.hpp"

namespace muster::testing {
namespace {

using namespace std::chrono_literals;

// Tasks that have begun and stay until they are let go.
class Held {
 public:
  Held(ThreadPool& pool, int tasks) {
    for (int i = 0; i < tasks; ++i) results_.push_back(pool.apply_async(hold, bell_.path(), gate_.path(), i));
  }
  void await_begun(int tasks) { bell_.await(tasks); }
  void let_go() {
    gate_.open();
    for (const auto& result : results_) result.wait();
  }

 private:
  Bell bell_;
  Gate gate_;
  std::vector<AsyncResult<int>> results_;
};

// How many tasks can run at the same time: so many meet.
void expect_to_meet(ThreadPool& pool, int workers) {
  std::atomic<int> here{0};
  std::vector<AsyncResult<void>> results;
  for (int i = 0; i < workers; ++i) {
    results.push_back(pool.apply_async([&] {
      ++here;
      await([&] { return here >= workers; });
    }));
  }
  for (const auto& result : results) result.get();
}

struct CountsItsEnd {
  ~CountsItsEnd() { ++endings; }
  static inline std::atomic<int> endings{0};
  int used = 0;
};

TEST(PoolControl, pain_25_work_after_a_wait_and_live_resizes) {
  ThreadPool pool(2);
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> done{0};
    for (int i = 0; i < 100; ++i) pool.post([&] { ++done; });
    pool.wait_all();
    EXPECT_EQ(done, 100);
    const int workers = 1 + round % 5;
    pool.resize(workers);
    EXPECT_EQ(pool.processes(), workers);
    expect_to_meet(pool, workers);
  }
}

TEST(PoolControl, pain_25_thread_local_destructors_run_when_a_pool_shrinks) {
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

TEST(PoolControl, a_grown_pool_takes_up_what_waits) {
  ThreadPool pool(1);
  Held held(pool, 3);
  held.await_begun(1);
  pool.resize(3);
  held.await_begun(2);
  held.let_go();
}

TEST(PoolControl, a_shrunk_pool_ends_what_has_begun_and_then_runs_less_at_a_time) {
  ThreadPool pool(3);
  {
    Held held(pool, 3);
    held.await_begun(3);
    pool.resize(1);
    EXPECT_EQ(pool.processes(), 1);
    held.let_go();
  }
  Peak peak;
  // A worker that is one too many may just be taking a task, until all have seen that there is nothing to do.
  pool.wait_all();
  await([&] { return pool.stats().running == 0; });
  for (int round = 0; round < 20; ++round)
    pool.map([&](int) { peak.visit(); }, std::views::iota(0, 200), {.chunksize = 1});
  EXPECT_EQ(peak.most(), 1);
}

TEST(PoolControl, what_a_dismissed_worker_had_queued_is_done_by_others) {
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

TEST(PoolControl, resizes_from_tasks_and_from_several_threads_lose_nothing) {
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

TEST(PoolControl, a_resize_runs_the_initializer_in_new_workers_before_it_returns) {
  std::atomic<int> begun{0};
  ThreadPool pool({.processes = 1, .initializer = [&] { ++begun; }});
  pool.resize(4);
  EXPECT_EQ(begun, 4);
  pool.resize(1);
  pool.resize(2);
  EXPECT_GE(begun, 4);
  EXPECT_LE(begun, 5) << "a worker that has not gone yet stays";
}

// While a new worker is busy with that, it is not the one that others rely on to look for work.
TEST(PoolControl, an_initializer_may_wait_for_the_pool) {
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

TEST(PoolControl, a_resize_throws_what_an_initializer_throws) {
  std::atomic<int> begun{0};
  const auto fails_later = [&] {
    if (++begun > 1) throw std::domain_error("cannot begin");
  };
  ThreadPool pool({.processes = 1, .initializer = fails_later});
  EXPECT_THROW(pool.resize(2), std::domain_error);
  EXPECT_THROW(pool.apply([] {}), std::domain_error);
}

TEST(PoolControl, refuses_sizes_that_are_none) {
  ThreadPool pool(1);
  EXPECT_THROW(pool.resize(-1), ValueError);
  EXPECT_THROW(pool.resize(INT_MAX), ValueError);
  EXPECT_EQ(pool.processes(), 1);
  pool.resize(0);
  EXPECT_EQ(pool.processes(), usable_cpus());
}

TEST(PoolControl, an_ended_pool_cannot_be_resized) {
  ThreadPool pool(1);
  pool.terminate();
  EXPECT_THROW(pool.resize(2), PoolClosed);
  pool.join();
  EXPECT_THROW(pool.resize(2), PoolClosed);
}

TEST(PoolControl, a_resized_pool_counts_on_with_replaced_workers) {
  ThreadPool pool({.processes = 1, .maxtasksperchild = 2});
  std::atomic<int> done{0};
  for (int round = 0; round < 60; ++round) {
    for (int i = 0; i < 5; ++i) pool.post([&] { ++done; });
    pool.resize(1 + round % 3);
  }
  pool.wait_all();
  EXPECT_EQ(done, 300);
}

TEST(PoolControl, what_is_submitted_to_a_paused_pool_begins_when_it_resumes) {
  ThreadPool pool(2);
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> done{0};
    pool.post([] {});  // workers that look for work just now
    pool.pause();
    pool.pause();
    for (int i = 0; i < 40; ++i) pool.post([&] { ++done; });
    const auto asked = pool.map_async([&](int) { ++done; }, std::views::iota(0, 40));
    EXPECT_FALSE(asked.wait(0s));
    EXPECT_EQ(done, 0);
    pool.resume();
    pool.resume();
    pool.wait_all();
    EXPECT_EQ(done, 80);
  }
}

TEST(PoolControl, a_pause_lets_go_on_what_has_begun_and_what_that_waits_for) {
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
TEST(PoolControl, a_pause_lets_go_on_what_has_forked) {
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

TEST(PoolControl, a_pause_holds_the_rest_of_a_map) {
  ThreadPool pool(2);
  std::atomic<int> done{0};
  Bell bell;
  Gate gate;
  std::thread caller([&] {
    pool.map(
        [&](int i) {
          if (i < 2) hold(bell.path(), gate.path(), 0);
          ++done;
        },
        std::views::iota(0, 1000), {.chunksize = 1});
  });
  bell.await(2);
  pool.pause();
  gate.open();
  await([&] { return done == 2 && pool.stats().running == 0; });
  EXPECT_EQ(done, 2);
  pool.resume();
  caller.join();
  EXPECT_EQ(done, 1000);
}

TEST(PoolControl, a_map_in_a_paused_pool_waits) {
  ThreadPool pool(1);
  pool.pause();
  std::atomic<bool> begun{false};
  std::thread caller([&] { pool.map([&](int) { begun = true; }, std::views::iota(0, 10)); });
  await([&] { return pool.stats().submitted == 1; });
  EXPECT_FALSE(begun);
  pool.resume();
  caller.join();
  EXPECT_TRUE(begun);
}

TEST(PoolControl, a_paused_pool_ends_like_any_other) {
  std::atomic<int> done{0};
  {
    ThreadPool pool(2);
    pool.pause();
    for (int i = 0; i < 10; ++i) pool.post([&] { ++done; });
    pool.close();
    pool.join();
    EXPECT_EQ(done, 10) << "join ends the pause";
  }
  {
    ThreadPool pool(2);
    pool.pause();
    for (int i = 0; i < 10; ++i) pool.post([&] { ++done; });
    const auto asked = pool.apply_async([&] { ++done; });
    pool.terminate();
    EXPECT_THROW(asked.get(), Cancelled);
    pool.pause();  // too late
    pool.join();
  }
  {
    ThreadPool pool(2);
    pool.pause();
    for (int i = 0; i < 10; ++i) pool.post([&] { ++done; });
  }
  EXPECT_EQ(done, 10);
}

TEST(PoolControl, a_paused_pool_may_be_resized) {
  ThreadPool pool(1);
  pool.pause();
  std::atomic<int> done{0};
  for (int i = 0; i < 10; ++i) pool.post([&] { ++done; });
  pool.resize(3);
  pool.resize(2);
  EXPECT_EQ(done, 0);
  pool.resume();
  pool.wait_all();
  EXPECT_EQ(done, 10);
  expect_to_meet(pool, 2);
}

TEST(PoolControl, pauses_at_random_moments_lose_nothing) {
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

TEST(PoolControl, stats_match_the_truth) {
  ThreadPool pool(3);
  EXPECT_EQ(pool.stats().workers, 3);
  EXPECT_EQ(pool.stats().submitted, 0U);
  {
    Held held(pool, 5);
    held.await_begun(3);
    const PoolStats stats = pool.stats();
    EXPECT_EQ(stats.running, 3);
    EXPECT_EQ(stats.submitted, 5U);
    EXPECT_EQ(stats.finished, 0U);
    EXPECT_EQ(stats.unfinished(), 5U);
    EXPECT_GT(stats.working.nanoseconds(), 0ns);
    held.let_go();
  }
  pool.map([](int i) { return i; }, std::views::iota(0, 1000));
  EXPECT_THROW(pool.apply([] { throw std::runtime_error("counts, too"); }), std::runtime_error);
  pool.wait_all();
  EXPECT_EQ(pool.stats().submitted, 7U);
  EXPECT_EQ(pool.stats().finished, 7U);
  await([&] { return pool.stats().running == 0; });
}

TEST(PoolControl, the_time_of_work_grows_while_there_is_some) {
  const auto begin = std::chrono::steady_clock::now();
  ThreadPool pool(2);
  Held held(pool, 2);
  held.await_begun(2);
  const auto before = pool.stats().working.nanoseconds();
  const auto both = std::chrono::steady_clock::now();
  await([&] { return std::chrono::steady_clock::now() - both > 2ms; });
  EXPECT_GE(pool.stats().working.nanoseconds() - before, 2 * 2ms) << "both had a task all the time";
  held.let_go();
  EXPECT_LE(pool.stats().working.nanoseconds(), 2 * (std::chrono::steady_clock::now() - begin));
}

}  // namespace
}  // namespace muster::testing
