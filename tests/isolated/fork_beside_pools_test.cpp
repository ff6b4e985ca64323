// Worker processes in a program with thread pools: a fork is safe while those have nothing to do.

#include <gtest/gtest.h>
#include <muster/pool.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "parts/start/template.hpp"
#include "parts/start/testing.hpp"
#include "tests/support/child.hpp"
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

// fork is the user's own here, so a pool may be in the midst of something. Its copy has no threads to end it.
TEST(ForkBesidePools, a_copy_of_a_busy_pool_neither_hangs_nor_goes_on) {
  muster::testing::Bell bell;
  muster::testing::Gate gate;
  auto pool = std::make_unique<ThreadPool>(1);
  auto settled = pool->apply_async([] { return 7; });
  settled.wait();
  auto held = pool->apply_async(&muster::testing::hold, bell.path(), gate.path(), 1);
  bell.await();
  auto waiting = pool->apply_async([] { return 2; });
  auto stream = std::make_unique<Imap<int>>(pool->imap([](int i) { return i; }, std::vector{1, 2, 3}));
  const auto ended = muster::testing::run_in_child([&] {
    muster::testing::require(settled.get() == 7, "what was there is there");
    const auto is_refused = [](const auto& call) {
      try {
        call();
      } catch (const Error&) {
        return true;
      }
      return false;
    };
    muster::testing::require(is_refused([&] { held.get(); }), "waiting for what was begun");
    muster::testing::require(is_refused([&] { waiting.get(1ms); }), "waiting for what was not begun");
    muster::testing::require(!waiting.cancel(), "cancel");
    muster::testing::require(is_refused([&] { stream->next(); }), "next");
    muster::testing::require(is_refused([&] { pool->wait_all(); }), "wait_all");
    muster::testing::require(is_refused([&] { pool->apply([] { return 1; }); }), "apply");
    stream.reset();
    pool.reset();
#ifndef __SANITIZE_THREAD__  // which lets no thread be started here
    ThreadPool own(2);
    muster::testing::require(own.apply([] { return 3; }) == 3, "a pool of its own");
#endif
  });
  EXPECT_TRUE(ended.well()) << ended;
  gate.open();
  EXPECT_EQ(held.get() + waiting.get(), 3);
  EXPECT_EQ(stream->next(), 1);
}

}  // namespace
}  // namespace muster::start::testing
// NOLINTEND(performance-unnecessary-value-param)
