// Results and the memory under them.

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include <muster/error.hpp>
#include <muster/thread_pool.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <numeric>
#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/leaks.hpp"
#include "tests/support/tracked.hpp"

namespace muster::testing {
namespace {

static_assert(std::ranges::contiguous_range<Results<int>>);
static_assert(std::ranges::sized_range<Results<int>>);
static_assert(std::ranges::contiguous_range<const Results<std::string>>);
static_assert(!std::is_copy_constructible_v<Results<int>>);
static_assert(std::is_nothrow_move_constructible_v<Results<int>>);
static_assert(std::is_convertible_v<Results<int>, std::vector<int>>);
static_assert(sizeof(Results<bool>::value_type) == 1);

Results<std::string> words(int count) {
  ThreadPool pool(2);
  return pool.map([](int i) { return std::string("word ") + std::to_string(i); }, std::views::iota(0, count));
}

TEST(Results, reads_like_a_container) {
  auto all = words(5);
  EXPECT_EQ(all.size(), 5U);
  EXPECT_FALSE(all.empty());
  EXPECT_EQ(all.front(), "word 0");
  EXPECT_EQ(all.back(), "word 4");
  EXPECT_EQ(all[2], "word 2");
  EXPECT_EQ(all.at(3), "word 3");
  EXPECT_THROW(all.at(5), std::out_of_range);
  EXPECT_EQ(all.end() - all.begin(), 5);
  EXPECT_EQ(*all.rbegin(), "word 4");
  EXPECT_EQ(std::as_const(all).data(), &all[0]);
  EXPECT_EQ(std::as_const(all).at(1), "word 1");
  all[1] = "changed";
  EXPECT_EQ(*(all.cbegin() + 1), "changed");
  std::ranges::sort(all, std::greater<>());
  EXPECT_EQ(all.front(), "word 4");
}

TEST(Results, empty_ones_are_all_alike) {
  const Results<std::string> none;
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.begin(), none.end());
  EXPECT_TRUE(none == words(0));
  EXPECT_FALSE(none == words(1));
  EXPECT_THROW(none.at(0), std::out_of_range);
  const std::vector<std::string> converted = none;
  EXPECT_TRUE(converted.empty());
}

TEST(Results, moving_leaves_an_empty_one) {
  auto first = words(3);
  const std::string* place = first.data();
  Results<std::string> second = std::move(first);
  EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(second.data(), place) << "nothing is copied";
  first = std::move(second);
  EXPECT_EQ(first.size(), 3U);
  Results<std::string>& same = first;
  first = std::move(same);
  EXPECT_EQ(first.size(), 3U);
  second = words(2);
  second = words(4);
  EXPECT_EQ(second.size(), 4U);
}

TEST(Results, become_vectors_by_copy_or_by_move) {
  auto all = words(3);
  const std::vector<std::string> copied = all;
  EXPECT_EQ(all[2], "word 2");
  const std::vector<std::string> moved = std::move(all);
  EXPECT_EQ(copied, moved);
  ThreadPool pool(1);
  const std::vector<MoveOnly> only = pool.map([](int i) { return MoveOnly(i); }, std::views::iota(0, 3));
  EXPECT_EQ(only[2].value, 2);
  const std::vector<bool> bits = pool.map([](int i) { return i == 1; }, std::views::iota(0, 3));
  EXPECT_EQ(bits, (std::vector<bool>{false, true, false}));
}

TEST(Results, compare_by_their_values) {
  EXPECT_TRUE(words(3) == words(3));
  EXPECT_FALSE(words(3) == words(4));
  auto other = words(3);
  other[2] = "else";
  EXPECT_FALSE(words(3) == other);
  EXPECT_TRUE(Results<void>(3) == Results<void>(3));
  EXPECT_FALSE(Results<void>(3) == Results<void>(2));
  EXPECT_TRUE(Results<void>().empty());
}

struct alignas(256) Wide {
  int value;
};

TEST(Results, are_aligned_as_their_type_asks) {
  ThreadPool pool(2);
  for (const int count : {1, 100, 40'000}) {
    const auto wide = pool.map([](int i) { return Wide{i}; }, std::views::iota(0, count));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(wide.data()) % 256, 0U);
    EXPECT_EQ(wide.back().value, count - 1);
  }
}

// How many pages of [data, data + bytes) are in memory.
std::size_t resident_pages(const void* data, std::size_t bytes) {
  const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  const std::uintptr_t begin = reinterpret_cast<std::uintptr_t>(data) / page * page;
  const std::uintptr_t end = (reinterpret_cast<std::uintptr_t>(data) + bytes + page - 1) / page * page;
  std::vector<unsigned char> there((end - begin) / page);
  if (mincore(reinterpret_cast<void*>(begin), end - begin, there.data()) != 0) return SIZE_MAX;  // NOLINT
  return static_cast<std::size_t>(
      std::count_if(there.begin(), there.end(), [](unsigned char byte) { return byte & 1U; }));
}

TEST(Storage, a_large_block_is_not_touched_before_it_is_written) {
  constexpr std::size_t kBytes = std::size_t{256} << 20U;
  const detail::Storage storage(kBytes / 8, 8, 8);
  const std::size_t pages = kBytes / static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  EXPECT_LT(resident_pages(storage.data(), kBytes), pages / 16);
}

TEST(Storage, small_large_and_empty_blocks) {
  EXPECT_EQ(detail::Storage(0, 8, 8).data(), nullptr);
  for (const std::size_t count : {std::size_t{1}, std::size_t{1000}, std::size_t{5} << 20U}) {
    detail::Storage storage(count, 4, 64);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(storage.data()) % 64, 0U);
    static_cast<char*>(storage.data())[0] = 1;
    static_cast<char*>(storage.data())[count * 4 - 1] = 1;
    detail::Storage moved = std::move(storage);
    EXPECT_EQ(static_cast<char*>(moved.data())[0], 1);
  }
}

TEST(Storage, sizes_that_overflow_are_bad_alloc) {
  EXPECT_THROW(detail::Storage(SIZE_MAX, 8, 8), std::bad_alloc);
  EXPECT_THROW(detail::Storage(SIZE_MAX / 8, 8, 8), std::bad_alloc);
  EXPECT_THROW(detail::Storage(std::size_t{1} << 60U, 1, 1), std::bad_alloc);
}

// Page faults of this thread, which only waits or helps, against those that touching it all alone would take.
TEST(Storage, large_results_are_not_brought_in_by_the_caller_alone) {
  ThreadPool pool({.processes = 2, .initializer = [] {}});  // workers of its own: the caller only waits
  rusage before{};
  rusage after{};
  getrusage(RUSAGE_THREAD, &before);
  const auto results = pool.map([](long i) { return i; }, std::views::iota(0L, 20'000'000L));
  getrusage(RUSAGE_THREAD, &after);
  EXPECT_EQ(results.back(), 19'999'999L);
  const long pages = 160'000'000L / sysconf(_SC_PAGESIZE);
  EXPECT_LT(after.ru_minflt - before.ru_minflt, pages / 100) << "of " << pages << " pages";
}

TEST(Results, functions_that_return_nothing_cost_no_memory) {
  ThreadPool pool(2);
  // A result of one byte each would not fit into any address space.
  EXPECT_EQ(pool.map([](int) {}, std::views::iota(0, 10'000'000)).size(), 10'000'000U);
  static_assert(sizeof(Results<void>) == sizeof(std::size_t));
}

}  // namespace
}  // namespace muster::testing
