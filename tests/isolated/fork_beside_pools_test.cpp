// Worker processes in a program with thread pools: a fork is safe while those have nothing to do.

#include <gtest/gtest.h>
#include <muster/pool.hpp>

#include <chrono>
#include <string>

#include "parts/start/template.hpp"
#include "parts/start/testing.hpp"
#include "tests/support/gate.hpp"
#include "tests/support/leaks.hpp"

// NOLINTBEGIN(performance-unnecessary-value-param): what a Body takes
namespace muster::start::testing {
namespace {

using namespace std::chrono_literals;

TEST(ForkBesidePools, works_while_they_are_idle_and_they_go_on) {
  ThreadPool pool(4);
  for (int round = 0; round < 50; ++round) {
    EXPECT_EQ(pool.map([](int i) { return i + 1; }, {1, 2, 3}).size(), 3U);
    Template made(Method::kFork, &return_place, {});
    EXPECT_EQ(await_end(made, start_worker(made, 5)).code, 5);
  }
}

TEST(ForkBesidePools, works_beside_the_thread_that_watches_time_limits) {
  ThreadPool pool(2);
  EXPECT_EQ(pool.with({.timeout = 1h}).apply([] { return 1; }), 1);
  Template made(Method::kFork, &return_place, {});
  EXPECT_EQ(await_end(made, start_worker(made, 5)).code, 5);
}

TEST(ForkBesidePools, is_refused_while_one_has_something_to_do) {
  muster::testing::Bell bell;
  muster::testing::Gate gate;
  ThreadPool pool(2);
  auto held = pool.apply_async(&muster::testing::hold, bell.path(), gate.path(), 1);
  bell.await();
  EXPECT_THROW(Template(Method::kFork, &return_place, {}), Error);
  gate.open();
  EXPECT_EQ(held.get(), 1);
  Template made(Method::kFork, &return_place, {});
  EXPECT_EQ(await_end(made, start_worker(made, 5)).code, 5);
}

int use_a_pool(Birth birth) {
  ThreadPool pool(2);
  int sum = 0;
  for (const int item : pool.map([](int i) { return i * i; }, {1, 2, 3})) sum += item;
  return sum + static_cast<int>(birth.place);
}

TEST(ForkBesidePools, a_worker_may_have_a_thread_pool) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "ThreadSanitizer lets no thread be started in a copy of a program that had some";
#endif
  ThreadPool pool(4);
  EXPECT_EQ(pool.apply([] { return 1; }), 1);
  Template made(Method::kFork, &use_a_pool, {});
  for (std::uint32_t i = 0; i < 5; ++i)
    EXPECT_EQ(await_end(made, start_worker(made, i)).code, static_cast<int>(14 + i));
}

}  // namespace
}  // namespace muster::start::testing
// NOLINTEND(performance-unnecessary-value-param)
