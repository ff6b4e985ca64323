// close, terminate, join, the destructor, and what comes after.

#include <memory>
#include <optional>
#include <ranges>

#include "tests/api/pool_contract.hpp"

namespace muster::testing {
namespace {

TYPED_TEST(PoolContract, close_and_join_finish_what_was_accepted) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  std::vector<AsyncResult<int>> results;
  for (int i = 0; i < 1000; ++i) results.push_back(pool.apply_async(square, i));
  auto map = pool.map_async(square, counted(1000));
  pool.close();
  pool.join();
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(results[static_cast<std::size_t>(i)].ready());
    ASSERT_EQ(results[static_cast<std::size_t>(i)].get(), i * i);
  }
  EXPECT_TRUE(map.ready());
  EXPECT_EQ(map.get()[999], 999 * 999);
}

TYPED_TEST(PoolContract, a_closed_pool_refuses_every_call) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  pool.close();
  const auto refuses_all = [&pool] {
    std::vector<int> out(1);
    EXPECT_THROW(pool.apply(square, 1), PoolClosed);
    EXPECT_THROW(pool.apply_async(square, 1), PoolClosed);
    EXPECT_THROW(pool.post(nothing, 1), PoolClosed);
    EXPECT_THROW(pool.map(square, counted(1)), PoolClosed);
    EXPECT_THROW(pool.map_async(square, counted(1)), PoolClosed);
    EXPECT_THROW(pool.map_into(square, counted(1), out), PoolClosed);
    EXPECT_THROW(pool.try_map(square, counted(1)), PoolClosed);
    EXPECT_THROW(pool.starmap([](int i) { return i; }, std::vector{std::tuple(1)}), PoolClosed);
    EXPECT_THROW(pool.imap(square, counted(1)), PoolClosed);
    EXPECT_THROW(pool.imap_unordered(square, counted(1)), PoolClosed);
  };
  refuses_all();
  pool.join();
  refuses_all();
  pool.terminate();
  refuses_all();
}

TYPED_TEST(PoolContract, a_closed_pool_refuses_calls_without_items_too) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  pool.close();
  EXPECT_THROW(pool.map(square, std::vector<int>{}), PoolClosed);
  EXPECT_THROW(pool.map_async(square, std::vector<int>{}), PoolClosed);
  EXPECT_THROW(pool.imap(square, std::vector<int>{}), PoolClosed);
}

TYPED_TEST(PoolContract, join_before_close_is_refused) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 1}));
  EXPECT_THROW(pool.join(), ValueError);
  EXPECT_EQ(pool.apply(square, 2), 4);
  pool.close();
  pool.join();
  pool.join();
  pool.close();
}

TYPED_TEST(PoolContract, terminate_drops_what_has_not_begun) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 1}));
  Bell bell;
  Gate gate;
  auto begun = pool.apply_async(hold, bell.path(), gate.path(), 1);
  bell.await();
  auto queued = pool.apply_async(square, 2);
  auto queued_map = pool.map_async(square, counted(100));
  auto stream = pool.imap(square, counted(100));
  pool.terminate();
  EXPECT_THROW(queued.get(), Cancelled);
  EXPECT_THROW(queued_map.get(), Cancelled);
  EXPECT_THROW(stream.next(), Cancelled);
  EXPECT_THROW(pool.apply(square, 1), PoolClosed);
  gate.open();
  pool.join();
  ASSERT_TRUE(begun.ready());
  if (!TypeParam::kCanKill) {
    EXPECT_EQ(begun.get(), 1);
  }
}

TYPED_TEST(PoolContract, the_destructor_terminates) {
  std::vector<AsyncResult<int>> results;
  Bell bell;
  Gate gate;
  {
    PoolOf<TypeParam> pool(TypeParam::with({.processes = 1}));
    results.push_back(pool.apply_async(hold, bell.path(), gate.path(), 1));
    bell.await();
    for (int i = 0; i < 100; ++i) results.push_back(pool.apply_async(square, i));
    gate.open();
  }
  int dropped = 0;
  for (const auto& result : results) {
    ASSERT_TRUE(result.ready());
    if (!result.successful()) {
      EXPECT_THROW(result.get(), Cancelled);
      ++dropped;
    }
  }
  if (!TypeParam::kCanKill) {
    EXPECT_EQ(results[0].get(), 1) << "what has begun is waited for";
  }
  EXPECT_LE(dropped, TypeParam::kCanKill ? 101 : 100);
}

TYPED_TEST(PoolContract, pools_come_and_go) {
  for (int round = 0; round < 100; ++round) {
    PoolOf<TypeParam> unused(TypeParam::with({.processes = 1 + round % 4}));
  }
  for (int round = 0; round < 50; ++round) {
    PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
    ASSERT_EQ(pool.apply(twice, round), 2 * round);
    if (round % 3 == 0) pool.close();
    if (round % 3 == 1) pool.terminate();
  }
}

TYPED_TEST(PoolContract, an_imap_may_outlive_its_pool) {
  auto pool = std::make_unique<PoolOf<TypeParam>>(TypeParam::with({.processes = 2}));
  auto stream = pool->imap(twice, counted(10'000), {.window = 2});
  EXPECT_EQ(stream.next(), 0);
  pool.reset();
  int values = 0;
  int failures = 0;
  for (;;) {
    try {
      if (!stream.next()) break;
      ++values;
    } catch (const Error&) {
      ++failures;
    }
  }
  EXPECT_LE(values, 9999);
  EXPECT_GE(failures, 1);
}

TYPED_TEST(PoolContract, wait_all_waits_for_what_was_accepted) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  pool.wait_all();
  auto one = pool.apply_async(square, 3);
  auto map = pool.map_async(square, counted(100));
  pool.wait_all();
  EXPECT_TRUE(one.ready());
  EXPECT_TRUE(map.ready());
  EXPECT_EQ(pool.apply(square, 4), 16) << "and the pool goes on";
  pool.close();
  pool.wait_all();
  pool.join();
  pool.wait_all();
}

TYPED_TEST(PoolContract, wait_all_throws_the_failure_of_a_post_once) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 1}));
  pool.post(picky, 3);
  pool.post(picky, 13);
  EXPECT_EQ(text_thrown<std::invalid_argument>([&] { pool.wait_all(); }), "refused 3");
  pool.wait_all();
  pool.post(nothing, 3);
  pool.wait_all();
  pool.post(picky, 23);
  EXPECT_EQ(text_thrown<std::invalid_argument>([&] { pool.wait_all(); }), "refused 23");
}

}  // namespace
}  // namespace muster::testing
