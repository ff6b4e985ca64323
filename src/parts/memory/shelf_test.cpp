#include "parts/memory/shelf.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <new>
#include <vector>

#include "os/process.hpp"
#include "tests/support/forked.hpp"

namespace muster::memory {
namespace {

constexpr std::size_t kBytes = std::size_t{1} << 20U;

// Of results, unless a test says otherwise.
struct Results : Shelf {
  std::shared_ptr<Segment> take(std::size_t bytes) { return Shelf::take(bytes, Use::kResults); }
};
std::shared_ptr<Results> make_shelf() { return std::make_shared<Results>(); }

// What a worker does: it maps the file, takes the pages, and writes.
void fill(const Segment& segment, int byte) {
  os::Mapping writable = os::map_shared(os::Descriptor(dup(segment.descriptor())), segment.size, true);
  writable.take_pages(0, segment.size);
  std::memset(writable.data(), byte, segment.size);
}

bool is_all(const Segment& segment, int byte) {
  const auto* const bytes = static_cast<const unsigned char*>(segment.data);
  for (std::size_t i = 0; i < segment.size; ++i) {
    if (bytes[i] != byte) return false;
  }
  return true;
}

TEST(Shelf, gives_at_least_what_was_asked_for) {
  const auto shelf = make_shelf();
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{4095}, std::size_t{4097}, kBytes, 3 * kBytes + 1}) {
    const auto segment = shelf->take(bytes);
    ASSERT_TRUE(segment);
    EXPECT_GE(segment->size, bytes);
    fill(*segment, 7);
    EXPECT_TRUE(is_all(*segment, 7));
  }
}

TEST(Shelf, what_comes_back_is_used_again_and_shows_no_changes_of_its_last_user) {
  const auto shelf = make_shelf();
  auto segment = shelf->take(kBytes);
  const std::uint64_t number = segment->number();
  fill(*segment, 1);
  std::memset(segment->data, 2, kBytes);
  segment.reset();
  segment = shelf->take(kBytes - 100);
  EXPECT_EQ(segment->number(), number);
  EXPECT_TRUE(is_all(*segment, 1));
}

TEST(Shelf, changes_of_the_user_are_seen_by_nobody_else) {
  const auto shelf = make_shelf();
  const auto segment = shelf->take(kBytes);
  fill(*segment, 1);
  std::memset(segment->data, 2, kBytes);
  const os::Mapping file = os::map_shared(os::Descriptor(dup(segment->descriptor())), kBytes, false);
  EXPECT_EQ(*static_cast<const unsigned char*>(file.data()), 1);
}

TEST(Shelf, what_a_copy_of_the_process_may_see_is_not_used_again) {
  const auto shelf = make_shelf();
  auto segment = shelf->take(kBytes);
  const std::uint64_t number = segment->number();
  {
    const testing::Forked copy([] { return true; });
  }
  segment.reset();
  EXPECT_FALSE(shelf->has(number));
  EXPECT_EQ(shelf->gone(), 1U);
  EXPECT_NE(shelf->take(kBytes)->number(), number);
}

TEST(Shelf, what_lies_there_while_a_copy_is_made_is) {
  const auto shelf = make_shelf();
  const std::uint64_t number = shelf->take(kBytes)->number();
  {
    const testing::Forked copy([] { return true; });
  }
  EXPECT_EQ(shelf->take(kBytes)->number(), number) << "the copy holds no results in it";
}

TEST(Shelf, a_copy_of_the_process_may_let_go_of_what_it_has) {
  const auto shelf = make_shelf();
  auto segment = shelf->take(kBytes);
  fill(*segment, 5);
  {
    const testing::Forked copy([&] {
      const bool seen = is_all(*segment, 5);
      segment.reset();
      return seen;
    });
  }
  EXPECT_TRUE(is_all(*segment, 5));
}

TEST(Shelf, renewed_uses_nothing_of_before) {
  const auto shelf = make_shelf();
  auto before = shelf->take(kBytes);
  const std::uint64_t number = before->number();
  shelf->renew();
  before.reset();
  EXPECT_FALSE(shelf->has(number));
}

TEST(Shelf, does_not_waste_a_large_one_on_a_small_wish) {
  const auto shelf = make_shelf();
  const std::uint64_t large = shelf->take(64 * kBytes)->number();
  EXPECT_NE(shelf->take(kBytes)->number(), large);
}

TEST(Shelf, keeps_no_more_than_its_limit_and_the_latest_at_that) {
  const auto shelf = make_shelf();
  std::vector<std::shared_ptr<Segment>> all;
  for (int i = 0; i < 5; ++i) all.push_back(shelf->take(64 * kBytes));
  std::vector<std::uint64_t> numbers;
  for (const auto& segment : all) numbers.push_back(segment->number());
  all.clear();
  EXPECT_FALSE(shelf->has(numbers.front()));
  EXPECT_TRUE(shelf->has(numbers.back()));
  EXPECT_EQ(shelf->gone(), 1U);
}

TEST(Shelf, gives_out_no_endless_number_at_a_time) {
  const auto shelf = make_shelf();
  std::vector<std::shared_ptr<Segment>> all;
  for (;;) {
    auto segment = shelf->take(1);
    if (!segment) break;
    all.push_back(std::move(segment));
    ASSERT_LT(all.size(), 1000U);
  }
  all.pop_back();
  EXPECT_TRUE(shelf->take(1));
}

TEST(Shelf, more_than_the_machine_has_is_refused) {
  const auto shelf = make_shelf();
  EXPECT_THROW(static_cast<void>(shelf->take(std::size_t{1} << 60U)), std::bad_alloc);
  EXPECT_TRUE(shelf->take(1)) << "and costs nothing";
}

TEST(Shelf, inputs_are_seen_by_all_and_lie_where_they_lay) {
  const auto shelf = std::make_shared<Shelf>();
  auto segment = shelf->take(kBytes, Use::kInputs);
  segment->take_pages(0, kBytes);
  std::memset(segment->data, 4, kBytes);
  const os::Mapping file = os::map_shared(os::Descriptor(dup(segment->descriptor())), kBytes, false);
  EXPECT_EQ(*static_cast<const unsigned char*>(file.data()), 4);
  const std::uint64_t number = segment->number();
  segment.reset();
  EXPECT_NE(shelf->take(kBytes, Use::kResults)->number(), number) << "they are not for results";
  EXPECT_EQ(shelf->take(kBytes, Use::kInputs)->number(), number);
}

TEST(Shelf, inputs_have_no_more_than_their_size) {
  const auto shelf = std::make_shared<Shelf>();
  const auto segment = shelf->take(1, Use::kInputs);
  EXPECT_THROW(segment->take_pages(0, segment->size + 1), std::bad_alloc);
}

TEST(Shelf, may_go_before_what_it_gave_out) {
  auto shelf = make_shelf();
  const auto segment = shelf->take(kBytes);
  shelf.reset();
  fill(*segment, 3);
  EXPECT_TRUE(is_all(*segment, 3));
}

}  // namespace
}  // namespace muster::memory
