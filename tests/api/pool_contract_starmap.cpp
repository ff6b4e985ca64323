// starmap, argument forms, and how a callable is called.

#include <array>
#include <list>
#include <tuple>
#include <utility>

#include "tests/api/pool_contract.hpp"

namespace muster::testing {
namespace {

long power(long base, int exponent) { return exponent == 0 ? 1 : base * power(base, exponent - 1); }
std::string joined(const std::string& a, const std::string& b) { return a + b; }

TYPED_TEST(PoolContract, starmap_spreads_tuples_pairs_and_arrays) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  const auto powers = pool.starmap(power, std::vector<std::tuple<long, int>>{{2, 10}, {10, 3}});
  EXPECT_EQ(powers[0], 1024);
  EXPECT_EQ(powers[1], 1000);
  EXPECT_EQ(pool.starmap(power, std::list<std::pair<long, int>>{{3, 2}})[0], 9);
  EXPECT_EQ(pool.starmap(power, std::vector<std::array<int, 2>>{{2, 3}, {3, 3}})[1], 27);
  const std::vector<std::tuple<long, int>> named{{2, 3}};
  EXPECT_EQ(pool.starmap(power, named)[0], 8);
  EXPECT_EQ(pool.starmap(power, named, {.chunksize = 1})[0], 8);
  const auto three = [](int a, int b, int c) { return 100 * a + 10 * b + c; };
  EXPECT_EQ(pool.starmap(three, std::vector{std::tuple(1, 2, 3)})[0], 123);
  EXPECT_EQ(pool.starmap([](int a) { return -a; }, std::vector{std::tuple(4)})[0], -4);
  EXPECT_EQ(pool.starmap([] { return 5; }, std::vector<std::tuple<>>(3))[2], 5);
}

TYPED_TEST(PoolContract, starmap_async_is_starmap_later) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  auto later = pool.starmap_async(power, std::vector<std::pair<long, int>>{{2, 4}, {2, 5}});
  EXPECT_EQ(later.get()[0], 16);
  EXPECT_EQ(later.get()[1], 32);
  const std::vector<std::pair<std::string, std::string>> words{{"a", "b"}};
  EXPECT_EQ(pool.starmap_async(joined, words, {.chunksize = 1}).get()[0], "ab");
}

TYPED_TEST(PoolContract, starmap_throws_what_a_call_throws) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  const auto divide = [](int a, int b) {
    if (b == 0) throw std::domain_error("divided by zero");
    return a / b;
  };
  const std::vector<std::pair<int, int>> pairs{{6, 3}, {6, 0}};
  EXPECT_EQ(text_thrown<std::domain_error>([&] { pool.starmap(divide, pairs); }), "divided by zero");
}

TYPED_TEST(PoolContract, arguments_are_kept_by_value_and_literals_as_strings) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  EXPECT_EQ(pool.apply(joined, "a", "b"), "ab");
  char buffer[] = "early";
  auto later = pool.apply_async(joined, buffer, "!");
  buffer[0] = 'E';
  EXPECT_EQ(later.get(), "early!");
  const char* pointer = "p";
  EXPECT_EQ(pool.apply(joined, pointer, std::string("q")), "pq");
  EXPECT_EQ(pool.map(muster::bind(joined, "pre-"), std::vector<std::string>{"fix"})[0], "pre-fix");
}

TYPED_TEST(PoolContract, calls_without_arguments_and_with_many) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  EXPECT_EQ(pool.apply([] { return 42; }), 42);
  const auto sum = [](int a, long b, short c, double d, char e) { return static_cast<double>(a + b + c + e) + d; };
  EXPECT_EQ(pool.apply(sum, 1, 2L, short{3}, 4.0, '\5'), 15.0);
}

struct Adder {  // a functor with a state that travels
  int by = 0;
  int operator()(int i) const { return i + by; }
};

struct Counter {  // callable as const and not: as const it is called
  int operator()(int) { return 0; }
  int operator()(int) const { return 1; }
};

TYPED_TEST(PoolContract, functors_and_pointers_to_functions_are_callables) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  EXPECT_EQ(numbers(pool.map(Adder{10}, std::vector{1, 2})), (std::vector{11, 12}));
  const Adder named{20};
  EXPECT_EQ(numbers(pool.map(named, std::vector{1, 2})), (std::vector{21, 22}));
  EXPECT_EQ(numbers(pool.imap(named, std::vector{1, 2})), (std::vector{21, 22}));
  int (*const pointer)(int) = twice;
  EXPECT_EQ(numbers(pool.map(pointer, std::vector{1, 2})), (std::vector{2, 4}));
  EXPECT_EQ(numbers(pool.map(&twice, std::vector{1, 2})), (std::vector{2, 4}));
}

TYPED_TEST(PoolContract, callables_are_called_as_const) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  EXPECT_EQ(pool.apply(Counter{}, 5), 1);
  EXPECT_EQ(pool.map(Counter{}, std::vector{5})[0], 1);
  EXPECT_EQ(pool.imap(Counter{}, std::vector{5}).next(), 1);
  EXPECT_EQ(pool.map_async(Counter{}, std::vector{5}).get()[0], 1);
}

TYPED_TEST(PoolContract, arguments_may_be_taken_by_value_by_reference_and_by_const) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  const auto by_value = [](std::string s) { return s += "v"; };
  const auto by_rvalue = [](std::string&& s) { return std::move(s) + "r"; };
  const auto by_lvalue = [](std::string& s) { return s += "l"; };
  EXPECT_EQ(pool.apply(by_value, "x"), "xv");
  EXPECT_EQ(pool.apply(by_rvalue, "x"), "xr");
  EXPECT_EQ(pool.apply(by_lvalue, "x"), "xl");
  EXPECT_EQ(pool.map(by_value, std::vector<std::string>{"x"})[0], "xv");
  EXPECT_EQ(pool.map(by_rvalue, std::vector<std::string>{"x"})[0], "xr");
  EXPECT_EQ(pool.map(by_lvalue, std::vector<std::string>{"x"})[0], "xl");
  EXPECT_EQ(pool.map_async(by_lvalue, std::list<std::string>{"x"}).get()[0], "xl");
  EXPECT_EQ(*pool.imap(by_lvalue, std::vector<std::string>{"x"}).next(), "xl");
  EXPECT_EQ(pool.map_async(by_rvalue, std::list<std::string>{"x"}).get()[0], "xr");
}

}  // namespace
}  // namespace muster::testing
