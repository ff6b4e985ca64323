#include "engine/thread/stride.hpp"

#include <gtest/gtest.h>

#include <random>

namespace muster::engine::thread {
namespace {

struct Chunk {
  std::size_t begin;
  std::size_t end;
};

detail::Nanos any_time(std::mt19937& dice) {
  constexpr detail::Nanos kTimes[] = {0, 1, 50, 3000, 100'000, 1'000'000'000};
  return kTimes[dice() % std::size(kTimes)];
}

// Takes the loop apart as one worker would for whom each chunk takes any time.
template <class Check>
void take_apart(const detail::Loop& loop, int sharers, std::mt19937& dice, Check check) {
  Stride stride = Stride::shared(loop, sharers);
  std::size_t begin = 0;
  for (int chunks = 0; begin < loop.size && chunks < 2000; ++chunks) {
    const std::size_t end = stride.end_of(begin);
    ASSERT_GT(end, begin);
    ASSERT_LE(end, loop.size);
    check(Chunk{begin, end});
    stride.ran(end - begin, any_time(dice));
    begin = end;
  }
}

TEST(Stride, covers_any_size_by_chunks_of_at_least_one) {
  std::mt19937 dice(1);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{2}, std::size_t{1000}, SIZE_MAX}) {
    for (const std::size_t chunk : {std::size_t{0}, std::size_t{1}, std::size_t{7}, SIZE_MAX}) {
      for (const std::size_t page : {0U, 64U, 4096U}) {
        for (const int sharers : {1, 2, 100}) {
          detail::Loop loop;
          loop.size = size;
          loop.chunk = chunk;
          loop.page = page;
          loop.align = 16;
          take_apart(loop, sharers, dice, [](Chunk) {});
        }
      }
    }
  }
}

TEST(Stride, at_the_end_of_the_largest_loop_does_not_wrap) {
  detail::Loop loop;
  loop.size = SIZE_MAX;
  loop.align = 64;
  loop.page = 4096;
  Stride stride(loop, 1, SIZE_MAX);
  for (const std::size_t left : {1U, 2U, 63U, 64U, 4096U, 5000U}) {
    const std::size_t begin = SIZE_MAX - left;
    EXPECT_GT(stride.end_of(begin), begin);
    EXPECT_LE(stride.end_of(begin), SIZE_MAX);
  }
  loop.chunk = SIZE_MAX;
  EXPECT_EQ(stride.end_of(SIZE_MAX - 1), SIZE_MAX);
}

TEST(Stride, size_of_chunks_that_was_asked_for_is_kept) {
  std::mt19937 dice(2);
  detail::Loop loop;
  loop.size = 100;
  loop.chunk = 7;
  loop.align = 8;
  loop.page = 4096;
  take_apart(loop, 4, dice, [&](Chunk chunk) { EXPECT_EQ(chunk.end - chunk.begin, chunk.end == 100 ? 2U : 7U); });
}

TEST(Stride, edges_of_larger_chunks_are_aligned) {
  std::mt19937 dice(3);
  for (int round = 0; round < 50; ++round) {
    detail::Loop loop;
    loop.size = 1'000'003;
    loop.align = 16;
    take_apart(loop, 2, dice, [&](Chunk chunk) {
      if (chunk.end - chunk.begin >= 2 * loop.align && chunk.end != loop.size) {
        EXPECT_EQ(chunk.end % loop.align, 0U);
      }
    });
  }
}

TEST(Stride, chunks_of_about_a_page_are_whole_pages) {
  detail::Loop loop;
  loop.size = 10'000'000;
  loop.align = 16;
  loop.page = 4096;
  Stride quarter(loop, 2, 1024);
  EXPECT_EQ(quarter.end_of(0), 4096U);
  EXPECT_EQ(quarter.end_of(16), 4096U);
  Stride less(loop, 2, 1023);
  EXPECT_EQ(less.end_of(0), 1008U);
  Stride more(loop, 2, 10'000);
  EXPECT_EQ(more.end_of(0), 8192U);
  EXPECT_EQ(more.end_of(8192), 16'384U);
}

TEST(Stride, of_unknown_pace_begins_with_one_item_and_grows) {
  detail::Loop loop;
  loop.size = 1'000'000;
  Stride stride = Stride::shared(loop, 2);
  EXPECT_EQ(stride.end_of(0), 1U);
  EXPECT_EQ(Stride::alone(loop, 2).end_of(0), 1U);
  stride.ran(1, 1);
  EXPECT_EQ(stride.end_of(1), 17U);
}

TEST(Stride, of_a_tiny_loop_is_a_share_and_alone_much_less) {
  detail::Pace pace{1000};
  detail::Loop loop;
  loop.size = 10'001;
  loop.pace = &pace;
  EXPECT_EQ(Stride::first_end(loop, 0, 2), 5000U);
  EXPECT_EQ(Stride::first_end(loop, 0, 100), 400U) << "less is not worth going for";
  EXPECT_EQ(Stride::first_end(loop, 10'001, 2), 10'001U);
  EXPECT_EQ(Stride::shared(loop, 2).end_of(5000), 5000U + 5001U / 4);
  EXPECT_EQ(Stride::shared(loop, 2).end_of(9000), 9400U);
  EXPECT_EQ(Stride::shared(loop, 2).end_of(9900), 10'001U);
  EXPECT_EQ(Stride::alone(loop, 2).end_of(0), 400U);
  loop.size = 1'000'000;
  EXPECT_EQ(Stride::shared(loop, 2).end_of(0), 400U);
  EXPECT_EQ(Stride::first_end(loop, 0, 2), 400U) << "a long loop begins small for everybody";
  // Known to be cheap, but these few may be something else.
  loop.size = 40;
  EXPECT_EQ(Stride::alone(loop, 2).end_of(0), 5U);
  EXPECT_EQ(Stride::alone(loop, 100).end_of(0), 1U);
}

TEST(Stride, of_the_tiniest_loop_is_a_whole_share) {
  detail::Pace pace{500};
  detail::Loop loop;
  loop.size = 10'000;
  loop.pace = &pace;
  EXPECT_EQ(Stride::shared(loop, 2).end_of(5000), 10'000U);
  EXPECT_EQ(Stride::shared(loop, 4).end_of(2500), 5000U);
  EXPECT_EQ(Stride::first_end(loop, 0, 2), 5000U);
}

TEST(Stride, of_two_who_begin_one_after_the_other_is_longer_for_the_first) {
  detail::Pace pace{500};
  detail::Loop loop;
  loop.size = 10'000;
  loop.pace = &pace;
  EXPECT_EQ(Stride::half_end(loop), 5640U);
  pace = 50;
  EXPECT_EQ(Stride::half_end(loop), 6250U) << "but not too much";
  pace = 1'000'000;
  loop.size = 8;
  EXPECT_EQ(Stride::half_end(loop), 4U);
  loop.align = 3;
  EXPECT_EQ(Stride::half_end(loop), 3U);
  loop.size = 1;
  EXPECT_EQ(Stride::half_end(loop), 1U);
}

TEST(Stride, is_corrected_by_how_long_a_shared_loop_took_at_least_and_at_most) {
  detail::Pace pace{1000};
  detail::Loop loop;
  loop.size = 10'000;
  loop.pace = &pace;
  Stride::correct(loop, 6000, 2, Stride::expected(loop));
  EXPECT_EQ(pace, 1000U) << "it may have been that";
  Stride::correct(loop, 4000, 2, Stride::expected(loop));
  EXPECT_EQ(pace, 800U) << "it was at most that";
  Stride::correct(loop, 100'000, 2, Stride::expected(loop));
  EXPECT_EQ(pace, 10'000U) << "it was at least that";
}

TEST(Stride, of_a_tiny_loop_that_is_shared_leaves_no_pace) {
  detail::Pace pace{1000};
  detail::Loop loop;
  loop.size = 10'000;
  loop.pace = &pace;
  {
    Stride stride = Stride::shared(loop, 2);
    stride.ran(100, 1'000'000);
  }
  EXPECT_EQ(pace, 1000U);
  {
    Stride stride = Stride::alone(loop, 2);
    stride.ran(100, 1'000'000);
  }
  EXPECT_EQ(pace, 10'000'000U);
}

TEST(Stride, slow_items_shrink_it_to_one) {
  detail::Loop loop;
  loop.size = 1'000'000;
  Stride stride(loop, 2, 1000);
  EXPECT_EQ(stride.end_of(0), 1000U);
  stride.ran(1000, 1'000'000'000'000);
  EXPECT_EQ(stride.end_of(1000), 1001U);
}

TEST(Stride, takes_no_more_than_half_of_ones_share_of_the_rest) {
  detail::Loop loop;
  loop.size = 1000;
  Stride stride(loop, 5, 1'000'000);
  EXPECT_EQ(stride.end_of(0), 100U);
  EXPECT_EQ(stride.end_of(900), 910U);
  EXPECT_EQ(stride.end_of(999), 1000U);
  Stride alone(loop, 1, 1'000'000);
  EXPECT_EQ(alone.end_of(0), 1000U);
}

TEST(Stride, leaves_the_pace_that_it_found) {
  detail::Pace pace{0};
  detail::Loop loop;
  loop.size = 1000;
  loop.pace = &pace;
  EXPECT_EQ(Stride::expected(loop), detail::kForever);
  {
    const Stride idle(loop, 1, 1);
  }
  EXPECT_EQ(pace, 0U);
  {
    Stride stride(loop, 1, 1);
    stride.ran(10, 20);
    stride.ran(90, 180);
  }
  EXPECT_EQ(pace, 2000U);
  EXPECT_EQ(Stride::expected(loop), 2000);
  {
    Stride instant(loop, 1, 1);
    instant.ran(100, 0);
  }
  EXPECT_EQ(pace, 1U);
  pace = UINT64_MAX;
  EXPECT_EQ(Stride::shared(loop, 2).end_of(0), 1U);
  loop.size = SIZE_MAX;
  EXPECT_EQ(Stride::expected(loop), detail::kForever);
}

}  // namespace
}  // namespace muster::engine::thread
