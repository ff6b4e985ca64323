// apply, apply_async, map_async: what an AsyncResult says and when.

#include <memory>
#include <optional>
#include <utility>

#include "tests/api/pool_contract.hpp"

namespace muster::testing {
namespace {

TYPED_TEST(PoolContract, apply_gives_the_value) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  EXPECT_EQ(pool.apply(square, 7), 49);
  for (int i = 0; i < 500; ++i) ASSERT_EQ(pool.apply(twice, i), 2 * i);
}

TYPED_TEST(PoolContract, many_results_come_each_to_its_own) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 3}));
  std::vector<AsyncResult<int>> results;
  for (int i = 0; i < 3000; ++i) results.push_back(pool.apply_async(square, i));
  for (int i = 0; i < 3000; ++i) ASSERT_EQ(results[static_cast<std::size_t>(i)].get(), i * i);
}

TYPED_TEST(PoolContract, a_result_is_not_ready_before_its_task_ends) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  Bell bell;
  Gate gate;
  auto later = pool.apply_async(hold, bell.path(), gate.path(), 5);
  bell.await();
  EXPECT_FALSE(later.ready());
  EXPECT_THROW(later.successful(), ValueError);
  EXPECT_FALSE(later.wait(0s));
  EXPECT_FALSE(later.wait(2ms));
  EXPECT_THROW(later.get(0s), TimeoutError);
  EXPECT_THROW(later.get(1ms), TimeoutError);
  gate.open();
  EXPECT_EQ(later.get(), 5);
  EXPECT_TRUE(later.ready());
  EXPECT_TRUE(later.successful());
  EXPECT_TRUE(later.wait(0s));
  EXPECT_EQ(later.get(0s), 5) << "may be asked again";
}

TYPED_TEST(PoolContract, get_refers_to_the_value_and_a_temporary_gives_it_away) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  auto later = pool.apply_async(owned, 3);
  static_assert(std::is_same_v<decltype(later.get()), const Owned&>);
  const Owned& value = later.get();
  EXPECT_EQ(&value, &later.get());
  EXPECT_EQ(value.value(), 3);
  const Owned taken = std::move(later).get();
  EXPECT_EQ(taken.value(), 3);
  const std::vector<int> squares = pool.map_async(square, counted(4)).get();
  EXPECT_EQ(squares, (std::vector{0, 1, 4, 9}));
}

TYPED_TEST(PoolContract, a_failed_result_throws_at_each_get) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  auto later = pool.apply_async(picky, 13);
  EXPECT_EQ(text_thrown<std::invalid_argument>([&] { later.get(); }), "refused 13");
  EXPECT_EQ(text_thrown<std::invalid_argument>([&] { later.get(); }), "refused 13");
  EXPECT_TRUE(later.ready());
  EXPECT_FALSE(later.successful());
  EXPECT_EQ(text_thrown<std::invalid_argument>([&] { std::move(later).get(); }), "refused 13");
}

TYPED_TEST(PoolContract, results_outlive_their_pool) {
  std::optional<AsyncResult<int>> apply;
  std::optional<AsyncResult<Results<int>>> map;
  std::optional<AsyncResult<int>> failed;
  Results<int> squares;
  {
    PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
    apply.emplace(pool.apply_async(square, 3));
    map.emplace(pool.map_async(square, counted(100)));
    failed.emplace(pool.apply_async(picky, 3));
    squares = pool.map(square, counted(5000));
    pool.close();
    pool.join();
  }
  EXPECT_EQ(apply->get(), 9);
  EXPECT_EQ(map->get()[99], 99 * 99);
  EXPECT_THROW(failed->get(), std::invalid_argument);
  EXPECT_EQ(squares[4999], 4999 * 4999);
  EXPECT_FALSE(apply->cancel());
  apply.reset();
}

TYPED_TEST(PoolContract, a_result_that_is_dropped_stops_nothing) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 1}));
  Bell bell;
  Gate gate;
  gate.open();
  for (int i = 0; i < 20; ++i) pool.apply_async(hold, bell.path(), gate.path(), i);
  bell.await(20);
}

TYPED_TEST(PoolContract, results_can_be_moved_and_say_so_when_they_were) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 1}));
  auto first = pool.apply_async(square, 2);
  auto second = std::move(first);
  EXPECT_EQ(second.get(), 4);
  EXPECT_THROW(first.get(), Error);  // NOLINT(bugprone-use-after-move)
  first = pool.apply_async(square, 3);
  second = std::move(first);
  EXPECT_EQ(second.get(), 9);
}

TYPED_TEST(PoolContract, cancel_takes_back_what_has_not_begun) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 1}));
  Bell bell;
  Gate gate;
  auto begun = pool.apply_async(hold, bell.path(), gate.path(), 1);
  bell.await();
  auto queued = pool.apply_async(square, 2);
  auto queued_map = pool.map_async(square, counted(10));
  auto after = pool.apply_async(square, 3);
  // Of what can be killed, see process_pool_cancel_test.
  if constexpr (!TypeParam::kCanKill) {
    EXPECT_FALSE(begun.cancel());
  }
  EXPECT_TRUE(queued.cancel());
  EXPECT_FALSE(queued.cancel()) << "once is enough";
  EXPECT_TRUE(queued_map.cancel());
  EXPECT_TRUE(queued.ready());
  EXPECT_FALSE(queued.successful());
  EXPECT_THROW(queued.get(), Cancelled);
  EXPECT_THROW(queued_map.get(), Cancelled);
  gate.open();
  EXPECT_EQ(begun.get(), 1);
  EXPECT_EQ(after.get(), 9);
}

TYPED_TEST(PoolContract, cancel_of_what_is_done_changes_nothing) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  auto later = pool.apply_async(square, 5);
  later.wait();
  EXPECT_FALSE(later.cancel());
  EXPECT_EQ(later.get(), 25);
}

TYPED_TEST(PoolContract, map_async_copies_a_named_range) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 1}));
  Bell bell;
  Gate gate;
  auto begun = pool.apply_async(hold, bell.path(), gate.path(), 1);
  bell.await();
  std::vector<int> items{1, 2, 3};
  auto later = pool.map_async(twice, items);
  items = {7, 7, 7};
  gate.open();
  EXPECT_EQ(numbers(later.get()), (std::vector{2, 4, 6}));
  EXPECT_EQ(begun.get(), 1);
}

TYPED_TEST(PoolContract, map_async_fails_by_its_lowest_failure) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  auto later = pool.map_async(picky, std::views::iota(0, 100), {.chunksize = 1});
  EXPECT_EQ(text_thrown<std::invalid_argument>([&] { later.get(); }), "refused 3");
  EXPECT_FALSE(later.successful());
}

TYPED_TEST(PoolContract, map_async_of_an_initializer_list_keeps_its_items) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 1}));
  Bell bell;
  Gate gate;
  auto begun = pool.apply_async(hold, bell.path(), gate.path(), 1);
  bell.await();
  const auto size = [](const std::string& s) { return s.size(); };
  auto later = pool.map_async(size, std::initializer_list<std::string>{
                                        "a string that is too long to be stored in place", std::string(90, 'x')});
  gate.open();
  EXPECT_EQ(later.get()[0], 47U);
  EXPECT_EQ(later.get()[1], 90U);
  EXPECT_EQ(begun.get(), 1);
}

}  // namespace
}  // namespace muster::testing
