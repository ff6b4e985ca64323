// Waiting inside tasks: never a deadlock, never unrelated work on top of a task that waits.

#include <gtest/gtest.h>
#include <muster/error.hpp>
#include <muster/thread_pool.hpp>
#include <muster/threading.hpp>

#include <atomic>
#include <latch>
#include <mutex>
#include <numeric>
#include <ranges>
#include <thread>
#include <vector>

#include "tests/support/busy.hpp"
#include "tests/support/leaks.hpp"
#include "tests/support/sanitized.hpp"

namespace muster::testing {
namespace {

TEST(PoolNesting, a_chain_deeper_than_the_stack) {
  ThreadPool pool(1);
  constexpr int kDeep = sanitized() ? 1000 : 20'000;  // sanitizers bound the depth of a call themselves
  const auto descend = [&pool](const auto& self, int left) -> int {
    return left == 0 ? 0 : 1 + pool.apply([&self, left] { return self(self, left - 1); });
  };
  EXPECT_EQ(pool.apply([&] { return descend(descend, kDeep); }), kDeep);
}

TEST(PoolNesting, maps_inside_maps_inside_maps) {
  for (const int workers : {1, 2, 4}) {
    ThreadPool pool(workers);
    for (const int chunksize : {0, 1}) {
      const CallOptions options{.chunksize = chunksize};
      const auto row = [&](int i) {
        const auto cells = pool.map(
            [&](int j) {
              const auto values =
                  pool.map([&](int k) { return i * 100 + j * 10 + k; }, std::views::iota(0, 5), options);
              return std::accumulate(values.begin(), values.end(), 0);
            },
            std::views::iota(0, 6), options);
        return std::accumulate(cells.begin(), cells.end(), 0);
      };
      const auto rows = pool.map(row, std::views::iota(0, 7), options);
      int expected = 0;
      for (int i = 0; i < 7; ++i) {
        for (int j = 0; j < 6; ++j) {
          for (int k = 0; k < 5; ++k) expected += i * 100 + j * 10 + k;
        }
      }
      EXPECT_EQ(std::accumulate(rows.begin(), rows.end(), 0), expected) << workers << " workers";
    }
  }
}

TEST(PoolNesting, map_async_and_imap_inside_tasks) {
  for (const int workers : {1, 2}) {
    ThreadPool pool(workers);
    const auto sums = pool.map(
        [&](int i) {
          auto later = pool.map_async([](int k) { return k; }, std::views::iota(0, i));
          int sum = 0;
          for (const int value : pool.imap([](int k) { return k; }, std::views::iota(0, i), {.window = 2}))
            sum += value;
          for (const int value : pool.imap_unordered([](int k) { return k; }, std::views::iota(0, i))) sum += value;
          for (const int value : later.get()) sum += value;
          return sum;
        },
        std::views::iota(0, 40), {.chunksize = 1});
    for (int i = 0; i < 40; ++i) EXPECT_EQ(sums[static_cast<std::size_t>(i)], 3 * (i * (i - 1) / 2));
  }
}

TEST(PoolNesting, imaps_inside_imaps_that_are_left_early) {
  ThreadPool pool(1);
  const auto first_of = [&pool](int i) { return *pool.imap([](int k) { return k; }, std::views::iota(i)).next(); };
  int expected = 0;
  for (const int value : pool.imap(first_of, std::views::iota(0))) {
    ASSERT_EQ(value, expected);
    if (++expected == 200) break;
  }
}

TEST(PoolNesting, there_and_back_between_two_pools_of_one) {
  ThreadPool a(1);
  ThreadPool b(1);
  for (int round = 0; round < 100; ++round) {
    ASSERT_EQ(a.apply([&] { return b.apply([&] { return a.apply([round] { return round; }); }); }), round);
    const auto by_maps = a.map(
        [&](int i) {
          return b.map([&](int j) { return a.map([](int k) { return k; }, std::views::iota(j, j + 3))[2]; },
                       std::views::iota(i, i + 2))[1];
        },
        std::views::iota(0, 3), {.chunksize = 1});
    ASSERT_EQ(by_maps[2], 5);
  }
}

TEST(PoolNesting, there_and_back_between_three_pools) {
  ThreadPool a(1);
  ThreadPool b(1);
  ThreadPool c(1);
  const auto hop = [&](const auto& self, int left) -> int {
    if (left == 0) return 0;
    ThreadPool& next = left % 3 == 0 ? a : left % 3 == 1 ? b : c;
    return 1 + next.apply([&] { return self(self, left - 1); });
  };
  EXPECT_EQ(hop(hop, 60), 60);
}

TEST(PoolNesting, two_pools_of_one_that_wait_for_each_other) {
  ThreadPool a(1);
  ThreadPool b(1);
  for (int round = 0; round < 200; ++round) {
    std::latch both(2);  // neither asks before both run: then each pool's only worker waits for the other pool
    auto from_a = a.apply_async([&] {
      both.arrive_and_wait();
      return b.apply([] { return 1; });
    });
    auto from_b = b.apply_async([&] {
      both.arrive_and_wait();
      return a.apply([] { return 2; });
    });
    ASSERT_EQ(from_a.get(), 1);
    ASSERT_EQ(from_b.get(), 2);
  }
}

TEST(PoolNesting, a_lock_held_across_a_wait_for_another_task) {
  ThreadPool pool(2);
  threading::Lock lock;
  long total = 0;
  const auto locked = [&](int i) {
    const std::scoped_lock guard(lock);
    total += pool.apply([i] { return i; });
  };
  pool.map(locked, std::views::iota(0, 300), {.chunksize = 1});
  EXPECT_EQ(total, 300L * 299 / 2);
}

TEST(PoolNesting, no_more_tasks_at_a_time_than_workers_for_several_callers) {
  for (const int workers : {1, 2, 3}) {
    ThreadPool pool(workers);
    Busy busy;
    std::vector<std::thread> callers;
    for (int caller = 0; caller < 4; ++caller) {
      callers.emplace_back([&] {
        for (int round = 0; round < 30; ++round) {
          pool.map([&](int) { const Busy::Scope scope(busy); }, std::views::iota(0, 20), {.chunksize = round % 3});
          pool.apply([&] { const Busy::Scope scope(busy); });
        }
      });
    }
    for (std::thread& caller : callers) caller.join();
    EXPECT_LE(busy.most(), workers);
  }
}

// A task that waits for the serialiser stands still, so its place may be used; but never are two of the serialiser's
// own tasks at work at once.
TEST(PoolNesting, a_pool_of_one_serialises_the_tasks_of_another_pool) {
  ThreadPool many(4);
  ThreadPool one(1);
  Busy busy;
  long unguarded = 0;
  const auto step = [&] {
    const Busy::Scope scope(busy);
    return ++unguarded;
  };
  many.map([&](int) { one.apply(step); }, std::views::iota(0, 400), {.chunksize = 1});
  many.map([&](int) { one.map([&](int) { return step(); }, std::views::iota(0, 3)); }, std::views::iota(0, 100),
           {.chunksize = 1});
  std::thread outside([&] { one.map([&](int) { return step(); }, std::views::iota(0, 500)); });
  many.map([&](int) { one.apply(step); }, std::views::iota(0, 400), {.chunksize = 1});
  outside.join();
  EXPECT_EQ(unguarded, 400 + 300 + 500 + 400);
  EXPECT_EQ(busy.most(), 1);
}

TEST(PoolNesting, a_pool_made_inside_a_task) {
  ThreadPool outer(2);
  const auto sums = outer.map(
      [](int i) {
        ThreadPool inner(2);
        const auto squares = inner.map([](int k) { return k * k; }, std::views::iota(0, i));
        return std::accumulate(squares.begin(), squares.end(), 0);
      },
      std::views::iota(0, 20), {.chunksize = 1});
  EXPECT_EQ(sums[4], 14);
}

TEST(PoolNesting, join_and_wait_all_in_a_task_are_refused) {
  ThreadPool pool(2);
  EXPECT_THROW(pool.apply([&] { pool.wait_all(); }), DeadlockError);
  EXPECT_THROW(pool.map([&](int) { pool.wait_all(); }, std::vector{1}), DeadlockError);
  auto closing = pool.apply_async([&] {
    pool.close();
    pool.join();
  });
  EXPECT_THROW(closing.get(), DeadlockError);
  EXPECT_THROW(pool.apply([] {}), PoolClosed);
  pool.join();
}

TEST(PoolNesting, tasks_may_submit_to_a_closed_pool_until_it_is_joined) {
  ThreadPool pool(1);
  threading::Event closed;
  std::atomic<int> done{0};
  auto task = pool.apply_async([&] {
    closed.wait();
    pool.post([&] { ++done; });
    done += pool.apply([] { return 10; });
    pool.map([&](int i) { done += i; }, std::vector{100, 200});
    auto later = pool.apply_async([&] { pool.post([&] { done += 1000; }); });
    later.get();
  });
  pool.close();
  EXPECT_THROW(pool.post([] {}), PoolClosed);
  closed.set();
  pool.join();
  EXPECT_TRUE(task.successful());
  EXPECT_EQ(done, 1311);
}

TEST(PoolNesting, results_may_be_waited_for_in_tasks_of_other_pools_and_after_the_end) {
  ThreadPool waits(1);
  auto late = [&] {
    ThreadPool works(1);
    auto inner = works.apply_async([] { return 5; });
    inner.wait();
    return inner;
  }();
  EXPECT_EQ(waits.apply([&] { return late.get(); }), 5);
}

}  // namespace
}  // namespace muster::testing
