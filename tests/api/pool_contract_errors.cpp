// What a task throws, and who hears of it: map, try_map, the lowest index, results built before a failure.

#include <new>
#include <ranges>
#include <system_error>
#include <thread>

#include "tests/api/pool_contract.hpp"
#include "tests/support/tracked.hpp"

namespace muster::testing {
namespace {

TYPED_TEST(PoolContract, exceptions_keep_their_type_and_text) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  EXPECT_EQ(text_thrown<std::out_of_range>([&] { pool.apply([](int) -> int { throw std::out_of_range("far"); }, 0); }),
            "far");
  EXPECT_EQ(
      text_thrown<std::underflow_error>([&] { pool.apply([]() -> int { throw std::underflow_error("small"); }); }),
      "small");
  EXPECT_THROW(pool.apply([]() -> int { throw std::bad_alloc(); }), std::bad_alloc);
  try {
    pool.apply([] { throw std::system_error(ENOENT, std::generic_category(), "no file"); });
    FAIL() << "nothing was thrown";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
  }
  EXPECT_THROW(pool.apply([] { throw TimeoutError("mine"); }), TimeoutError);
}

TYPED_TEST(PoolContract, map_throws_the_failure_of_the_lowest_index) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 3}));
  const auto late = [](int i) {
    if (i >= 40) throw std::length_error("at " + std::to_string(i));
    return i;
  };
  for (const int chunksize : {0, 1, 3, 1000}) {
    for (int round = 0; round < 30; ++round) {
      ASSERT_EQ(
          text_thrown<std::length_error>([&] { pool.map(late, std::views::iota(0, 200), {.chunksize = chunksize}); }),
          "at 40")
          << "chunksize " << chunksize;
    }
  }
  EXPECT_EQ(text_thrown<std::invalid_argument>([&] { pool.map(picky, std::vector{3, 13, 23}); }), "refused 3");
  std::vector<int> out(50);
  EXPECT_EQ(text_thrown<std::invalid_argument>([&] { pool.map_into(picky, counted(50), out); }), "refused 3");
  const auto refuse = [](int i) { static_cast<void>(picky(i)); };
  EXPECT_EQ(text_thrown<std::invalid_argument>([&] { pool.map(refuse, counted(50)); }), "refused 3");
}

TYPED_TEST(PoolContract, no_item_begins_long_after_one_failed) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  // A million items of which each failure would be heard: the first ends the map early, or this takes for ever.
  Bell bell;
  Gate gate;
  const auto fail_first = [](const std::string& gate_path, int i) {
    if (i > 0) pass(gate_path);
    throw std::runtime_error(std::to_string(i));
  };
  auto later = pool.map_async(muster::bind(fail_first, gate.path()), std::views::iota(0, 1'000'000), {.chunksize = 1});
  gate.open();
  EXPECT_EQ(text_thrown<std::runtime_error>([&] { later.get(); }), "0");
}

TYPED_TEST(PoolContract, try_map_gives_an_outcome_an_item) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  for (const int chunksize : {0, 1, 7}) {
    const auto outcomes = pool.try_map(picky, std::views::iota(0, 100), {.chunksize = chunksize});
    ASSERT_EQ(outcomes.size(), 100U);
    for (int i = 0; i < 100; ++i) {
      const Outcome<int>& outcome = outcomes[static_cast<std::size_t>(i)];
      ASSERT_EQ(outcome.has_value(), i % 10 != 3);
      if (outcome.has_value()) {
        ASSERT_EQ(outcome.value(), i);
        ASSERT_EQ(outcome.error(), nullptr);
      } else {
        ASSERT_EQ(text_thrown<std::invalid_argument>([&] { static_cast<void>(outcome.value()); }),
                  "refused " + std::to_string(i));
        ASSERT_NE(outcome.error(), nullptr);
      }
    }
  }
}

TYPED_TEST(PoolContract, try_map_of_functions_that_return_nothing) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  const auto outcomes = pool.try_map([](int i) { static_cast<void>(picky(i)); }, counted(5));
  int good = 0;
  for (const Outcome<void>& outcome : outcomes) good += outcome.has_value() ? 1 : 0;
  EXPECT_EQ(good, 4);
  EXPECT_THROW(outcomes[3].value(), std::invalid_argument);
}

TYPED_TEST(PoolContract, a_map_whose_pool_is_terminated_says_what_was_dropped) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 1}));
  Bell bell;
  Gate gate;
  const auto held = muster::bind(hold, bell.path(), gate.path());
  int good = 0;
  int dropped = 0;
  std::thread caller([&] {
    for (const auto& outcome : pool.try_map(held, counted(10), {.chunksize = 1})) {
      if (outcome.has_value()) {
        ++good;
      } else if (text_thrown<Cancelled>([&] { static_cast<void>(outcome.value()); }).size() > 0) {
        ++dropped;
      }
    }
  });
  bell.await();
  pool.terminate();
  gate.open();
  caller.join();
  EXPECT_EQ(good + dropped, TypeParam::kCanKill ? dropped : 10);
  EXPECT_GE(dropped, 9);
}

TYPED_TEST(PoolContract, results_built_before_a_failure_are_destroyed_once) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 3}));
  const auto make = [](int i) {
    if (i == 700) throw std::runtime_error("enough");
    return Tracked(i);
  };
  for (const int chunksize : {0, 1, 16, 1000}) {
    Tracked::reset();
    EXPECT_THROW(pool.map(make, std::views::iota(0, 1000), {.chunksize = chunksize}), std::runtime_error);
    EXPECT_EQ(Tracked::live, 0) << "chunksize " << chunksize;
    {
      auto later = pool.map_async(make, std::views::iota(0, 1000), {.chunksize = chunksize});
      later.wait();
      const auto outcomes = pool.try_map(make, std::views::iota(690, 710), {.chunksize = chunksize});
      EXPECT_EQ(Tracked::live, 19);
    }
    pool.wait_all();
    EXPECT_EQ(Tracked::live, 0) << "chunksize " << chunksize;
  }
}

TYPED_TEST(PoolContract, results_are_destroyed_once_after_success) {
  Tracked::reset();
  {
    PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
    auto results = pool.map([](int i) { return Tracked(i); }, std::views::iota(0, 500));
    EXPECT_EQ(Tracked::live, 500);
    EXPECT_EQ(Tracked::copies, 0);
    auto moved = std::move(results);
    EXPECT_EQ(Tracked::live, 500);
    const std::vector<Tracked> taken = std::move(moved);
    EXPECT_EQ(Tracked::copies, 0);
    EXPECT_EQ(taken[499].value, 499);
  }
  EXPECT_EQ(Tracked::live, 0);
}

TYPED_TEST(PoolContract, what_is_no_std_exception_arrives_too) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  EXPECT_THROW(pool.apply([]() -> int { throw 42; }), int);
  EXPECT_THROW(pool.map([](int i) -> int { throw i; }, counted(5)), int);
  EXPECT_THROW(pool.imap([](int i) -> int { throw i; }, counted(5)).next(), int);
  EXPECT_FALSE(pool.try_map([](int i) -> int { throw i; }, counted(1))[0].has_value());
}

}  // namespace
}  // namespace muster::testing
