// map and map_into: order, sizes, inputs and results of every sort.

#include <array>
#include <deque>
#include <list>
#include <memory>
#include <numeric>
#include <ranges>
#include <set>

#include "tests/api/pool_contract.hpp"
#include "tests/support/generator.hpp"

namespace muster::testing {
namespace {

constexpr auto kNegated = [](int i) { return -i; };

// Neither copies nor has a default: what bind gives has none.
struct Made {
  Owned number;
  decltype(muster::bind(kNegated)) function;
  int value() const { return -function(number.value()); }
};
Made make(int i) { return {owned(i), muster::bind(kNegated)}; }

TYPED_TEST(PoolContract, map_keeps_order) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 3}));
  const auto squares = pool.map(square, std::views::iota(0, 5000));
  ASSERT_EQ(squares.size(), 5000U);
  for (int i = 0; i < 5000; ++i) ASSERT_EQ(squares[static_cast<std::size_t>(i)], i * i);
}

TYPED_TEST(PoolContract, map_of_no_items_calls_nothing) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  const auto fails = [](int) -> int { throw std::logic_error("called"); };
  EXPECT_TRUE(pool.map(fails, std::vector<int>{}).empty());
  EXPECT_EQ(pool.map(nothing, std::vector<int>{}).size(), 0U);
  EXPECT_TRUE(pool.try_map(fails, std::list<int>{}).empty());
  EXPECT_TRUE(pool.map_async(fails, std::vector<int>{}).get().empty());
  EXPECT_EQ(pool.imap(fails, std::vector<int>{}).next(), std::nullopt);
  EXPECT_EQ(pool.imap_unordered(fails, std::vector<int>{}).next(), std::nullopt);
}

TYPED_TEST(PoolContract, map_of_one_item_and_around_the_number_of_workers) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 3}));
  for (int size = 1; size < 9; ++size) {
    EXPECT_EQ(numbers(pool.map(twice, counted(size))).back(), 2 * (size - 1));
    EXPECT_EQ(pool.map(twice, counted(size), {.chunksize = 2}).size(), static_cast<std::size_t>(size));
  }
}

TYPED_TEST(PoolContract, map_of_a_million_items_is_complete) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  constexpr int kItems = 1'000'003;
  const auto same = pool.map([](int i) { return i; }, std::views::iota(0, kItems));
  ASSERT_EQ(same.size(), static_cast<std::size_t>(kItems));
  for (int i = 0; i < kItems; ++i) ASSERT_EQ(same[static_cast<std::size_t>(i)], i);
}

TYPED_TEST(PoolContract, map_takes_every_sort_of_range) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  const std::vector<int> expected{2, 4, 6};
  const int plain[] = {1, 2, 3};
  EXPECT_EQ(numbers(pool.map(twice, std::vector{1, 2, 3})), expected);
  EXPECT_EQ(numbers(pool.map(twice, std::array{1, 2, 3})), expected);
  EXPECT_EQ(numbers(pool.map(twice, plain)), expected);
  EXPECT_EQ(numbers(pool.map(twice, {1, 2, 3})), expected);
  EXPECT_EQ(numbers(pool.map(twice, {1, 2, 3}, {.chunksize = 2})), expected);
  EXPECT_EQ(numbers(pool.map(twice, std::deque{1, 2, 3})), expected);
  EXPECT_EQ(numbers(pool.map(twice, std::list{1, 2, 3})), expected);
  EXPECT_EQ(numbers(pool.map(twice, std::set{3, 1, 2})), expected);
  EXPECT_EQ(numbers(pool.map(twice, std::views::iota(1, 4))), expected);
  EXPECT_EQ(numbers(pool.map(twice, std::views::iota(1) | std::views::take(3))), expected);
  EXPECT_EQ(numbers(pool.map(twice, plain | std::views::filter([](int i) { return i > 1; }))), (std::vector{4, 6}));
  EXPECT_EQ(numbers(pool.map(square, count_to(4))), (std::vector{0, 1, 4, 9}));
}

TYPED_TEST(PoolContract, map_refers_to_containers_that_have_names) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  const std::vector<int> expected{2, 4, 6};
  std::vector<int> vector{1, 2, 3};
  const std::list<int> list{1, 2, 3};
  std::deque<int> deque{1, 2, 3};
  const std::set<int> set{1, 2, 3};
  EXPECT_EQ(numbers(pool.map(twice, vector)), expected);
  EXPECT_EQ(numbers(pool.map(twice, std::ref(vector))), expected);
  EXPECT_EQ(numbers(pool.map(twice, std::cref(vector))), expected);
  EXPECT_EQ(numbers(pool.map(twice, list)), expected);
  EXPECT_EQ(numbers(pool.map(twice, deque)), expected);
  EXPECT_EQ(numbers(pool.map(twice, set)), expected);
  EXPECT_EQ(vector, (std::vector{1, 2, 3}));
  auto generator = count_to(3);
  EXPECT_EQ(numbers(pool.map(twice, generator)), (std::vector{0, 2, 4}));
}

TYPED_TEST(PoolContract, iota_of_other_types_and_from_negative_numbers) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  EXPECT_EQ(numbers(pool.map(square, std::views::iota(-3, 2))), (std::vector{9, 4, 1, 0, 1}));
  constexpr long kFar = 5'000'000'000L;
  const auto longs = pool.map([](long i) { return i + 1; }, std::views::iota(kFar, kFar + 100));
  EXPECT_EQ(longs.back(), kFar + 100);
  const auto sizes = pool.map([](std::size_t i) { return i; }, std::views::iota(std::size_t{0}, std::size_t{9}));
  EXPECT_EQ(sizes.back(), 8U);
}

TYPED_TEST(PoolContract, bool_inputs_and_results_do_not_share_bits) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 3}));
  const auto odd = pool.map([](int i) { return i % 2 == 1; }, std::views::iota(0, 20'000), {.chunksize = 1});
  static_assert(std::is_same_v<std::remove_cvref_t<decltype(odd[0])>, bool>);
  for (std::size_t i = 0; i < odd.size(); ++i) ASSERT_EQ(odd[i], i % 2 == 1) << i;
  const std::vector<bool> packed(odd.begin(), odd.end());
  const auto flipped = pool.map([](bool b) { return !b; }, packed);
  for (std::size_t i = 0; i < odd.size(); ++i) ASSERT_EQ(flipped[i], i % 2 == 0) << i;
  EXPECT_EQ(numbers(pool.map([](bool b) { return !b; }, std::vector<bool>{true, false})), (std::vector{0, 1}));
}

TYPED_TEST(PoolContract, results_need_neither_copies_nor_a_default) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  static_assert(!std::is_default_constructible_v<Made> && !std::is_copy_constructible_v<Made>);
  auto made = pool.map(make, std::views::iota(0, 1000));
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(made[static_cast<std::size_t>(i)].value(), i);
  EXPECT_EQ(pool.apply(make, 7).value(), 7);
  EXPECT_EQ(pool.apply_async(make, 7).get().value(), 7);
  EXPECT_EQ(pool.imap(make, std::vector{7}).next()->value(), 7);
  EXPECT_EQ(pool.imap_unordered(make, std::vector{7}).next()->value(), 7);
  EXPECT_EQ(pool.try_map(make, std::vector{7})[0].value().value(), 7);
}

TYPED_TEST(PoolContract, inputs_may_be_move_only) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  const auto many = [](int end) {
    std::vector<Owned> all;
    for (int i = 0; i < end; ++i) all.push_back(owned(i));
    return all;
  };
  const auto value = [](const Owned& item) { return item.value(); };
  const auto take = [](Owned item) { return item.value(); };
  EXPECT_EQ(numbers(pool.map(take, many(100))), counted(100));
  EXPECT_EQ(numbers(pool.map_async(take, many(100)).get()), counted(100));
  EXPECT_EQ(numbers(pool.imap(take, many(100))), counted(100));
  auto kept = many(100);
  EXPECT_EQ(numbers(pool.map(value, kept)), counted(100));
  EXPECT_EQ(kept[99].value(), 99);
  EXPECT_EQ(pool.apply(take, owned(4)), 4);
  EXPECT_EQ(pool.apply_async(take, owned(4)).get(), 4);
  EXPECT_EQ(*pool.apply([](std::unique_ptr<int> i) { return i; }, std::make_unique<int>(5)), 5);
}

TYPED_TEST(PoolContract, functions_that_return_nothing_give_a_size) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  EXPECT_EQ(pool.map(nothing, std::views::iota(0, 1000)).size(), 1000U);
  EXPECT_EQ(pool.map_async(nothing, std::list{1, 2}).get().size(), 2U);
  static_assert(std::is_void_v<decltype(pool.apply(nothing, 1))>);
  pool.apply(nothing, 1);
  auto later = pool.apply_async(nothing, 1);
  later.get();
  EXPECT_TRUE(later.successful());
}

TYPED_TEST(PoolContract, references_returned_are_copied) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  const std::vector<std::string> words{"one", "two"};
  const auto same = [](const std::string& word) -> const std::string& { return word; };  // NOLINT
  auto copies = pool.map(same, words);
  static_assert(std::is_same_v<typename decltype(copies)::value_type, std::string>);
  EXPECT_EQ(copies[1], "two");
  EXPECT_NE(copies[1].data(), words[1].data());
  EXPECT_EQ(pool.apply(same, std::string("three")), "three");
  EXPECT_EQ(pool.map_async(same, words).get()[0], "one");
  EXPECT_EQ(*pool.imap(same, words).next(), "one");
}

TYPED_TEST(PoolContract, map_into_assigns_to_the_given_objects) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  std::vector<long> out(1002, -1);
  pool.map_into(square, std::views::iota(0, 1000), out);
  EXPECT_EQ(out[999], 999 * 999);
  EXPECT_EQ(out[1000], -1) << "beyond the input nothing is touched";
  pool.map_into(square, std::list{5, 6}, out.data() + 1000, {.chunksize = 1});
  EXPECT_EQ(out[1001], 36);
  std::array<int, 3> few{};
  pool.map_into(twice, std::vector{1, 2, 3}, few);
  EXPECT_EQ(few, (std::array{2, 4, 6}));
}

TYPED_TEST(PoolContract, map_into_refuses_an_output_that_is_too_short) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  std::vector<int> out(9, -1);
  EXPECT_THROW(pool.map_into(square, std::views::iota(0, 10), out), ValueError);
  EXPECT_EQ(out, std::vector<int>(9, -1));
}

TYPED_TEST(PoolContract, a_pool_is_used_again_after_every_sort_of_call) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  for (int round = 0; round < 50; ++round) {
    ASSERT_EQ(pool.map(twice, std::views::iota(0, 10))[9], 18);
    ASSERT_THROW(pool.map(picky, std::views::iota(0, 10)), std::invalid_argument);
    ASSERT_EQ(pool.apply(twice, round), 2 * round);
    pool.post(nothing, round);
    pool.wait_all();
  }
}

}  // namespace
}  // namespace muster::testing
