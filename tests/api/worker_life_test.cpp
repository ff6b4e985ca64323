// The life of workers: initializers, replacement after so many tasks.

#include <gtest/gtest.h>
#include <pthread.h>
#include <muster/bind.hpp>
#include <muster/error.hpp>
#include <muster/thread_pool.hpp>

#include <atomic>
#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/leaks.hpp"

namespace muster::testing {
namespace {

thread_local int initialized = 0;
std::atomic<int> initializations{0};
std::atomic<int> endings{0};

struct CountsItsEnd {
  ~CountsItsEnd() { ++endings; }
  int value = 0;
};
thread_local CountsItsEnd ending;

void initialize(int value) {
  initialized += value;
  ending.value = value;
  ++initializations;
}

TEST(WorkerLife, the_initializer_runs_once_in_each_worker_before_its_tasks) {
  initializations = 0;
  ThreadPool pool({.processes = 3, .initializer = muster::bind(initialize, 7)});
  EXPECT_EQ(initializations, 3) << "the constructor waits for it";
  for (int round = 0; round < 50; ++round) {
    pool.map([](int) { ASSERT_EQ(initialized, 7); }, std::views::iota(0, 30), {.chunksize = 1});
    ASSERT_EQ(pool.apply([] { return initialized; }), 7);
    ASSERT_EQ(pool.apply_async([] { return initialized; }).get(), 7);
  }
  EXPECT_EQ(initializations, 3);
  EXPECT_EQ(initialized, 0) << "the caller's thread is no worker";
}

TEST(WorkerLife, a_failing_initializer_throws_from_the_constructor) {
  const auto fails = [] { throw std::invalid_argument("cannot begin"); };
  for (int round = 0; round < 20; ++round) {
    try {
      ThreadPool pool({.processes = 3, .initializer = fails});
      FAIL() << "the pool was made";
    } catch (const std::invalid_argument& error) {
      EXPECT_STREQ(error.what(), "cannot begin");
    }
  }
}

TEST(WorkerLife, one_of_several_initializers_fails) {
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> calls{0};
    const auto second_fails = [&calls] {
      if (++calls == 2) throw std::runtime_error("second");
    };
    EXPECT_THROW(ThreadPool({.processes = 3, .initializer = second_fails}), std::runtime_error);
    EXPECT_LE(calls, 3) << "nobody tries again";
  }
}

TEST(WorkerLife, an_initializer_that_fails_later_fails_what_is_left_and_nothing_hangs) {
  std::atomic<int> calls{0};
  const auto third_fails = [&calls] {
    if (++calls > 2) throw std::domain_error("no more workers");
  };
  ThreadPool pool({.processes = 2, .initializer = third_fails, .maxtasksperchild = 1});
  std::vector<AsyncResult<int>> results;
  int refused = 0;
  for (int i = 0; i < 100; ++i) {
    try {
      results.push_back(pool.apply_async([i] { return i; }));
    } catch (const std::domain_error&) {
      ++refused;
    }
  }
  int good = 0;
  for (const auto& result : results) {
    try {
      static_cast<void>(result.get());
      ++good;
    } catch (const std::domain_error&) {
    }
  }
  EXPECT_LE(good, 2);
  EXPECT_EQ(refused + static_cast<int>(results.size()), 100);
  EXPECT_THROW(pool.apply([] {}), std::domain_error);
}

// Pain 15.
TEST(WorkerLife, workers_are_replaced_after_so_many_tasks_and_none_is_lost) {
  for (const int most : {1, 2, 3}) {
    constexpr int kTasks = 3334;
    std::atomic<int> done{0};
    std::atomic<int> over{0};
    {
      ThreadPool pool({.processes = 2, .maxtasksperchild = most});
      const auto task = [&, most] {
        thread_local int tasks = 0;
        if (++tasks > most) ++over;
        ++done;
      };
      std::vector<AsyncResult<void>> results;
      for (int i = 0; i < kTasks / 2; ++i) results.push_back(pool.apply_async(task));
      for (int i = kTasks / 2; i < kTasks; ++i) pool.post(task);
      for (const auto& result : results) result.get();
      pool.wait_all();
    }
    EXPECT_EQ(done, kTasks);
    EXPECT_EQ(over, 0) << "maxtasksperchild " << most;
  }
}

TEST(WorkerLife, thread_local_objects_end_with_their_worker) {
  endings = 0;
  initializations = 0;
  {
    ThreadPool pool({.processes = 1, .initializer = muster::bind(initialize, 1), .maxtasksperchild = 2});
    for (int i = 0; i < 10; ++i) EXPECT_EQ(pool.apply([] { return initialized; }), 1);
  }
  EXPECT_GE(initializations, 5);
  EXPECT_EQ(endings, initializations);
}

TEST(WorkerLife, maps_on_workers_that_are_replaced) {
  for (const int most : {1, 3}) {
    ThreadPool pool({.processes = 2, .maxtasksperchild = most});
    const auto values = pool.map([](int i) { return i + 1; }, std::views::iota(0, 2000), {.chunksize = 5});
    for (int i = 0; i < 2000; ++i) ASSERT_EQ(values[static_cast<std::size_t>(i)], i + 1);
    EXPECT_EQ(pool.map_async([](int i) { return i; }, std::views::iota(0, 500), {.chunksize = 3}).get()[499], 499);
    int next = 0;
    for (const int value : pool.imap([](int i) { return i; }, std::views::iota(0, 500))) ASSERT_EQ(value, next++);
  }
}

TEST(WorkerLife, nested_calls_on_workers_that_are_replaced) {
  ThreadPool pool({.processes = 1, .initializer = muster::bind(initialize, 3), .maxtasksperchild = 1});
  for (int round = 0; round < 100; ++round) {
    ASSERT_EQ(pool.apply([&] {
      return pool.apply([] { return initialized; }) +
             pool.map([](int i) { return i * initialized; }, std::vector{1, 2})[1];
    }),
              9);
  }
}

TEST(WorkerLife, worker_threads_have_the_pools_name) {
  ThreadPool pool(1);
  const std::string name = pool.apply([] {
    char text[32] = {};
    pthread_getname_np(pthread_self(), text, sizeof text);
    return std::string(text);
  });
  EXPECT_EQ(name.rfind("pool-", 0), 0U) << name;
}

}  // namespace
}  // namespace muster::testing
