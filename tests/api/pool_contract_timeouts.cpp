// Time limits run from an item's begin and end only that item.

#include <atomic>
#include <memory>
#include <ranges>

#include "tests/api/pool_contract.hpp"

namespace muster::testing {
namespace {

// Longer than the limits below by the clock, on a machine of any speed.
int dawdle(int i) {
  const auto end = std::chrono::steady_clock::now() + 25ms;
  while (i == 3 && std::chrono::steady_clock::now() < end) {
  }
  return i;
}

TYPED_TEST(PoolContract, an_item_that_takes_too_long_times_out_alone) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  // A busy machine may delay any item, so only that one is judged which cannot make it.
  const auto outcomes = pool.try_map(dawdle, counted(6), {.timeout = 20ms});
  ASSERT_FALSE(outcomes[3].has_value());
  EXPECT_THROW(static_cast<void>(outcomes[3].value()), TimeoutError);
  for (const std::size_t i : {0U, 1U, 2U, 4U, 5U}) {
    if (outcomes[i].has_value()) {
      EXPECT_EQ(outcomes[i].value(), static_cast<int>(i));
    } else {
      EXPECT_THROW(static_cast<void>(outcomes[i].value()), TimeoutError);
    }
  }
  EXPECT_EQ(numbers(pool.map(dawdle, counted(6), {.timeout = 1000s})), counted(6));
}

TYPED_TEST(PoolContract, every_call_has_time_limits) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  auto limited = pool.with({.timeout = 20ms});
  EXPECT_THROW(limited.apply(dawdle, 3), TimeoutError);
  EXPECT_THROW(limited.apply_async(dawdle, 3).get(), TimeoutError);
  EXPECT_THROW(limited.map(dawdle, std::vector{3}), TimeoutError);
  EXPECT_THROW(limited.map_async(dawdle, std::vector{3}).get(), TimeoutError);
  EXPECT_THROW(limited.starmap(dawdle, std::vector{std::tuple(3)}), TimeoutError);
  EXPECT_THROW(limited.imap(dawdle, std::vector{3}).next(), TimeoutError);
  EXPECT_THROW(limited.imap_unordered(dawdle, std::vector{3}).next(), TimeoutError);
  std::vector<int> out(1);
  EXPECT_THROW(limited.map_into(dawdle, std::vector{3}, out), TimeoutError);
  EXPECT_EQ(pool.apply(dawdle, 3), 3) << "and without a limit it has the time it needs";
}

TYPED_TEST(PoolContract, a_limit_runs_from_the_begin_and_not_from_the_call) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 1}));
  Bell bell;
  Gate gate;
  auto blocker = pool.apply_async(hold, bell.path(), gate.path(), 1);
  bell.await();
  auto queued = pool.with({.timeout = 1000s}).apply_async(square, 3);
  auto soon = pool.with({.timeout = 500ms}).apply_async(square, 4);
  // However long it stands in the queue. (The wait shows nothing if it is too short, and is never too long.)
  EXPECT_FALSE(soon.wait(600ms));
  gate.open();
  EXPECT_EQ(queued.get(), 9);
  soon.wait();
  EXPECT_EQ(blocker.get(), 1);
}

TYPED_TEST(PoolContract, apply_async_is_settled_when_its_time_is_over) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 1}));
  Bell bell;
  Gate gate;
  auto later = pool.with({.timeout = 5ms}).apply_async(hold, bell.path(), gate.path(), 1);
  int errors = 0;
  later.error_callback([&](const std::exception&) { ++errors; });
  // The gate is shut: only the limit can settle it.
  EXPECT_THROW(later.get(), TimeoutError);
  EXPECT_TRUE(later.ready());
  EXPECT_FALSE(later.successful());
  EXPECT_EQ(errors, 1);
  gate.open();
  EXPECT_EQ(pool.apply(square, 3), 9);
  EXPECT_THROW(later.get(), TimeoutError) << "a second outcome is dropped";
  EXPECT_EQ(errors, 1);
}

TYPED_TEST(PoolContract, join_waits_for_the_callbacks_of_what_timed_out) {
  for (int round = 0; round < 5; ++round) {
    auto pool = std::make_shared<PoolOf<TypeParam>>(TypeParam::with({.processes = 1}));
    const Bell bell;
    Gate gate;
    std::atomic<bool> begun{false};
    std::atomic<bool> ended{false};
    // The callback has what may become the last reference to the pool.
    std::weak_ptr<PoolOf<TypeParam>> known = pool;
    auto late = pool->with({.timeout = 5ms}).apply_async(hold, bell.path(), gate.path(), 1);
    late.error_callback([&, known](const std::exception&) {
      const auto held = known.lock();
      begun = true;
      begun.notify_one();
      dawdle(3);
      ended = true;
    });
    begun.wait(false);
    gate.open();  // the task itself ends now; its callback has not
    pool->close();
    pool->join();
    EXPECT_TRUE(ended);
    EXPECT_TRUE(late.ready());
  }
}

TYPED_TEST(PoolContract, a_time_limit_of_nothing_fails_everything) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  EXPECT_THROW(pool.with({.timeout = 0s}).apply(square, 3), TimeoutError);
  EXPECT_THROW(pool.with({.timeout = -1s}).apply(square, 3), TimeoutError);
  for (const auto& outcome : pool.try_map(square, counted(20), {.timeout = 0s})) EXPECT_FALSE(outcome.has_value());
}

TYPED_TEST(PoolContract, many_limits_pending_at_once) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 3}));
  std::vector<AsyncResult<int>> results;
  for (int i = 0; i < 500; ++i) {
    results.push_back(pool.with({.timeout = std::chrono::seconds(100 + (i * 37) % 100)}).apply_async(square, i));
  }
  for (int i = 0; i < 500; ++i) ASSERT_EQ(results[static_cast<std::size_t>(i)].get(), i * i);
  EXPECT_EQ(pool.map(twice, counted(2000), {.timeout = 100s})[1999], 3998);
}

}  // namespace
}  // namespace muster::testing
