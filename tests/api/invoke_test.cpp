// Fork and join of calls.

#include <gtest/gtest.h>
#include <muster/dummy_pool.hpp>
#include <muster/process_pool.hpp>
#include <muster/thread_pool.hpp>
#include <muster/threading.hpp>

#include <atomic>
#include <concepts>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "tests/support/forked.hpp"
#include "tests/support/tracked.hpp"

namespace muster::testing {
namespace {

long plain_fib(int n) { return n < 2 ? n : plain_fib(n - 1) + plain_fib(n - 2); }

long fib(ThreadPool& pool, int n) {
  if (n < 2) return n;
  const auto [one, other] = pool.invoke([&] { return fib(pool, n - 1); }, [&] { return fib(pool, n - 2); });
  return one + other;
}

// ---- what it gives ----

TEST(Invoke, gives_what_the_calls_give_in_their_order) {
  ThreadPool pool(2);
  const auto [number, text, none, owned] =
      pool.invoke([] { return 1; }, [] { return std::string("two"); }, [] {}, [] { return std::make_unique<int>(4); });
  EXPECT_EQ(number, 1);
  EXPECT_EQ(text, "two");
  static_assert(std::same_as<decltype(none), const std::monostate>);
  EXPECT_EQ(*owned, 4);
  static_assert(std::is_void_v<decltype(pool.invoke([] {}, [] {}))>);
}

template <class Pool>
concept CanInvoke = requires(Pool pool) { pool.invoke([] {}, [] {}); };
static_assert(CanInvoke<ThreadPool&> && CanInvoke<dummy::Pool&> && !CanInvoke<ProcessPool&>);

TEST(Invoke, from_anywhere) {
  for (const int workers : {1, 2, 4}) {
    ThreadPool pool(workers);
    EXPECT_EQ(fib(pool, 15), 610) << "from outside";
    EXPECT_EQ(pool.apply([&] { return fib(pool, 15); }), 610) << "in a task";
    ThreadPool other(1);
    EXPECT_EQ(other.apply([&] { return fib(pool, 12); }), 144) << "in a task of another pool";
    const Results<long> all = pool.map([&](int n) { return fib(pool, n); }, std::views::iota(0, 15));
    for (int n = 0; n < 15; ++n) EXPECT_EQ(all[static_cast<std::size_t>(n)], plain_fib(n)) << "in an item of a map";
    long in_callback = 0;
    pool.apply_async([] {}).callback([&] { in_callback = fib(pool, 10); }).get();
    EXPECT_EQ(in_callback, 55);
  }
}

TEST(Invoke, in_two_pools_by_turns) {
  ThreadPool one(2);
  ThreadPool other(2);
  const auto sum = [&](auto self, int n) -> long {
    if (n < 2) return n;
    ThreadPool& pool = n % 2 == 0 ? one : other;
    const auto [a, b] = pool.invoke([&] { return self(self, n - 1); }, [&] { return self(self, n - 2); });
    return a + b;
  };
  EXPECT_EQ(sum(sum, 10), 55);
}

TEST(Invoke, by_workers_with_an_initializer_or_a_quota) {
  ThreadPool begun({.processes = 2, .initializer = [] {}});
  EXPECT_EQ(fib(begun, 12), 144);
  ThreadPool worn({.processes = 2, .maxtasksperchild = 2});
  for (int round = 0; round < 10; ++round) EXPECT_EQ(fib(worn, 8), 21);
}

// ---- who runs what ----

TEST(Invoke, a_free_worker_takes_what_was_forked) {
  ThreadPool pool(2);
  threading::Event taken;
  std::thread::id first;
  std::thread::id second;
  pool.invoke(
      [&] {
        first = std::this_thread::get_id();
        taken.wait();
      },
      [&] {
        second = std::this_thread::get_id();
        taken.set();
      });
  EXPECT_NE(first, second);
}

// Each level forks a call and goes on with the rest, however deep: those that wait to be taken are the early ones.
TEST(Invoke, of_a_deep_list) {
  ThreadPool pool(2);
  std::atomic<int> calls{0};
  const auto rest = [&](auto self, int depth) -> void {
    if (depth > 0) pool.invoke([&] { self(self, depth - 1); }, [&] { ++calls; });
  };
  rest(rest, 2000);
  EXPECT_EQ(calls, 2000);
}

// They lie above the fork in its worker's queue when it is to be taken back.
TEST(Invoke, leaves_alone_what_the_calls_have_posted) {
  for (const int workers : {1, 2}) {
    ThreadPool pool(workers);
    std::atomic<int> posted{0};
    std::atomic<int> forked{0};
    pool.apply([&] {
      for (int round = 0; round < 200; ++round) {
        pool.invoke(
            [&] {
              for (int i = 0; i < round % 5; ++i) pool.post([&] { ++posted; });
            },
            [&] { ++forked; });
      }
    });
    pool.wait_all();
    EXPECT_EQ(forked, 200);
    EXPECT_EQ(posted, 400);
  }
}

TEST(Invoke, of_calls_that_wait_for_tasks) {
  for (const int workers : {1, 2, 3}) {
    ThreadPool pool(workers);
    const auto sum = [&](auto self, int n) -> long {
      if (n < 2) return n;
      if (n % 3 == 0) {
        auto other = pool.apply_async([&] { return self(self, n - 1); });
        const long one = self(self, n - 2);
        return std::move(other).get() + one;
      }
      const auto [a, b] = pool.invoke([&] { return self(self, n - 1); }, [&] { return self(self, n - 2); });
      return a + b;
    };
    EXPECT_EQ(sum(sum, 14), 377);
  }
}

// ---- failures ----

TEST(Invoke, throws_the_failure_of_the_first_that_has_one) {
  ThreadPool pool(1);
  const auto fails = [](int number) { return [number] { throw number; }; };
  const auto failure_of = [&](auto... calls) {
    try {
      pool.invoke(calls...);
      return 0;
    } catch (int number) {
      return number;
    }
  };
  EXPECT_EQ(failure_of(fails(1), fails(2)), 1);
  EXPECT_EQ(failure_of([] {}, fails(2), fails(3)), 2);
  EXPECT_EQ(failure_of([] {}, [] {}, fails(3)), 3);
  EXPECT_EQ(pool.apply([] { return 4; }), 4);
}

TEST(Invoke, what_has_not_begun_when_the_first_fails_does_not_begin) {
  ThreadPool pool(1);
  bool ran = false;
  EXPECT_THROW(pool.invoke([] { throw std::runtime_error("no"); }, [&] { ran = true; }), std::runtime_error);
  EXPECT_FALSE(ran);
}

TEST(Invoke, returns_when_all_that_began_have_ended_also_if_the_first_fails) {
  ThreadPool pool(2);
  threading::Event begun;
  threading::Event failing;
  std::atomic<bool> ended{false};
  EXPECT_THROW(pool.invoke(
                   [&] {
                     begun.wait();
                     failing.set();
                     throw std::runtime_error("no");
                   },
                   [&] {
                     begun.set();
                     failing.wait();
                     ended = true;
                   }),
               std::runtime_error);
  EXPECT_TRUE(ended);
}

TEST(Invoke, failures_come_up_from_any_depth_and_lose_nothing) {
  Tracked::reset();
  for (const int workers : {1, 3}) {
    ThreadPool pool(workers);
    const auto tree = [&](auto self, int depth, int leaf, int fails) -> Tracked {
      if (depth == 0) {
        if (leaf == fails) throw std::to_string(leaf);
        return Tracked(1);
      }
      auto [a, b] = pool.invoke([&] { return self(self, depth - 1, 2 * leaf, fails); },
                                [&] { return self(self, depth - 1, 2 * leaf + 1, fails); });
      return Tracked(a.value + b.value);
    };
    EXPECT_EQ(tree(tree, 7, 0, -1).value, 128);
    for (int fails = 0; fails < 128; fails += 9) {
      try {
        tree(tree, 7, 0, fails);
        FAIL() << "nothing was thrown";
      } catch (const std::string& what) {
        EXPECT_EQ(what, std::to_string(fails));
      }
    }
  }
  EXPECT_EQ(Tracked::live, 0);
}

TEST(Invoke, of_a_terminated_pool_drops_what_has_not_begun) {
  ThreadPool pool(1);
  bool ran = false;
  auto all = pool.apply_async([&] { pool.invoke([&] { pool.terminate(); }, [&] { ran = true; }); });
  EXPECT_THROW(all.get(), Cancelled);
  EXPECT_FALSE(ran);
  EXPECT_THROW(pool.invoke([] {}, [] {}), PoolClosed);
}

// There are no workers but the one that runs the task.
TEST(Invoke, in_a_copy_of_the_process_is_done_by_who_calls_it) {
  ThreadPool pool(2);
  pool.apply([&] { Forked([&] { return fib(pool, 12) == 144; }); });
}

// ---- under stress ----

// Trees of all shapes, from several threads, with work of other kinds among them.
TEST(InvokeStress, every_call_is_made_once) {
  ThreadPool pool(3);
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 2; ++caller) {
    callers.emplace_back([&, caller] {
      for (unsigned seed = 1; seed <= 60; ++seed) {
        std::atomic<int> calls{0};
        const auto grow = [&](auto self, unsigned at, int left) -> int {
          ++calls;
          if (left <= 1) return left;
          const unsigned next = at * 1664525U + 1013904223U;
          const int share = 1 + static_cast<int>(next >> 16U) % (left - 1);
          if (next % 7 == 0) pool.post([] {});
          if (next % 11 == 0) std::this_thread::yield();
          const auto [a, b, c] = pool.invoke([&] { return self(self, next, share); }, [] { return 0; },
                                             [&] { return self(self, next + 1, left - share); });
          return a + b + c;
        };
        const int size = 50 + caller * 40;
        EXPECT_EQ(grow(grow, seed, size), size);
        EXPECT_EQ(calls, 2 * size - 1);
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  pool.wait_all();
}

}  // namespace
}  // namespace muster::testing
