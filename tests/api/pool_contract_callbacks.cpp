// Callbacks run once, early or late, before the result is ready; one that throws fails the get().

#include <atomic>
#include <memory>
#include <optional>
#include <thread>

#include "tests/api/pool_contract.hpp"

namespace muster::testing {
namespace {

TYPED_TEST(PoolContract, a_callback_gets_the_value_before_the_result_is_ready) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 1}));
  Bell bell;
  Gate gate;
  auto later = pool.apply_async(hold, bell.path(), gate.path(), 5);
  std::atomic<int> seen{0};
  std::atomic<int> errors{0};
  std::atomic<bool> was_ready{true};
  later
      .callback([&](int value) {
        was_ready = later.ready();
        seen += value;
      })
      .error_callback([&](const std::exception_ptr&) { ++errors; });
  bell.await();
  EXPECT_EQ(seen, 0);
  gate.open();
  EXPECT_EQ(later.get(), 5);
  EXPECT_EQ(seen, 5) << "once, and before get() returns";
  EXPECT_EQ(errors, 0);
  EXPECT_FALSE(was_ready);
}

TYPED_TEST(PoolContract, an_error_callback_gets_the_failure) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 1}));
  std::atomic<int> calls{0};
  std::string by_exception;
  std::string by_pointer;
  auto later = pool.apply_async(picky, 3)
                   .callback([&](int) { ++calls; })
                   .error_callback([&](const std::exception& error) { by_exception = error.what(); })
                   .error_callback([&](const std::exception_ptr& error) {
                     by_pointer = text_thrown<std::invalid_argument>([&] { std::rethrow_exception(error); });
                   });
  EXPECT_THROW(later.get(), std::invalid_argument);
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(by_exception, "refused 3");
  EXPECT_EQ(by_pointer, "refused 3");
}

TYPED_TEST(PoolContract, a_callback_attached_late_runs_here_and_now) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 1}));
  auto later = pool.apply_async(square, 5);
  later.wait();
  int seen = 0;
  std::thread::id ran_in;
  later.callback([&](int value) {
    seen += value;
    ran_in = std::this_thread::get_id();
  });
  EXPECT_EQ(seen, 25);
  EXPECT_EQ(ran_in, std::this_thread::get_id());
  auto failed = pool.apply_async(picky, 3);
  failed.wait();
  failed.error_callback([&](const std::exception&) { seen = -1; });
  EXPECT_EQ(seen, -1);
}

TYPED_TEST(PoolContract, callbacks_of_maps_and_of_functions_that_return_nothing) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  std::atomic<int> last{0};
  std::atomic<int> calls{0};
  auto map = pool.map_async(square, counted(10)).callback([&](const Results<int>& all) { last = all.back(); });
  auto none = pool.apply_async(nothing, 1).callback([&] { ++calls; });
  auto none_map = pool.map_async(nothing, counted(7)).callback([&](const Results<void>& all) {
    calls += static_cast<int>(all.size());
  });
  map.get();
  none.get();
  none_map.get();
  EXPECT_EQ(last, 81);
  EXPECT_EQ(calls, 8);
}

TYPED_TEST(PoolContract, a_callback_that_throws_fails_the_get) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 1}));
  Bell bell;
  Gate gate;
  auto early = pool.apply_async(hold, bell.path(), gate.path(), 5);
  std::atomic<int> others{0};
  early.callback([](int) { throw std::domain_error("callback"); }).callback([&](int) { ++others; });
  gate.open();
  EXPECT_EQ(text_thrown<std::domain_error>([&] { early.get(); }), "callback");
  EXPECT_FALSE(early.successful());
  EXPECT_EQ(others, 1) << "the other callbacks run";

  auto late = pool.apply_async(square, 5);
  EXPECT_EQ(late.get(), 25);
  late.callback([](int) { throw std::domain_error("late"); });
  EXPECT_EQ(text_thrown<std::domain_error>([&] { late.get(); }), "late");

  auto failed = pool.apply_async(picky, 3);
  failed.error_callback([](const std::exception&) { throw std::domain_error("error callback"); });
  EXPECT_EQ(text_thrown<std::domain_error>([&] { failed.get(); }), "error callback");
}

TYPED_TEST(PoolContract, callbacks_outlive_the_result_they_were_attached_to) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 1}));
  auto calls = std::make_shared<std::atomic<int>>(0);
  for (int i = 0; i < 100; ++i) pool.apply_async(square, i).callback([calls](int) { ++*calls; });
  pool.close();
  pool.join();
  EXPECT_EQ(*calls, 100);
}

TYPED_TEST(PoolContract, callbacks_race_with_the_end_of_their_task_and_run_once) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  for (int round = 0; round < 1000; ++round) {
    std::atomic<int> calls{0};
    auto later = pool.apply_async(square, round);
    for (int i = 0; i < 3; ++i) later.callback([&](int) { ++calls; });
    later.wait();
    ASSERT_EQ(calls, 3) << "round " << round;
  }
}

TYPED_TEST(PoolContract, a_callback_may_use_the_pool) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 1}));
  std::optional<AsyncResult<int>> next;
  auto first = pool.apply_async(square, 3);
  first.callback([&](int value) { next.emplace(pool.apply_async(square, value)); });
  EXPECT_EQ(first.get(), 9);
  EXPECT_EQ(next->get(), 81);
  int inner = 0;
  auto second = pool.apply_async(square, 2);
  second.callback([&](int value) { inner = pool.apply(square, value) + pool.map(square, counted(5))[4]; });
  EXPECT_EQ(second.get(), 4);
  EXPECT_EQ(inner, 32);
}

TYPED_TEST(PoolContract, who_cancels_runs_the_error_callback) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 1}));
  Bell bell;
  Gate gate;
  auto begun = pool.apply_async(hold, bell.path(), gate.path(), 5);
  bell.await();
  auto queued = pool.apply_async(square, 3);
  int calls = 0;
  queued.error_callback(
      [&](const std::exception& error) { calls += dynamic_cast<const Cancelled*>(&error) != nullptr ? 1 : 100; });
  EXPECT_TRUE(queued.cancel());
  EXPECT_EQ(calls, 1);
  auto dropped = pool.apply_async(square, 3);
  dropped.error_callback([&](const std::exception&) { ++calls; });
  pool.terminate();
  dropped.wait();
  EXPECT_EQ(calls, 2);
  gate.open();
}

}  // namespace
}  // namespace muster::testing
