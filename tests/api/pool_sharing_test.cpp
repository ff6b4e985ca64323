// What only pools of threads can do: tasks that see the caller's objects, and stop tokens.

#include <gtest/gtest.h>
#include <muster/error.hpp>
#include <muster/thread_pool.hpp>
#include <muster/threading.hpp>

#include <atomic>
#include <barrier>
#include <chrono>
#include <condition_variable>
#include <latch>
#include <mutex>
#include <optional>
#include <ranges>
#include <stop_token>
#include <thread>
#include <vector>

#include "tests/support/leaks.hpp"

namespace muster::testing {
namespace {

using namespace std::chrono_literals;

// Until somebody asks it to stop.
int run_until_stopped(const std::stop_token& token, threading::Event& begun, int i) {
  std::mutex lock;
  std::condition_variable_any stopped;
  std::unique_lock guard(lock);
  begun.set();
  stopped.wait(guard, token, [] { return false; });
  return i;
}

TEST(PoolSharing, tasks_run_beside_each_other) {
  ThreadPool pool(4);
  std::barrier meeting(4);
  for (int round = 0; round < 50; ++round) {
    pool.map([&](int) { meeting.arrive_and_wait(); }, std::views::iota(0, 4), {.chunksize = 1});
    std::latch all(4);
    for (int i = 0; i < 4; ++i) pool.post([&] { all.arrive_and_wait(); });
    pool.wait_all();
  }
}

TEST(PoolSharing, items_in_chunks_of_one_run_beside_each_other_whatever_the_map_has_learnt) {
  ThreadPool pool(4);
  threading::Event all_came;
  std::atomic<int> came{0};
  std::atomic<int> met{0};
  const auto meet = [&](int i) {
    if (i < 0) return;
    if (++came == 4) all_came.set();
    met += all_came.wait(20s) ? 1 : 0;
  };
  pool.map(meet, std::views::iota(-100'000, 0));  // what it learns here must not keep those below in one thread
  pool.map(meet, std::views::iota(0, 4), {.chunksize = 1});
  EXPECT_EQ(met, 4);
}

TEST(PoolSharing, captured_objects_are_the_callers) {
  ThreadPool pool(3);
  std::vector<int> seen(1000);
  pool.map([&](int i) { seen[static_cast<std::size_t>(i)] = i; }, std::views::iota(0, 1000));
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(seen[static_cast<std::size_t>(i)], i);
}

TEST(PoolSharing, a_stop_token_is_given_only_where_the_call_needs_one) {
  ThreadPool pool(1);
  const auto either = [](const auto&... given) { return sizeof...(given); };
  EXPECT_EQ(pool.apply(either, 1), 1U) << "possible without, so without";
  const auto wants = [](const std::stop_token& token, int i) { return token.stop_possible() ? i : -1; };
  EXPECT_EQ(pool.apply(wants, 7), 7);
  EXPECT_EQ(pool.map(wants, std::vector{8})[0], 8);
  EXPECT_EQ(pool.imap(wants, std::vector{9}).next(), 9);
  EXPECT_EQ(pool.apply_async(wants, 7).get(), 7);
  EXPECT_EQ(pool.map_async(wants, std::vector{6}).get()[0], 6);
  EXPECT_TRUE(pool.try_map(wants, std::vector{5})[0].has_value());
  const auto spread = [](const std::stop_token& token, int a, int b) { return token.stop_possible() ? a + b : -1; };
  EXPECT_EQ(pool.starmap(spread, std::vector{std::pair(1, 2)})[0], 3);
  std::atomic<int> posted{0};
  pool.post([&](const std::stop_token& token, int i) { posted = token.stop_possible() ? i : -1; }, 4);
  pool.wait_all();
  EXPECT_EQ(posted, 4);
  EXPECT_EQ(pool.apply([](const std::stop_token& token) { return token.stop_requested(); }), false);
}

TEST(PoolSharing, cancel_requests_stop_of_what_has_begun) {
  ThreadPool pool(1);
  threading::Event begun;
  auto later = pool.apply_async(run_until_stopped, std::ref(begun), 5);
  begun.wait();
  EXPECT_FALSE(later.cancel());
  EXPECT_EQ(later.get(), 5);
  begun.clear();
  auto map = pool.map_async([&](const std::stop_token& token, int i) { return run_until_stopped(token, begun, i); },
                            std::views::iota(0, 100), {.chunksize = 1});
  begun.wait();
  EXPECT_FALSE(map.cancel());
  EXPECT_THROW(map.get(), Cancelled) << "no further chunk begins";
}

TEST(PoolSharing, terminate_requests_stop_of_what_has_begun) {
  for (int way = 0; way < 6; ++way) {
    ThreadPool pool(1);
    threading::Event begun;
    const auto endless = [&](const std::stop_token& token, int i) { return run_until_stopped(token, begun, i); };
    std::optional<AsyncResult<int>> single;
    std::optional<AsyncResult<Results<int>>> map;
    std::optional<Imap<int>> stream;
    std::thread caller;
    if (way == 0) single.emplace(pool.apply_async(endless, 1));
    if (way == 1) map.emplace(pool.map_async(endless, std::vector{1, 2}));
    if (way == 2) stream.emplace(pool.imap(endless, std::vector{1, 2}));
    if (way == 3) pool.post(endless, 1);
    if (way == 4) caller = std::thread([&] { static_cast<void>(pool.try_map(endless, std::vector{1, 2})); });
    if (way == 5) single.emplace(pool.with({.timeout = 1h}).apply_async(endless, 1));
    begun.wait();
    pool.terminate();
    pool.join();
    if (caller.joinable()) caller.join();
    if (single) {
      EXPECT_EQ(single->get(), 1);
    }
  }
}

TEST(PoolSharing, the_destructor_requests_stop) {
  threading::Event begun;
  std::optional<AsyncResult<int>> later;
  {
    ThreadPool pool(1);
    later.emplace(pool.apply_async(run_until_stopped, std::ref(begun), 5));
    begun.wait();
  }
  EXPECT_EQ(later->get(), 5);
}

TEST(PoolSharing, a_timeout_requests_stop_and_the_call_returns_when_the_item_has_ended) {
  ThreadPool pool(2);
  threading::Event begun;
  std::atomic<int> inside{0};
  const auto endless = [&](const std::stop_token& token, int i) {
    ++inside;
    if (i == 1) run_until_stopped(token, begun, i);
    --inside;
    return i;
  };
  EXPECT_THROW(pool.with({.timeout = 10ms}).apply(endless, 1), TimeoutError);
  EXPECT_EQ(inside, 0);
  EXPECT_THROW(pool.map(endless, std::vector{1, 1, 1}, {.timeout = 10ms}), TimeoutError);
  EXPECT_EQ(inside, 0) << "nothing that may refer to the caller's frame runs any more";
  const auto outcomes = pool.try_map(endless, std::vector{1, 0, 1}, {.timeout = 10ms});
  EXPECT_FALSE(outcomes[0].has_value());
  EXPECT_FALSE(outcomes[2].has_value());
  EXPECT_EQ(inside, 0);
}

TEST(PoolSharing, a_limit_of_one_item_stops_only_that_item) {
  ThreadPool pool(2);
  threading::Event begun;
  const auto some = [&](const std::stop_token& token, int i) {
    if (i == 1) run_until_stopped(token, begun, i);
    return token.stop_requested();
  };
  const auto outcomes = pool.try_map(some, std::vector{0, 1, 2, 3}, {.chunksize = 4, .timeout = 200ms});
  EXPECT_FALSE(outcomes[1].has_value());
  for (const std::size_t i : {0U, 2U, 3U}) {
    if (outcomes[i].has_value()) {
      EXPECT_FALSE(outcomes[i].value()) << i;
    }
  }
}

TEST(PoolSharing, a_blocking_call_that_fails_waits_for_begun_items_first) {
  ThreadPool pool(3);
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> inside{0};
    std::latch two(2);
    const auto item = [&](int i) {
      ++inside;
      if (i < 2) two.arrive_and_wait();
      if (i == 0) {
        --inside;
        throw std::runtime_error("first");
      }
      for (int spin = 0; spin < 100; ++spin) std::this_thread::yield();
      --inside;
    };
    EXPECT_THROW(pool.map(item, std::views::iota(0, 10), {.chunksize = 1}), std::runtime_error);
    ASSERT_EQ(inside, 0);
  }
}

TEST(PoolSharing, a_failure_is_the_lowest_also_when_a_higher_one_comes_first) {
  ThreadPool pool(2);
  for (int round = 0; round < 100; ++round) {
    threading::Event second_failed;
    const auto item = [&](int i) {
      if (i == 0) second_failed.wait();
      if (i == 1) second_failed.set();
      throw std::runtime_error(std::to_string(i));
    };
    try {
      pool.map(item, std::views::iota(0, 2), {.chunksize = 1});
      FAIL() << "nothing was thrown";
    } catch (const std::runtime_error& error) {
      ASSERT_STREQ(error.what(), "0");
    }
  }
}

TEST(PoolSharing, a_chunk_runs_in_one_thread_in_order_and_begins_where_the_chunksize_says) {
  ThreadPool pool(4);
  for (const std::size_t chunksize : {1U, 7U, 10U, 64U}) {
    std::vector<std::thread::id> ran_in(1000);
    std::vector<std::size_t> previous(1000);
    pool.map(
        [&](std::size_t i) {
          thread_local std::size_t last = SIZE_MAX;
          previous[i] = std::exchange(last, i);
          ran_in[i] = std::this_thread::get_id();
        },
        std::views::iota(std::size_t{0}, std::size_t{1000}), {.chunksize = static_cast<int>(chunksize)});
    for (std::size_t i = 0; i < 1000; ++i) {
      if (i % chunksize == 0) continue;
      ASSERT_EQ(ran_in[i], ran_in[i - 1]) << "chunksize " << chunksize << ", item " << i;
      ASSERT_EQ(previous[i], i - 1) << "chunksize " << chunksize << ", item " << i;
    }
  }
}

TEST(PoolSharing, results_may_be_waited_for_by_several_threads) {
  ThreadPool pool(2);
  for (int round = 0; round < 100; ++round) {
    threading::Event go;
    auto later = pool.apply_async([&go, round] { return go.wait(), round; });
    std::atomic<int> sum{0};
    std::vector<std::thread> readers;
    for (int i = 0; i < 3; ++i) readers.emplace_back([&] { sum += later.get(); });
    go.set();
    for (std::thread& reader : readers) reader.join();
    ASSERT_EQ(sum, 3 * round);
  }
}

}  // namespace
}  // namespace muster::testing
