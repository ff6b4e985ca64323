// What can be said of a pool and of a call, and what is refused.

#include <ranges>
#include <set>

#include "tests/api/pool_contract.hpp"

namespace muster::testing {
namespace {

TYPED_TEST(PoolContract, the_number_of_workers_is_what_was_asked_for) {
  EXPECT_EQ(PoolOf<TypeParam>(TypeParam::with({.processes = 3})).processes(), 3);
  EXPECT_EQ(PoolOf<TypeParam>(TypeParam::with({})).processes(), usable_cpus());
  EXPECT_EQ(PoolOf<TypeParam>(TypeParam::with({.processes = 0})).processes(), usable_cpus());
}

TYPED_TEST(PoolContract, a_bare_number_is_a_number_of_workers) {
  PoolOf<TypeParam> pool(2);
  EXPECT_EQ(pool.processes(), 2);
  EXPECT_EQ(PoolOf<TypeParam>().processes(), usable_cpus());
  EXPECT_EQ(PoolOf<TypeParam>(0).processes(), usable_cpus());
  EXPECT_THROW(PoolOf<TypeParam>(-1), ValueError);
}

TYPED_TEST(PoolContract, negative_counts_are_refused_with_their_name) {
  using Pool = PoolOf<TypeParam>;
  EXPECT_NE(text_thrown<ValueError>([] { Pool pool(TypeParam::with({.processes = -1})); }).find("processes"),
            std::string::npos);
  EXPECT_NE(
      text_thrown<ValueError>([] { Pool pool(TypeParam::with({.maxtasksperchild = -1})); }).find("maxtasksperchild"),
      std::string::npos);
  Pool pool(TypeParam::with({.processes = 1}));
  const auto text = text_thrown<ValueError>([&] { pool.map(square, counted(3), {.chunksize = -2}); });
  EXPECT_NE(text.find("chunksize"), std::string::npos) << text;
  EXPECT_NE(text.find("-2"), std::string::npos) << text;
  EXPECT_THROW(pool.map_async(square, counted(3), {.chunksize = -1}), ValueError);
  EXPECT_THROW(pool.try_map(square, counted(3), {.chunksize = -1}), ValueError);
  EXPECT_THROW(pool.imap(square, counted(3), {.chunksize = -1}), ValueError);
  EXPECT_THROW(pool.imap(square, counted(3), {.window = -1}), ValueError);
  EXPECT_THROW(pool.map(square, counted(3), {.retries = -1}), ValueError);
  EXPECT_THROW(pool.with({.retries = -1}).apply(square, 3), ValueError);
  EXPECT_EQ(pool.apply(square, 3), 9) << "and the pool is none the worse for it";
}

TYPED_TEST(PoolContract, an_explicit_chunksize_cuts_the_range_there) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 3}));
  // Ten items to a chunk, of which the failing one is the sixth: with it fail the rest of its chunk and no other.
  const auto fail_at_25 = [](int i) {
    if (i == 25) throw std::runtime_error("25");
    return i;
  };
  EXPECT_EQ(text_thrown<std::runtime_error>([&] { pool.map(fail_at_25, counted(100), {.chunksize = 10}); }), "25");
  for (const int chunksize : {1, 2, 33, 99, 100, 101, 1'000'000}) {
    EXPECT_EQ(numbers(pool.map(twice, counted(100), {.chunksize = chunksize})), numbers(pool.map(twice, counted(100))));
  }
}

TYPED_TEST(PoolContract, options_given_beforehand_hold_for_every_call) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  auto calls = pool.with({.chunksize = 3, .timeout = 100s, .window = 2});
  EXPECT_EQ(calls.apply(square, 3), 9);
  EXPECT_EQ(calls.apply_async(square, 4).get(), 16);
  EXPECT_EQ(calls.map(square, counted(10))[9], 81);
  EXPECT_EQ(calls.map_async(square, counted(10)).get()[9], 81);
  EXPECT_EQ(calls.starmap([](int a, int b) { return a - b; }, std::vector{std::pair(5, 3)})[0], 2);
  EXPECT_EQ(numbers(calls.imap(square, counted(4))), (std::vector{0, 1, 4, 9}));
  EXPECT_EQ(calls.try_map(picky, counted(4))[3].has_value(), false);
  std::vector<int> out(2);
  calls.map_into(square, std::vector{2, 3}, out);
  EXPECT_EQ(out, (std::vector{4, 9}));
  calls.post(nothing, 1);
  pool.wait_all();
  EXPECT_THROW(pool.with({.chunksize = -1}).map(square, counted(3)), ValueError);
}

TYPED_TEST(PoolContract, priorities_are_accepted) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 1}));
  std::vector<AsyncResult<int>> results;
  for (const int priority : {-5, 0, 5})
    results.push_back(pool.with({.priority = priority}).apply_async(square, priority));
  for (const auto& result : results) EXPECT_GE(result.get(), 0);
  EXPECT_EQ(pool.map(square, counted(5), {.priority = -1})[4], 16);
}

TYPED_TEST(PoolContract, a_hundred_workers_for_three_items) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 100}));
  EXPECT_EQ(pool.processes(), 100);
  EXPECT_EQ(numbers(pool.map(square, counted(3))), (std::vector{0, 1, 4}));
}

}  // namespace
}  // namespace muster::testing
