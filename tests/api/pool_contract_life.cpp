// The life of workers (initializers, replacement after so many tasks), and pools that end in their own callbacks.

#include <memory>
#include <optional>
#include <ranges>

#include "tests/api/pool_contract.hpp"

namespace muster::testing {
namespace {

thread_local int remembered = 0;  // each worker's own, in whatever it lives
thread_local int tasks_here = 0;

void remember(int value) { remembered += value; }
int recall(int) { return remembered; }
int count_here(int) { return ++tasks_here; }
void fail_with(const std::string& text) { throw std::invalid_argument(text); }

TYPED_TEST(PoolContract, an_initializer_has_run_once_in_the_worker_of_every_task) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 3, .initializer = muster::bind(remember, 7)}));
  const std::vector<int> sevens(300, 7);
  EXPECT_EQ(numbers(pool.map(recall, counted(300), {.chunksize = 1})), sevens);
  EXPECT_EQ(numbers(pool.map(recall, counted(300))), sevens);
  EXPECT_EQ(numbers(pool.imap(recall, counted(300))), sevens);
  EXPECT_EQ(numbers(pool.imap_unordered(recall, counted(300), {.chunksize = 4})), sevens);
  EXPECT_EQ(numbers(pool.map_async(recall, counted(300)).get()), sevens);
  for (int i = 0; i < 50; ++i) ASSERT_EQ(pool.apply(recall, i), 7);
  EXPECT_EQ(remembered, 0) << "the caller is no worker";
}

TYPED_TEST(PoolContract, an_initializer_may_be_a_function_or_a_lambda) {
  const auto in_lambda = [] { remembered = 5; };
  EXPECT_EQ(PoolOf<TypeParam>(TypeParam::with({.processes = 1, .initializer = in_lambda})).apply(recall, 0), 5);
  EXPECT_EQ(PoolOf<TypeParam>(TypeParam::with({.processes = 1, .initializer = +in_lambda})).apply(recall, 0), 5);
}

TYPED_TEST(PoolContract, an_initializer_that_fails_throws_from_the_constructor) {
  using Pool = PoolOf<TypeParam>;
  for (const int workers : {1, 3}) {
    const auto make = [workers] {
      Pool pool(TypeParam::with({.processes = workers, .initializer = muster::bind(fail_with, "no server")}));
    };
    for (int round = 0; round < 5; ++round) EXPECT_EQ(text_thrown<std::invalid_argument>(make), "no server");
  }
  EXPECT_EQ(Pool(TypeParam::with({.processes = 1})).apply(square, 3), 9) << "others can be made";
}

TYPED_TEST(PoolContract, a_worker_runs_no_more_tasks_than_it_may) {
  for (const int most : {1, 2, 5}) {
    PoolOf<TypeParam> pool(TypeParam::with({.processes = 2, .maxtasksperchild = most}));
    std::vector<AsyncResult<int>> results;
    for (int i = 0; i < 60; ++i) results.push_back(pool.apply_async(count_here, i));
    for (const auto& result : results) ASSERT_LE(result.get(), most);
    for (int i = 0; i < 10; ++i) ASSERT_LE(pool.apply(count_here, i), most);
    for (const int count : pool.map(count_here, counted(30), {.chunksize = 1})) ASSERT_LE(count, most);
  }
}

TYPED_TEST(PoolContract, a_chunk_is_one_task_of_its_worker) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 1, .maxtasksperchild = 1}));
  std::vector<int> expected;
  for (int i = 0; i < 40; ++i) expected.push_back(i % 4 + 1);
  EXPECT_EQ(numbers(pool.map(count_here, counted(40), {.chunksize = 4})), expected);
  EXPECT_EQ(numbers(pool.imap(count_here, counted(40), {.chunksize = 4})), expected);
}

TYPED_TEST(PoolContract, workers_that_replace_others_are_initialized) {
  PoolOf<TypeParam> pool(
      TypeParam::with({.processes = 2, .initializer = muster::bind(remember, 3), .maxtasksperchild = 1}));
  EXPECT_EQ(numbers(pool.map(recall, counted(50), {.chunksize = 1})), std::vector<int>(50, 3));
  for (int i = 0; i < 20; ++i) ASSERT_EQ(pool.apply(recall, i), 3);
}

TYPED_TEST(PoolContract, no_result_is_lost_where_workers_are_replaced) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 3, .maxtasksperchild = 3}));
  EXPECT_EQ(numbers(pool.map(twice, counted(1000), {.chunksize = 10})), numbers(pool.map(twice, counted(1000))));
  int next = 0;
  for (const int value : pool.imap(square, counted(100))) {
    ASSERT_EQ(value, next * next);
    ++next;
  }
  EXPECT_EQ(next, 100);
  EXPECT_EQ(text_thrown<std::invalid_argument>([&] { pool.map(picky, counted(50), {.chunksize = 5}); }), "refused 3");
}

TYPED_TEST(PoolContract, a_pool_may_end_in_a_callback_of_its_own) {
  for (int round = 0; round < 10; ++round) {
    auto pool = std::make_unique<PoolOf<TypeParam>>(TypeParam::with({.processes = 2}));
    Bell bell;
    Gate gate;
    auto later = pool->apply_async(hold, bell.path(), gate.path(), 5);
    auto other = pool->apply_async(square, 3);
    later.callback([&](int) { pool.reset(); });
    bell.await();
    gate.open();
    EXPECT_EQ(later.get(), 5);
    EXPECT_EQ(pool, nullptr);
    other.wait();
    if (other.successful()) {
      EXPECT_EQ(other.get(), 9);
    } else {
      EXPECT_THROW(other.get(), Cancelled);
    }
  }
}

TYPED_TEST(PoolContract, a_callback_may_close_and_terminate_its_pool_and_not_join_it) {
  std::optional<PoolOf<TypeParam>> pool(std::in_place, TypeParam::with({.processes = 1}));
  Bell bell;
  Gate gate;
  int refused = 0;
  auto later = pool->apply_async(hold, bell.path(), gate.path(), 5);
  auto dropped = pool->apply_async(square, 3);
  later.callback([&](int) {
    pool->close();
    refused += text_thrown<DeadlockError>([&] { pool->join(); }).empty() ? 0 : 1;
    refused += text_thrown<DeadlockError>([&] { pool->wait_all(); }).empty() ? 0 : 1;
    pool->terminate();
  });
  bell.await();
  gate.open();
  EXPECT_EQ(later.get(), 5);
  EXPECT_EQ(refused, 2);
  pool->join();
  EXPECT_TRUE(dropped.ready());
  EXPECT_THROW(pool->apply(square, 1), PoolClosed);
}

}  // namespace
}  // namespace muster::testing
