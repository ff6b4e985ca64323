// Arrays that workers see where they are.

#include <muster/shared_array.hpp>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <numeric>
#include <ranges>
#include <vector>

#include <muster/detail/heap_writer.hpp>
#include <muster/detail/travel.hpp>

#include "tests/api/process_pool.hpp"
#include "tests/support/forked.hpp"

namespace muster::testing {
namespace {

struct Point {
  float x = 0;
  float y = 0;
  friend bool operator==(const Point&, const Point&) = default;
};

long sum(const SharedArray<int>& array) { return std::accumulate(array.begin(), array.end(), 0L); }
void fill(const SharedArray<int>& array, int value) { std::ranges::fill(array, value); }
void set(const SharedArray<int>& array, std::size_t i) { array[i] = static_cast<int>(i) + 1; }
long sum_of_all(const std::vector<SharedArray<int>>& arrays) {
  long all = 0;
  for (const auto& array : arrays) all += sum(array);
  return all;
}
std::uintptr_t address(const SharedArray<int>& array) { return reinterpret_cast<std::uintptr_t>(array.data()); }
void keep_and_kill(const SharedArray<int>& array) {
  array[0] = 7;
  kill(getpid(), SIGKILL);
}
// Static: a worker may keep a handle.
long sum_of_kept(const SharedArray<int>& array) {
  static SharedArray<int> kept;
  if (!array.empty()) kept = array;
  return sum(kept);
}
int root(double x) { return static_cast<int>(std::lround(std::sqrt(x))); }
double twice(double x) { return 2 * x; }
void double_it(double& x) { x *= 2; }
Point mirrored(Point p) { return {p.y, p.x}; }
SharedArray<int> give(SharedArray<int> array) { return array; }
std::size_t mapped_arrays() {
  std::ifstream maps("/proc/self/maps");
  std::size_t found = 0;
  for (std::string line; std::getline(maps, line);) found += line.find("muster-array") != std::string::npos ? 1U : 0U;
  return found;
}

TEST(SharedArray, is_a_range_of_zeros_at_first) {
  const SharedArray<int> array(1000);
  EXPECT_EQ(array.size(), 1000U);
  EXPECT_TRUE(std::ranges::all_of(array, [](int i) { return i == 0; }));
  EXPECT_THROW(static_cast<void>(array.at(1000)), std::out_of_range);
  const SharedArray<int> copy = array;
  copy[3] = 4;
  EXPECT_EQ(array.at(3), 4);
  EXPECT_EQ(copy, array);
  EXPECT_NE(SharedArray<int>(1000), array);
}

TEST(SharedArray, may_be_empty_and_may_be_too_large) {
  const SharedArray<int> none(0);
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.data(), nullptr);
  EXPECT_EQ(SharedArray<int>().begin(), SharedArray<int>().end());
  EXPECT_THROW(SharedArray<long>(SIZE_MAX), std::bad_alloc);
  EXPECT_THROW(SharedArray<long>(SIZE_MAX / sizeof(long) / 4), std::bad_alloc);
  ProcessPool pool(Processes::with({.processes = 1}));
  EXPECT_EQ(pool.apply(sum, none), 0);
  EXPECT_EQ(pool.map([](int i) { return i; }, none).size(), 0U);
}

TEST(SharedArray, takes_the_values_of_a_range) {
  const SharedArray<long> array(std::views::iota(1, 101));
  EXPECT_EQ(std::accumulate(array.begin(), array.end(), 0L), 5050);
}

TEST(SharedArray, workers_read_and_write_what_the_caller_sees) {
  ProcessPool pool(Processes::with({.processes = 3}));
  const SharedArray<int> array(100'000);
  pool.apply(fill, array, 3);
  EXPECT_TRUE(std::ranges::all_of(array, [](int i) { return i == 3; }));
  array[7] = 10;
  EXPECT_EQ(pool.apply(sum, array), 300'007);
  pool.starmap(set, std::views::transform(std::views::iota(std::size_t{0}, array.size()),
                                          [&array](std::size_t i) { return std::tuple(array, i); }));
  EXPECT_EQ(pool.apply(sum, array), 100'000L * 100'001 / 2);
}

TEST(SharedArray, goes_inside_of_other_values_and_of_what_is_bound) {
  ProcessPool pool(Processes::with({.processes = 2}));
  const SharedArray<int> one(std::views::iota(0, 10));
  const SharedArray<int> other(std::views::iota(0, 100));
  EXPECT_EQ(pool.apply(sum_of_all, std::vector{one, other, one}), 45 + 4950 + 45);
  const auto sums =
      pool.map(muster::bind([](const SharedArray<int>& array, int i) { return array[std::size_t(i)]; }, other),
               std::views::iota(0, 100));
  EXPECT_TRUE(std::ranges::equal(sums, std::views::iota(0, 100)));
  int at = 0;
  for (const int value :
       pool.imap(muster::bind([](const SharedArray<int>& array, int i) { return array[std::size_t(i)]; }, other),
                 std::views::iota(0, 100))) {
    EXPECT_EQ(value, at++);
  }
}

TEST(SharedArray, a_worker_maps_it_once) {
  ProcessPool pool(Processes::with({.processes = 1}));
  const SharedArray<int> array(10);
  const auto where = pool.apply(address, array);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(pool.apply(address, array), where);
}

TEST(SharedArray, maps_find_their_items_there_and_leave_their_results) {
  ProcessPool pool(Processes::with({.processes = 3}));
  SharedArray<double> items(50'000);
  std::iota(items.begin(), items.end(), 0.0);
  for (const int chunksize : {0, 1, 777}) {
    if (chunksize == 1) items = SharedArray<double>(std::views::iota(0, 500));
    SharedArray<double> results(items.size() + 1);
    pool.map_into(twice, items, results, {.chunksize = chunksize});
    for (std::size_t i = 0; i < items.size(); ++i) ASSERT_EQ(results[i], 2.0 * static_cast<double>(i));
    EXPECT_EQ(results.back(), 0);
  }
  SharedArray<double> too_short(items.size() - 1);
  EXPECT_THROW(pool.map_into(twice, items, too_short), ValueError);
}

TEST(SharedArray, results_of_another_type_are_converted) {
  ProcessPool pool(Processes::with({.processes = 2}));
  SharedArray<double> numbers(std::views::iota(0, 30'000));
  SharedArray<double> roots(numbers.size());
  pool.map_into(root, numbers, roots);
  EXPECT_EQ(roots[10'000], 100.0);
  std::vector<int> elsewhere(numbers.size());
  pool.map_into(root, numbers, elsewhere);
  EXPECT_EQ(elsewhere[22'500], 150);
}

TEST(SharedArray, items_can_be_changed_where_they_are) {
  ProcessPool pool(Processes::with({.processes = 2}));
  SharedArray<double> numbers(std::views::iota(0, 10'000));
  pool.map(double_it, numbers);
  pool.map_into(twice, numbers, numbers);
  pool.map_async(double_it, numbers).get();
  pool.map_into(twice, numbers, numbers, {.timeout = std::chrono::minutes(1)});
  for (std::size_t i = 0; i < numbers.size(); ++i) ASSERT_EQ(numbers[i], 16.0 * static_cast<double>(i));
}

TEST(SharedArray, holds_aggregates) {
  ProcessPool pool(Processes::with({.processes = 2}));
  SharedArray<Point> points(20'000);
  for (std::size_t i = 0; i < points.size(); ++i) points[i] = {static_cast<float>(i), 1};
  const auto results = pool.map(mirrored, points);
  EXPECT_EQ(results[12'345], (Point{1, 12'345}));
}

TEST(SharedArray, threads_share_it_as_well) {
  ThreadPool pool(2);
  SharedArray<double> numbers(std::views::iota(0, 10'000));
  pool.map(double_it, numbers);
  pool.map_into(twice, numbers, numbers);
  for (std::size_t i = 0; i < numbers.size(); ++i) ASSERT_EQ(numbers[i], 4.0 * static_cast<double>(i));
  EXPECT_EQ(pool.apply(sum, SharedArray<int>(std::views::iota(0, 10))), 45);
}

TEST(SharedArray, goes_on_to_pools_inside_of_workers) {
  ProcessPool pool(Processes::with({.processes = 2}));
  const SharedArray<int> array(1000);
  pool.apply(
      [](const SharedArray<int>& mine) {
        ProcessPool inner(ProcessOptions{.processes = 2, .start_method = StartMethod::fork});
        const SharedArray<int> own(std::views::iota(0, 10));
        mine[0] = static_cast<int>(inner.apply(sum, own));
        inner.apply(set, mine, std::size_t{999});
      },
      array);
  EXPECT_EQ(array[0], 45);
  EXPECT_EQ(array[999], 1000);
}

TEST(SharedArray, a_dying_worker_leaves_it_and_the_next_one_gets_it) {
  ProcessPool pool(Processes::with({.processes = 1}));
  const SharedArray<int> array(10);
  EXPECT_THROW(pool.apply(keep_and_kill, array), WorkerLost);
  EXPECT_EQ(pool.apply(sum, array), 7);
}

TEST(SharedArray, workers_let_go_of_what_nobody_has_any_more) {
  ProcessPool pool(Processes::with({.processes = 1}));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(pool.apply(sum, SharedArray<int>(std::views::iota(0, 10))), 45);
  pool.apply(getpid);  // tells it of the last
  EXPECT_EQ(pool.apply(mapped_arrays), 0U);
}

TEST(SharedArray, a_worker_may_keep_it) {
  ProcessPool pool(Processes::with({.processes = 1}));
  EXPECT_EQ(pool.apply(sum_of_kept, SharedArray<int>(std::views::iota(0, 10))), 45);
  pool.apply(getpid);
  EXPECT_EQ(pool.apply(sum_of_kept, SharedArray<int>()), 45);
}

TEST(SharedArray, goes_nowhere_else) {
  const SharedArray<int> array(10);
  detail::HeapWriter bytes;
  EXPECT_THROW(detail::write_value(bytes, array), NotSerializable);
  ProcessPool pool(Processes::with({.processes = 1}));
  EXPECT_THROW(static_cast<void>(pool.apply(give, array)), NotSerializable);
  EXPECT_EQ(pool.apply(sum, array), 0);
}

}  // namespace
}  // namespace muster::testing
