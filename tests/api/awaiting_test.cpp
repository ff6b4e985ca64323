// Results as std::future, and awaited by coroutines.

#include <gtest/gtest.h>
#include <muster/error.hpp>
#include <muster/process_pool.hpp>
#include <muster/thread_pool.hpp>
#include <muster/threading.hpp>

#include <atomic>
#include <coroutine>
#include <exception>
#include <future>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/tracked.hpp"

namespace muster::testing {
namespace {

int twice(int n) { return 2 * n; }
int refuse(int n) { throw std::out_of_range("not " + std::to_string(n)); }

// ---- futures ----

TEST(ToFuture, gives_values_failures_and_nothing) {
  ThreadPool pool(2);
  EXPECT_EQ(pool.apply_async(twice, 4).to_future().get(), 8);
  EXPECT_THROW(pool.apply_async(refuse, 4).to_future().get(), std::out_of_range);
  bool ran = false;
  pool.apply_async([&] { ran = true; }).to_future().get();
  EXPECT_TRUE(ran);
  EXPECT_EQ(*pool.apply_async([] { return std::make_unique<int>(3); }).to_future().get(), 3);
  EXPECT_EQ(pool.map_async(twice, std::views::iota(0, 5)).to_future().get().back(), 8);
}

TEST(ToFuture, of_a_result_that_is_there_and_of_one_that_was_cancelled) {
  ThreadPool pool(1);
  auto early = pool.apply_async(twice, 1);
  early.wait();
  std::future<int> future = std::move(early).to_future();
  EXPECT_EQ(future.wait_for(std::chrono::seconds(0)), std::future_status::ready);
  EXPECT_EQ(future.get(), 2);
  EXPECT_THROW(std::move(early).to_future(), Error) << "it was given up";

  threading::Event go;
  pool.post([&] { go.wait(); });
  auto never = pool.apply_async(twice, 1);
  EXPECT_TRUE(never.cancel());
  EXPECT_THROW(std::move(never).to_future().get(), Cancelled);
  go.set();
}

TEST(ToFuture, outlives_the_pool_and_fails_with_a_callback) {
  std::future<int> future;
  {
    ThreadPool pool(1);
    auto result = pool.apply_async(twice, 21);
    result.callback([](int) { throw std::runtime_error("the callback"); });
    future = std::move(result).to_future();
    pool.close();
    pool.join();
  }
  EXPECT_THROW(future.get(), std::runtime_error);
}

TEST(ToFuture, of_processes) {
  ProcessPool pool(1);
  EXPECT_EQ(pool.apply_async(twice, 4).to_future().get(), 8);
  EXPECT_THROW(pool.apply_async(refuse, 4).to_future().get(), std::out_of_range);
}

// ---- coroutines ----

#pragma GCC diagnostic ignored "-Wzero-as-null-pointer-constant"  // what GCC 12 itself writes for a coroutine

// One that begins at once, and whose end a future tells.
template <class T>
class Coroutine {
 public:
  struct promise_type {  // NOLINT(readability-identifier-naming): the language's word
    std::promise<T> end;
    Coroutine get_return_object() { return Coroutine(end.get_future()); }
    static std::suspend_never initial_suspend() noexcept { return {}; }
    static std::suspend_never final_suspend() noexcept { return {}; }
    void return_value(T value) { end.set_value(std::move(value)); }
    void unhandled_exception() { end.set_exception(std::current_exception()); }
  };

  T get() { return end_.get(); }

 private:
  explicit Coroutine(std::future<T> end) : end_(std::move(end)) {}
  std::future<T> end_;
};

Coroutine<int> sum_of(ThreadPool& pool, int count) {
  int sum = 0;
  for (int i = 0; i < count; ++i) sum += co_await pool.apply_async(twice, i);
  co_return sum;
}

Coroutine<int> both(ThreadPool& pool) {
  auto one = pool.apply_async(twice, 1);
  auto other = pool.apply_async(twice, 2);
  const int first = co_await std::move(one);
  co_return first + co_await std::move(other);
}

Coroutine<std::string> failure_of(ThreadPool& pool) {
  try {
    co_await pool.apply_async(refuse, 7);
  } catch (const std::out_of_range& error) {
    co_return error.what();
  }
  co_return "nothing was thrown";
}

Coroutine<int> moved(ThreadPool& pool) {
  co_await pool.apply_async([] {});
  const std::unique_ptr<int> made = co_await pool.apply_async([] { return std::make_unique<int>(5); });
  co_return *made;
}

TEST(CoAwait, gives_values_and_failures) {
  ThreadPool pool(2);
  EXPECT_EQ(sum_of(pool, 100).get(), 9900);
  EXPECT_EQ(both(pool).get(), 6);
  EXPECT_EQ(failure_of(pool).get(), "not 7");
  EXPECT_EQ(moved(pool).get(), 5);
}

TEST(CoAwait, many_at_once) {
  Tracked::reset();
  {
    ThreadPool pool(3);
    const auto carry = [](ThreadPool& of, Tracked tracked) -> Coroutine<int> {
      for (int step = 0; step < 20; ++step) tracked.value = co_await of.apply_async(twice, 1) + step;
      co_return tracked.value;
    };
    std::vector<Coroutine<int>> all;
    for (int i = 0; i < 200; ++i) all.push_back(carry(pool, Tracked(i)));
    for (Coroutine<int>& one : all) EXPECT_EQ(one.get(), 21);
    pool.close();
    pool.join();
  }
  EXPECT_EQ(Tracked::live, 0);
}

TEST(CoAwait, of_what_is_dropped_with_its_pool) {
  threading::Event go;
  auto pool = std::make_unique<ThreadPool>(1);
  pool->post([&] { go.wait(); });
  auto waiting = sum_of(*pool, 3);
  std::thread ends([&] { pool.reset(); });
  EXPECT_THROW(waiting.get(), Cancelled);
  go.set();
  ends.join();
}

}  // namespace
}  // namespace muster::testing
