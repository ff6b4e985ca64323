// Which source a map makes of which range, and what it gives.

#include <gtest/gtest.h>
#include <muster/detail/source.hpp>

#include <array>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <ranges>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/generator.hpp"
#include "tests/support/leaks.hpp"
#include "tests/support/tracked.hpp"

namespace muster::testing {
namespace {

using detail::source_for_later;
using detail::source_for_now;

template <class Expected, class Source>
constexpr bool kIs = std::is_same_v<Expected, std::remove_cvref_t<Source>>;

TEST(Source, blocking_calls_point_into_what_lies_in_a_row) {
  std::vector<int> vector{1, 2, 3};
  auto source = source_for_now(vector);
  static_assert(kIs<detail::SpanSource<int>, decltype(source)>);
  EXPECT_EQ(&source.at(1), &vector[1]);
  const std::array<int, 2> array{4, 5};
  static_assert(kIs<detail::SpanSource<const int>, decltype(source_for_now(array))>);
  static_assert(kIs<detail::SpanSource<const char>, decltype(source_for_now(std::string_view("ab")))>);
  EXPECT_EQ(source_for_now(std::span(vector)).size(), 3U);
  int plain[2] = {7, 8};
  EXPECT_EQ(source_for_now(plain).at(1), 8);
}

TEST(Source, blocking_calls_point_at_what_lies_apart) {
  std::list<Tracked> list;
  list.emplace_back(1);
  Tracked::reset();
  auto source = source_for_now(list);
  static_assert(kIs<detail::PointerSource<Tracked>, decltype(source)>);
  EXPECT_EQ(&source.at(0), &list.front());
  EXPECT_EQ(Tracked::copies, 0);
  std::map<int, std::string> map{{1, "one"}};
  EXPECT_EQ(source_for_now(map).at(0).second, "one");
}

TEST(Source, what_has_no_addresses_is_read_beforehand) {
  std::vector<bool> bits{true, false};
  auto source = source_for_now(bits);
  static_assert(kIs<detail::ValueSource<bool>, decltype(source)>);
  EXPECT_TRUE(source.at(0));
  auto squares = bits | std::views::transform([](bool b) { return b ? 1 : 2; });
  EXPECT_EQ(source_for_now(squares).at(1), 2);
  EXPECT_EQ(source_for_now(count_to(3)).size(), 3U);
}

TEST(Source, iota_is_counted_and_not_stored) {
  auto source = source_for_now(std::views::iota(-2, 3));
  static_assert(kIs<detail::IotaSource<int>, decltype(source)>);
  EXPECT_EQ(source.size(), 5U);
  EXPECT_EQ(source.at(0), -2);
  EXPECT_EQ(source.at(4), 2);
  EXPECT_EQ(source_for_now(std::views::iota(3, 3)).size(), 0U);
  const auto named = std::views::iota(0U, 4U);
  EXPECT_EQ(source_for_later(named).at(3), 3U);
  EXPECT_EQ(source_for_now(std::views::iota(INT32_MIN, INT32_MAX)).size(), std::size_t{UINT32_MAX});
  EXPECT_EQ(source_for_now(std::views::iota(INT32_MIN, INT32_MAX)).at(UINT32_MAX - 1U), INT32_MAX - 1);
}

TEST(Source, what_is_given_away_gives_up_its_elements) {
  std::vector<std::unique_ptr<int>> vector;
  vector.push_back(std::make_unique<int>(5));
  const int* const place = vector[0].get();
  auto owned = source_for_now(std::move(vector));
  const std::unique_ptr<int> taken = owned.at(0);
  EXPECT_EQ(taken.get(), place);
  std::list<std::unique_ptr<int>> list;
  list.push_back(std::make_unique<int>(6));
  auto values = source_for_later(std::move(list));
  EXPECT_EQ(*values.at(0), 6);
  auto set = source_for_now(std::set<std::string>{"b", "a"});
  EXPECT_EQ(set.at(0), "a");
}

TEST(Source, a_view_given_away_leaves_the_elements_to_their_owner) {
  std::vector<std::string> words{"stays"};
  auto source = source_for_later(std::span(words));
  EXPECT_EQ(&source.at(0), &words[0]);
  auto reversed = source_for_later(words | std::views::reverse);
  EXPECT_EQ(reversed.at(0), "stays");
  EXPECT_EQ(words[0], "stays");
}

TEST(Source, later_calls_copy_what_has_a_name_unless_it_comes_by_ref) {
  std::vector<int> vector{1, 2};
  auto copy = source_for_later(vector);
  auto reference = source_for_later(std::ref(vector));
  vector[0] = 9;
  EXPECT_EQ(copy.at(0), 1);
  EXPECT_EQ(reference.at(0), 9);
  const std::deque<int> deque{3, 4};
  EXPECT_EQ(source_for_later(deque).at(1), 4);
  EXPECT_EQ(&source_for_later(std::cref(deque)).at(1), &deque[1]);
}

TEST(Source, an_initializer_list_kept_for_later_keeps_its_items) {
  auto source = source_for_later(std::initializer_list<std::string>{"a string that is too long for its own pocket"});
  const std::string overwritten(60, 'x');
  EXPECT_EQ(source.at(0).size(), 44U);
  EXPECT_EQ(overwritten.size(), 60U);
}

}  // namespace
}  // namespace muster::testing
