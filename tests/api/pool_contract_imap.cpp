// imap and imap_unordered: order, windows, endings, failures mid-stream.

#include <algorithm>
#include <list>
#include <map>
#include <optional>
#include <ranges>

#include "tests/api/pool_contract.hpp"
#include "tests/support/generator.hpp"

namespace muster::testing {
namespace {

TYPED_TEST(PoolContract, imap_keeps_order) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 3}));
  int expected = 0;
  for (const int value : pool.imap(twice, std::views::iota(0, 5000))) {
    ASSERT_EQ(value, 2 * expected);
    ++expected;
  }
  EXPECT_EQ(expected, 5000);
  for (const int chunksize : {2, 7, 1000}) {
    EXPECT_EQ(numbers(pool.imap(twice, counted(100), {.chunksize = chunksize})),
              numbers(pool.map(twice, counted(100))));
  }
}

TYPED_TEST(PoolContract, imap_unordered_gives_each_result_once) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 3}));
  for (const int chunksize : {0, 1, 7}) {
    auto values = numbers(pool.imap_unordered(twice, std::views::iota(0, 3000), {.chunksize = chunksize}));
    std::sort(values.begin(), values.end());
    ASSERT_EQ(values, numbers(pool.map(twice, counted(3000))));
  }
}

TYPED_TEST(PoolContract, imap_unordered_does_not_wait_for_a_slow_first) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  Bell bell;
  Gate gate;
  const auto slow_first = [](const std::string& gate_path, int i) {
    if (i == 0) pass(gate_path);
    return i;
  };
  auto stream = pool.imap_unordered(muster::bind(slow_first, gate.path()), counted(20));
  for (int i = 0; i < 19; ++i) ASSERT_NE(stream.next(), 0);
  EXPECT_THROW(stream.next(0s), TimeoutError);
  gate.open();
  EXPECT_EQ(stream.next(), 0);
  EXPECT_EQ(stream.next(), std::nullopt);
}

TYPED_TEST(PoolContract, imap_takes_every_sort_of_range) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  const std::list<int> named{1, 2, 3};
  const std::vector<int> expected{2, 4, 6};
  EXPECT_EQ(numbers(pool.imap(twice, named)), expected);
  EXPECT_EQ(numbers(pool.imap(twice, std::ref(named))), expected);
  EXPECT_EQ(numbers(pool.imap(twice, std::vector{1, 2, 3})), expected);
  EXPECT_EQ(numbers(pool.imap(square, count_to(4))), (std::vector{0, 1, 4, 9}));
  EXPECT_EQ(numbers(pool.imap(twice, std::views::iota(1) | std::views::take(3))), expected);
  EXPECT_EQ(numbers(pool.imap(twice, std::vector<bool>{true, false})), (std::vector{2, 0}));
}

TYPED_TEST(PoolContract, next_reads_one_by_one_and_says_the_end_again_and_again) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  auto stream = pool.imap(square, std::vector{1, 2});
  EXPECT_EQ(stream.next(), 1);
  EXPECT_EQ(stream.next(10s), 4);
  EXPECT_EQ(stream.next(), std::nullopt);
  EXPECT_EQ(stream.next(), std::nullopt);
}

TYPED_TEST(PoolContract, next_runs_out_of_time_and_loses_nothing_by_it) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 1}));
  Bell bell;
  Gate gate;
  auto stream = pool.imap(muster::bind(hold, bell.path(), gate.path()), std::vector{1, 2});
  bell.await();
  EXPECT_THROW(stream.next(0s), TimeoutError);
  EXPECT_THROW(stream.next(1ms), TimeoutError);
  gate.open();
  EXPECT_EQ(stream.next(), 1);
  EXPECT_EQ(stream.next(), 2);
  EXPECT_EQ(stream.next(), std::nullopt);
}

TYPED_TEST(PoolContract, imap_reads_no_further_ahead_than_its_window) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  for (const int window : {1, 2, 5}) {
    for (const int chunksize : {0, 1, 2, 50}) {
      int read = 0;
      auto stream = pool.imap(twice, count_for_ever(read), {.chunksize = chunksize, .window = window});
      EXPECT_LE(read, window) << "before the first result is read";
      for (int taken = 0; taken < 40; ++taken) {
        ASSERT_EQ(stream.next(), 2 * taken);
        ASSERT_LE(read, taken + 1 + window) << "window " << window << " chunksize " << chunksize;
      }
    }
  }
}

TYPED_TEST(PoolContract, an_endless_imap_can_be_left_at_any_time) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  int read = 0;
  int taken = 0;
  for (const int value : pool.imap(twice, count_for_ever(read))) {
    ASSERT_EQ(value, 2 * taken);
    if (++taken == 100) break;
  }
  EXPECT_EQ(taken, 100);
  EXPECT_LT(read, 2000);
  {
    const auto unread = pool.imap_unordered(twice, count_for_ever(read));
  }
  EXPECT_EQ(pool.apply(twice, 4), 8);
}

TYPED_TEST(PoolContract, an_imap_left_early_drops_what_has_not_begun) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 1}));
  Bell bell;
  Gate gate;
  std::optional stream(pool.imap(muster::bind(hold, bell.path(), gate.path()), counted(30)));
  bell.await();
  gate.open();
  stream.reset();
  pool.wait_all();
  // Whatever began had ended when the stream was gone; of the rest nothing rings any more.
  auto last = pool.apply_async(hold, bell.path(), gate.path(), 99);
  EXPECT_EQ(last.get(), 99);
}

TYPED_TEST(PoolContract, a_failed_item_is_thrown_in_its_place_and_the_next_ones_follow) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  for (const int chunksize : {1, 3}) {
    auto stream = pool.imap(picky, counted(15), {.chunksize = chunksize});
    for (int i = 0; i < 15; ++i) {
      if (i % 10 == 3) {
        EXPECT_EQ(text_thrown<std::invalid_argument>([&] { stream.next(); }), "refused " + std::to_string(i));
      } else {
        ASSERT_EQ(stream.next(), i);
      }
    }
    EXPECT_EQ(stream.next(), std::nullopt);
  }
}

TYPED_TEST(PoolContract, a_loop_over_an_imap_can_go_on_after_a_failure) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  auto stream = pool.imap(picky, counted(6));
  std::vector<int> good;
  int failures = 0;
  for (auto it = stream.begin(); it != stream.end(); ++it) {
    try {
      good.push_back(*it);
    } catch (const std::invalid_argument&) {
      ++failures;
    }
  }
  EXPECT_EQ(good, (std::vector{0, 1, 2, 4, 5}));
  EXPECT_EQ(failures, 1);
}

TYPED_TEST(PoolContract, an_input_that_throws_ends_the_stream_after_what_it_gave) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  for (const int at : {1, 5, 200}) {
    for (const int chunksize : {1, 3}) {
      auto stream = pool.imap(twice, count_and_throw(at), {.chunksize = chunksize});
      for (int i = 0; i < at; ++i) ASSERT_EQ(stream.next(), 2 * i) << "at " << at << " chunksize " << chunksize;
      EXPECT_EQ(text_thrown<std::runtime_error>([&] { stream.next(); }), "input broke");
      EXPECT_EQ(stream.next(), std::nullopt);
    }
  }
  EXPECT_THROW(pool.map(twice, count_and_throw(3)), std::runtime_error);
  EXPECT_EQ(pool.apply(twice, 1), 2);
}

TYPED_TEST(PoolContract, a_sized_imap_can_be_read_to_its_end_after_close_and_join) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  auto ordered = pool.imap(twice, std::views::iota(0, 2000), {.window = 3});
  auto unordered = pool.imap_unordered(twice, counted(2000), {.window = 3});
  EXPECT_EQ(ordered.next(), 0);
  pool.close();
  pool.join();
  for (int i = 1; i < 2000; ++i) ASSERT_EQ(ordered.next(), 2 * i);
  EXPECT_EQ(ordered.next(), std::nullopt);
  EXPECT_EQ(numbers(unordered).size(), 2000U);
}

TYPED_TEST(PoolContract, an_unsized_imap_says_once_that_its_pool_ended_before_it) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  int read = 0;
  auto stream = pool.imap(twice, count_for_ever(read), {.window = 4});
  EXPECT_EQ(stream.next(), 0);
  pool.close();
  EXPECT_EQ(stream.next(), 2) << "a closed pool goes on with what it has accepted";
  pool.join();
  int given = 2;
  int refused = 0;
  for (;;) {
    try {
      const auto value = stream.next();
      if (!value) break;
      ASSERT_EQ(*value, 2 * given++);
    } catch (const PoolClosed&) {
      ++refused;
    }
  }
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(given, read);
}

TYPED_TEST(PoolContract, imap_streams_can_be_moved) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  auto first = pool.imap(twice, counted(10));
  EXPECT_EQ(first.next(), 0);
  auto second = std::move(first);
  EXPECT_EQ(second.next(), 2);
  second = pool.imap(twice, std::vector{50});
  EXPECT_EQ(second.next(), 100);
}

}  // namespace
}  // namespace muster::testing
