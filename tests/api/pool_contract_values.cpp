// Sizes, and sorts of arguments, results and exceptions; by every call.

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <ranges>
#include <set>
#include <tuple>
#include <variant>

#include <muster/exception.hpp>

#include "tests/api/pool_contract.hpp"

namespace muster::testing {
namespace {

TYPED_TEST(PoolContract, maps_of_every_size_are_complete) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 3}));
  for (const int size : {0, 1, 2, 3, 5, 63, 64, 65, 1000, 1025, 100'001}) {
    const std::vector<int> items = counted(size);
    std::vector<int> expected;
    for (const int i : items) expected.push_back(2 * i);
    ASSERT_EQ(numbers(pool.map(twice, items)), expected);
    ASSERT_EQ(numbers(pool.map(twice, std::views::iota(0, size))), expected);
    ASSERT_EQ(numbers(pool.map(twice, items, {.chunksize = 7 + size / 100})), expected);
    ASSERT_EQ(numbers(pool.map_async(twice, items).get()), expected);
    ASSERT_EQ(pool.map(nothing, items).size(), items.size());
    std::vector<int> into(items.size());
    pool.map_into(twice, items, into);
    ASSERT_EQ(into, expected);
    int good = 0;
    for (const auto& outcome : pool.try_map(twice, items)) good += outcome.has_value() ? 1 : 0;
    ASSERT_EQ(good, size);
  }
}

TYPED_TEST(PoolContract, streams_of_every_size_are_complete) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 3}));
  for (const int size : {0, 1, 2, 65, 3001}) {
    std::vector<int> expected;
    for (int i = 0; i < size; ++i) expected.push_back(2 * i);
    for (const int chunksize : {0, 1, 64, 5000}) {
      const CallOptions options{.chunksize = chunksize};
      ASSERT_EQ(numbers(pool.imap(twice, counted(size), options)), expected) << size << " by " << chunksize;
      auto unordered = numbers(pool.imap_unordered(twice, counted(size), options));
      std::sort(unordered.begin(), unordered.end());
      ASSERT_EQ(unordered, expected) << size << " by " << chunksize;
    }
  }
}

TYPED_TEST(PoolContract, every_call_takes_items_in_braces) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  const std::vector<int> expected{2, 4, 6};
  EXPECT_EQ(numbers(pool.map(twice, {1, 2, 3})), expected);
  EXPECT_EQ(numbers(pool.map_async(twice, {1, 2, 3}).get()), expected);
  EXPECT_EQ(numbers(pool.imap(twice, {1, 2, 3}, {.window = 1})), expected);
  EXPECT_EQ(numbers(pool.imap_unordered(twice, {1, 2, 3})).size(), 3U);
  EXPECT_EQ(pool.try_map(twice, {1, 2, 3}, {.chunksize = 2})[2].value(), 6);
  EXPECT_EQ(numbers(pool.with({.chunksize = 2}).map(twice, {1, 2, 3})), expected);
}

struct Point {
  std::string name;
  std::vector<double> at;
  friend bool operator==(const Point&, const Point&) = default;
};
enum class Colour { kRed, kBlue };

template <class T>
T echo(T value) {
  return value;
}

TYPED_TEST(PoolContract, values_of_every_sort_are_taken_and_given_back) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  const auto there_and_back = [&pool]<class T>(const T& value) {
    EXPECT_EQ(pool.apply(echo<T>, value), value);
    EXPECT_EQ(pool.apply_async(echo<T>, value).get(), value);
    EXPECT_EQ(pool.map(echo<T>, std::vector<T>{value, value})[1], value);
    EXPECT_EQ(pool.map_async(echo<T>, std::vector<T>{value}).get()[0], value);
    EXPECT_EQ(*pool.imap(echo<T>, std::vector<T>{value}).next(), value);
    EXPECT_EQ(*pool.imap_unordered(echo<T>, std::vector<T>{value}).next(), value);
    EXPECT_EQ(pool.try_map(echo<T>, std::vector<T>{value})[0].value(), value);
    EXPECT_EQ(pool.starmap(echo<T>, std::vector<std::tuple<T>>{{value}})[0], value);
    EXPECT_EQ(pool.apply(muster::bind(echo<T>, value)), value);
  };
  there_and_back(1.5);
  there_and_back('c');
  there_and_back(Colour::kBlue);
  there_and_back(std::string("a string"));
  there_and_back(std::string());
  there_and_back(std::string(300, '\0'));
  there_and_back(Point{"p", {1.5, 2.5}});
  there_and_back(std::vector<Point>{{"p", {1.5}}, {"q", {}}});
  there_and_back(std::map<std::string, std::set<int>>{{"some", {1, 2}}, {"none", {}}});
  there_and_back(std::tuple(1, std::string("two"), std::optional<long>()));
  there_and_back(std::variant<int, std::string>("text"));
  there_and_back(std::array<std::string, 2>{"a", "b"});
  there_and_back(std::chrono::milliseconds(5));
}

struct OutOfPaper : std::runtime_error {
  explicit OutOfPaper(int at = 0) : std::runtime_error("out of paper at page " + std::to_string(at)), page(at) {}
  template <class Archive>
  void save(Archive& archive) const {
    archive(page);
  }
  template <class Archive>
  void load(Archive& archive) {
    archive(page);
    *this = OutOfPaper(page);
  }
  int page;
};
const bool kKnown = register_exception<OutOfPaper>();

struct Unregistered : std::domain_error {
  using std::domain_error::domain_error;
};

int print(int page) {
  if (page >= 4) throw OutOfPaper(page);
  return page;
}

template <class Call>
int page_of(const Call& call) {
  try {
    call();
  } catch (const OutOfPaper& error) {
    EXPECT_EQ(error.what(), "out of paper at page " + std::to_string(error.page));
    return error.page;
  }
  return -1;
}

TYPED_TEST(PoolContract, registered_exceptions_arrive_as_themselves_by_every_call) {
  ASSERT_TRUE(kKnown);
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  EXPECT_EQ(page_of([&] { pool.apply(print, 9); }), 9);
  EXPECT_EQ(page_of([&] { pool.apply_async(print, 8).get(); }), 8);
  EXPECT_EQ(page_of([&] { pool.map(print, counted(50)); }), 4);
  EXPECT_EQ(page_of([&] { pool.map_async(print, counted(50), {.chunksize = 3}).get(); }), 4);
  EXPECT_EQ(page_of([&] { pool.starmap(print, std::vector<std::tuple<int>>{{5}}); }), 5);
  EXPECT_EQ(page_of([&] { pool.imap(print, std::vector{6}).next(); }), 6);
  EXPECT_EQ(page_of([&] { pool.imap_unordered(print, std::vector{6}).next(); }), 6);
  const auto outcomes = pool.try_map(print, counted(8));
  for (int i = 4; i < 8; ++i) {
    EXPECT_EQ(page_of([&] { static_cast<void>(outcomes[static_cast<std::size_t>(i)].value()); }), i);
  }
  pool.post(print, 7);
  EXPECT_EQ(page_of([&] { pool.wait_all(); }), 7);
  int page = 0;
  auto later = pool.apply_async(print, 5).error_callback(
      [&page](const std::exception& error) { page = dynamic_cast<const OutOfPaper&>(error).page; });
  EXPECT_THROW(later.get(), OutOfPaper);
  EXPECT_EQ(page, 5);
}

TYPED_TEST(PoolContract, an_exception_is_caught_as_its_standard_base) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  const auto fails = [](int) -> int { throw Unregistered("of a type of my own"); };
  EXPECT_EQ(text_thrown<std::domain_error>([&] { pool.apply(fails, 1); }), "of a type of my own");
  EXPECT_EQ(text_thrown<std::logic_error>([&] { pool.map(fails, counted(5)); }), "of a type of my own");
}

}  // namespace
}  // namespace muster::testing
