// The small types of the interface: Outcome, Duration, bind, errors.

#include <gtest/gtest.h>
#include <muster/bind.hpp>
#include <muster/error.hpp>
#include <muster/thread_pool.hpp>
#include <muster/threading.hpp>

#include <chrono>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "tests/support/leaks.hpp"
#include "tests/support/tracked.hpp"

namespace muster::testing {
namespace {

using namespace std::chrono_literals;

TEST(Outcome, holds_a_value_or_a_failure) {
  const Outcome<int> good(5);
  EXPECT_TRUE(good.has_value());
  EXPECT_TRUE(good);
  EXPECT_EQ(good.value(), 5);
  EXPECT_EQ(good.error(), nullptr);
  const Outcome<int> bad(std::make_exception_ptr(std::out_of_range("far")));
  EXPECT_FALSE(bad.has_value());
  EXPECT_FALSE(bad);
  EXPECT_NE(bad.error(), nullptr);
  EXPECT_THROW(static_cast<void>(bad.value()), std::out_of_range);
  EXPECT_THROW(static_cast<void>(bad.value()), std::out_of_range) << "as often as asked";
}

TEST(Outcome, values_may_be_changed_and_moved_out) {
  Outcome<std::string> word(std::string("a"));
  word.value() += "b";
  EXPECT_EQ(std::move(word).value(), "ab");
  Outcome<MoveOnly> only(MoveOnly(3));
  const MoveOnly taken = std::move(only).value();
  EXPECT_EQ(taken.value, 3);
}

TEST(Outcome, an_exception_pointer_can_be_a_value_only_in_a_wrapper) {
  const Outcome<void> nothing;
  EXPECT_TRUE(nothing.has_value());
  nothing.value();
  const Outcome<void> bad(std::make_exception_ptr(std::runtime_error("no")));
  EXPECT_THROW(bad.value(), std::runtime_error);
  EXPECT_FALSE(bad);
}

TEST(Duration, takes_points_of_any_clock) {
  const Duration hour(std::chrono::steady_clock::now() + 1h);
  EXPECT_LE(hour.nanoseconds(), 1h);
  EXPECT_GT(hour.nanoseconds(), 59min);
  EXPECT_GT(Duration(std::chrono::system_clock::now() + std::chrono::duration<double>(10)).nanoseconds(), 9s);
  EXPECT_EQ(Duration(std::chrono::steady_clock::now() - 1s).nanoseconds(), 0s);
  EXPECT_EQ(Duration(std::chrono::system_clock::time_point::min()).nanoseconds(), 0s);
  EXPECT_GT(Duration(std::chrono::system_clock::time_point::max()).nanoseconds(), std::chrono::years(100));
  using Coarse = std::chrono::time_point<std::chrono::system_clock, std::chrono::hours>;
  EXPECT_FALSE(Duration(Coarse::max()).limited());
}

TEST(Duration, takes_every_sort_of_duration) {
  EXPECT_FALSE(Duration().limited());
  EXPECT_EQ(Duration(10s).nanoseconds(), 10s);
  EXPECT_EQ(Duration(300ms).nanoseconds(), 300ms);
  EXPECT_EQ(Duration(0.5s).nanoseconds(), 500ms);
  EXPECT_EQ(Duration(std::chrono::duration<float>(0.25F)).nanoseconds(), 250ms);
  EXPECT_EQ(Duration(std::chrono::hours(2)).nanoseconds(), 2h);
  EXPECT_EQ(Duration(0s).nanoseconds(), 0ns);
  EXPECT_TRUE(Duration(0s).limited());
}

TEST(Duration, what_is_out_of_range_is_cut_to_it) {
  EXPECT_EQ(Duration(-5s).nanoseconds(), 0ns);
  EXPECT_EQ(Duration(-0.5s).nanoseconds(), 0ns);
  EXPECT_FALSE(Duration(std::chrono::hours::max()).limited());
  EXPECT_FALSE(Duration(std::chrono::years(400)).limited());
  EXPECT_TRUE(Duration(std::chrono::years(200)).limited());
  using Seconds = std::chrono::duration<double>;
  EXPECT_FALSE(Duration(Seconds(std::numeric_limits<double>::infinity())).limited());
  EXPECT_EQ(Duration(Seconds(-std::numeric_limits<double>::infinity())).nanoseconds(), 0ns);
  EXPECT_THROW(Duration(Seconds(std::numeric_limits<double>::quiet_NaN())), ValueError);
}

TEST(Duration, deadlines_do_not_overflow) {
  const auto before = detail::now();
  EXPECT_EQ(Duration().deadline(), detail::kForever);
  EXPECT_EQ(Duration(std::chrono::nanoseconds::max() - 1ns).deadline(), detail::kForever);
  EXPECT_GE(Duration(1s).deadline(), before + 1'000'000'000);
  EXPECT_GE(Duration(0s).deadline(), before);
}

int subtract(int a, int b) { return a - b; }

TEST(Bind, fixes_the_first_arguments) {
  EXPECT_EQ(muster::bind(subtract, 10)(3), 7);
  EXPECT_EQ(muster::bind(subtract, 10, 4)(), 6);
  EXPECT_EQ(muster::bind(subtract)(5, 4), 1);
  EXPECT_EQ(muster::bind(muster::bind(subtract, 10), 1)(), 9);
  EXPECT_EQ(muster::bind(&std::string::size, std::string("four"))(), 4U);
}

TEST(Bind, keeps_copies_and_literals_as_strings) {
  std::string word = "before";
  const auto size = [](const std::string& a, const std::string& b) { return a + b; };
  const auto bound = muster::bind(size, word, "literal");
  word = "after";
  EXPECT_EQ(bound(), "beforeliteral");
  static_assert(std::is_same_v<std::remove_cvref_t<decltype(std::get<1>(bound.arguments()))>, std::string>);
}

TEST(Bind, moves_what_is_given_away_and_copies_nothing_at_a_call) {
  Tracked::reset();
  const auto bound = muster::bind([](const Tracked& item, int i) { return item.value + i; }, Tracked(5));
  EXPECT_EQ(bound(1) + bound(2), 13);
  EXPECT_EQ(Tracked::copies, 0);
  const auto owner = muster::bind([](const std::unique_ptr<int>& p) { return *p; }, std::make_unique<int>(4));
  EXPECT_EQ(owner(), 4);
}

TEST(Bind, passes_references_and_gives_references_back) {
  const auto bound = muster::bind([](int, int& target) -> int& { return ++target; }, 0);
  int target = 5;
  EXPECT_EQ(&bound(target), &target);
  EXPECT_EQ(target, 6);
  static_assert(!std::is_invocable_v<decltype(bound), std::string>);
}

TEST(Bind, works_in_every_call) {
  ThreadPool pool(2);
  const auto from_ten = muster::bind(subtract, 10);
  EXPECT_EQ(pool.map(from_ten, std::vector{1, 2})[1], 8);
  EXPECT_EQ(pool.apply(from_ten, 3), 7);
  EXPECT_EQ(pool.imap(from_ten, std::vector{4}).next(), 6);
  const auto stoppable = [](const std::stop_token& token, int a, int b) { return token.stop_requested() ? -1 : a - b; };
  EXPECT_EQ(pool.starmap(muster::bind(subtract, 10), std::vector{std::tuple(1)})[0], 9);
  EXPECT_EQ(pool.apply(stoppable, 5, 3), 2);
}

TEST(Errors, all_of_the_library_derive_from_one) {
  const auto is_error = [](const auto& error) {
    try {
      throw error;
    } catch (const Error& caught) {
      return std::string(caught.what()) == "text";
    }
  };
  EXPECT_TRUE(is_error(ValueError("text")));
  EXPECT_TRUE(is_error(PoolClosed("text")));
  EXPECT_TRUE(is_error(TimeoutError("text")));
  EXPECT_TRUE(is_error(Cancelled("text")));
  EXPECT_TRUE(is_error(DeadlockError("text")));
  EXPECT_TRUE(is_error(ThreadError("text")));
  EXPECT_TRUE(is_error(LockError("text")));
  static_assert(std::is_base_of_v<std::runtime_error, Error>);
}

}  // namespace
}  // namespace muster::testing
