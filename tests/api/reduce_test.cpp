// reduce: in order, the same for every number of workers. WorkerLocal: each worker's own, put together in the end.

#include <gtest/gtest.h>
#include <muster/error.hpp>
#include <muster/thread_pool.hpp>
#include <muster/worker_local.hpp>

#include <algorithm>
#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <numeric>
#include <random>
#include <ranges>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/crowd.hpp"
#include "tests/support/leaks.hpp"

namespace muster::testing {
namespace {

TEST(Reduce, combines_all_items_in_their_order) {
  ThreadPool pool(3);
  for (const int items : {1, 2, 3, 5, 100, 1023, 1024, 1025, 2048, 2049, 5000}) {
    std::vector<std::string> words;
    std::string all;
    for (int i = 0; i < items; ++i) {
      words.push_back(std::to_string(i) + ",");
      all += words.back();
    }
    ASSERT_EQ(pool.reduce(std::plus<>(), words), all) << items;
    ASSERT_EQ(pool.reduce(std::plus<>(), words, std::string(">")), ">" + all) << items;
    ASSERT_EQ(pool.reduce(std::plus<>(), std::list<std::string>(words.begin(), words.end())), all) << items;
  }
}

TEST(Reduce, is_the_same_for_every_number_of_workers) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> draw(-1e9, 1e9);
  for (const std::size_t items : {std::size_t{10}, std::size_t{1000}, std::size_t{100'000}}) {
    std::vector<double> numbers(items);
    for (double& number : numbers) number = draw(random);
    ThreadPool one(1);
    const double expected = one.reduce(std::plus<>(), numbers);
    for (const int workers : {2, 3, 8}) {
      ThreadPool pool(workers);
      for (int round = 0; round < 10; ++round) ASSERT_EQ(pool.reduce(std::plus<>(), numbers), expected);
    }
  }
}

TEST(Reduce, of_nothing_is_the_initial_value_or_an_error) {
  ThreadPool pool(2);
  EXPECT_THROW(pool.reduce(std::plus<>(), std::vector<int>()), ValueError);
  EXPECT_EQ(pool.reduce(std::plus<>(), std::vector<int>(), 7), 7);
}

TEST(Reduce, takes_the_type_of_the_initial_value) {
  ThreadPool pool(2);
  const std::vector<int> large(10, 2'000'000'000);
  EXPECT_EQ(pool.reduce(std::plus<>(), large, 0L), 20'000'000'000L);
  EXPECT_EQ(pool.reduce(std::plus<>(), std::views::iota(0L, 1'000'000L)), 499'999'500'000L);
  EXPECT_TRUE(pool.reduce(std::logical_and<>(), std::vector<bool>(3000, true)));
}

TEST(Reduce, moves_what_can_only_be_moved) {
  ThreadPool pool(2);
  std::vector<std::unique_ptr<int>> items;
  for (int i = 0; i < 3000; ++i) items.push_back(std::make_unique<int>(i));
  const auto sum = pool.reduce(
      [](std::unique_ptr<int> a, std::unique_ptr<int> b) {
        *a += *b;
        return a;
      },
      std::move(items));
  EXPECT_EQ(*sum, 2999 * 3000 / 2);
}

TEST(Reduce, throws_the_failure_of_the_first_block) {
  ThreadPool pool(3);
  for (int round = 0; round < 20; ++round) {
    try {
      static_cast<void>(pool.reduce(
          [](int a, int b) {
            if (b % 1000 == 999) throw std::runtime_error(std::to_string(b));
            return a + b * 0;
          },
          std::views::iota(0, 10'000)));
      FAIL();
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "999");
    }
  }
}

TEST(Reduce, works_inside_tasks) {
  ThreadPool pool(1);
  EXPECT_EQ(pool.apply([&] { return pool.reduce(std::plus<>(), std::views::iota(0, 5000)); }), 4999 * 5000 / 2);
  EXPECT_EQ(pool.with({.priority = 1}).reduce(std::plus<>(), std::views::iota(0, 5000)), 4999 * 5000 / 2);
}

TEST(WorkerLocal, counts_without_a_lock_and_is_put_together) {
  ThreadPool pool(3);
  WorkerLocal<long> sum;
  EXPECT_EQ(sum.combine(std::plus<>()), 0);
  for (int round = 0; round < 10; ++round)
    pool.map([&](long i) { *sum += i; }, std::views::iota(0L, 10'000L), {.chunksize = 7});
  EXPECT_GE(sum.size(), 1U);
  EXPECT_LE(sum.size(), 4U) << "the workers', and the caller's";
  long all = 0;
  sum.for_each([&](long& part) { all += part; });
  EXPECT_EQ(all, 10 * 49'995'000L);
  EXPECT_EQ(sum.combine(std::plus<>()), 10 * 49'995'000L);
}

TEST(WorkerLocal, values_outlive_workers_that_are_replaced_or_dismissed) {
  WorkerLocal<std::vector<int>> seen;
  {
    ThreadPool pool({.processes = 2, .maxtasksperchild = 3});
    pool.map([&](int i) { seen->push_back(i); }, std::views::iota(0, 300), {.chunksize = 1});
    pool.resize(1);
    pool.map([&](int i) { seen->push_back(i); }, std::views::iota(300, 400), {.chunksize = 1});
  }
  EXPECT_GT(seen.size(), 20U);
  auto all = seen.combine([](std::vector<int> a, const std::vector<int>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  });
  std::ranges::sort(all);
  ASSERT_EQ(all.size(), 400U);
  for (int i = 0; i < 400; ++i) EXPECT_EQ(all[static_cast<std::size_t>(i)], i);
}

TEST(WorkerLocal, begins_as_it_is_made_and_keeps_what_fails_to_itself) {
  ThreadPool pool(1);
  int made = 0;
  WorkerLocal<int> number([&] {
    if (++made == 1) throw std::domain_error("not yet");
    return 40 + made;
  });
  EXPECT_THROW(pool.apply([&] { return number.get(); }), std::domain_error);
  EXPECT_EQ(pool.apply([&] { return number.get(); }), 42);
  EXPECT_EQ(pool.apply([&] { return ++*number; }), 43);
  EXPECT_EQ(made, 2);
  EXPECT_EQ(number.size(), 1U);
}

TEST(WorkerLocal, several_are_apart_and_may_come_and_go) {
  ThreadPool pool(2);
  for (int round = 0; round < 100; ++round) {
    WorkerLocal<int> one;
    WorkerLocal<int> two([] { return 1000; });
    pool.map([&](int) { ++*one, ++*two; }, std::views::iota(0, 20), {.chunksize = 1});
    ASSERT_EQ(one.combine(std::plus<>()), 20);
    ASSERT_EQ(two.combine(std::plus<>()) % 1000, 20);
  }
}

}  // namespace
}  // namespace muster::testing
