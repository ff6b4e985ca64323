// Pools that end in unlikely places: in their own tasks and callbacks, on their timer's thread, by several threads at
// once.

#include <gtest/gtest.h>
#include <muster/error.hpp>
#include <muster/thread_pool.hpp>
#include <muster/threading.hpp>

#include <chrono>
#include <memory>
#include <ranges>
#include <thread>
#include <vector>

#include "tests/support/leaks.hpp"

namespace muster::testing {
namespace {

using namespace std::chrono_literals;

TEST(Shutdown, a_pool_destroyed_in_its_own_task_ends_by_itself) {
  for (int round = 0; round < 100; ++round) {
    auto pool = std::make_unique<ThreadPool>(1 + round % 3);
    threading::Event go;
    std::vector<AsyncResult<int>> results;
    results.push_back(pool->apply_async([&go, &pool] {
      go.wait();
      pool.reset();
      return 1;
    }));
    for (int i = 0; i < 5; ++i) results.push_back(pool->apply_async([i] { return i; }));
    go.set();
    for (const auto& result : results) result.wait();
  }
}

TEST(Shutdown, a_pool_destroyed_in_a_callback) {
  for (int round = 0; round < 100; ++round) {
    auto pool = std::make_unique<ThreadPool>(1 + round % 3);
    threading::Event go;
    auto result = pool->apply_async([&go] { go.wait(); });
    auto queued = pool->apply_async([] { return 1; });
    result.callback([&pool] { pool.reset(); });
    go.set();
    result.wait();
    queued.wait();
  }
}

TEST(Shutdown, a_pool_destroyed_in_a_callback_of_its_timer) {
  for (int round = 0; round < 20; ++round) {
    auto pool = std::make_unique<ThreadPool>(1);
    threading::Event attached;
    const auto go = std::make_shared<threading::Event>();  // the task outlives this round
    auto before = pool->apply_async([&] { attached.wait(); });
    auto limited = pool->with({.timeout = 1ms}).apply_async([go] { go->wait(); });
    auto queued = pool->apply_async([] { return 1; });
    limited.error_callback([&](const std::exception&) { pool.reset(); });
    attached.set();
    limited.wait();
    queued.wait();
    go->set();
  }
}

TEST(Shutdown, terminate_from_tasks_and_callbacks) {
  for (int round = 0; round < 100; ++round) {
    ThreadPool pool(2);
    std::vector<AsyncResult<void>> results;
    results.push_back(pool.apply_async([&] { pool.terminate(); }));
    for (int i = 0; i < 10; ++i) {
      try {
        results.push_back(pool.apply_async([] {}));
        results.back().callback([&] { pool.terminate(); }).error_callback([&](const std::exception&) {
          pool.terminate();
        });
      } catch (const PoolClosed&) {
      }
    }
    pool.terminate();
    pool.join();
    for (const auto& result : results) ASSERT_TRUE(result.ready());
  }
}

TEST(Shutdown, several_threads_end_one_pool) {
  for (int round = 0; round < 100; ++round) {
    ThreadPool pool(2);
    auto map = pool.map_async([](int i) { return i; }, std::views::iota(0, 1000));
    std::vector<std::thread> enders;
    for (int i = 0; i < 3; ++i) {
      enders.emplace_back([&pool, i] {
        if (i == 0) pool.terminate();
        pool.close();
        pool.join();
      });
    }
    for (std::thread& ender : enders) ender.join();
    ASSERT_TRUE(map.ready());
  }
}

}  // namespace
}  // namespace muster::testing
