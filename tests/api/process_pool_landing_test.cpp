// Large maps of plain results: the workers leave them in shared memory. Nothing of that is to be seen but the speed.

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <numeric>
#include <ranges>
#include <stdexcept>

#include "tests/api/process_pool.hpp"
#include "tests/support/forked.hpp"

namespace muster::testing {
namespace {

constexpr int kMany = 100'000;  // items: more than 64 KiB of results
constexpr int kBad = 54'321;

long twice(int i) { return 2L * i; }
long times(long factor, int i) { return factor * i; }
double half(double x) { return x / 2; }

template <class Results>
void expect_products(const Results& results, long factor) {
  ASSERT_EQ(results.size(), static_cast<std::size_t>(kMany));
  for (int i = 0; i < kMany; ++i) ASSERT_EQ(results[static_cast<std::size_t>(i)], factor * i) << i;
}

long kill_at(int bad, int i) {
  if (i == bad) kill(getpid(), SIGKILL);
  return 2L * i;
}
// Only the first time that it gets there.
long kill_once(const std::string& path, int i) {
  if (i == kBad) {
    std::ifstream file(path);
    int before = 0;
    const bool again = static_cast<bool>(file >> before);
    note(path, getpid());
    if (!again) kill(getpid(), SIGKILL);
  }
  return 2L * i;
}
long throw_at(int i) {
  if (i == kBad || i == kBad + 7 || i == kMany - 1) throw std::out_of_range(std::to_string(i));
  return i;
}

TEST(ProcessLanding, results_are_right_for_every_chunk_size) {
  ProcessPool pool(Processes::with({.processes = 3}));
  for (const int chunksize : {0, 1, 7, 1000, 3 * kMany}) {
    expect_products(pool.map(twice, std::views::iota(0, kMany), {.chunksize = chunksize}), 2);
  }
}

TEST(ProcessLanding, inputs_that_are_sent_meet_their_results) {
  ProcessPool pool(Processes::with({.processes = 2}));
  std::vector<double> inputs(kMany);
  std::iota(inputs.begin(), inputs.end(), 0.5);
  const auto results = pool.map(half, inputs);
  for (std::size_t i = 0; i < inputs.size(); ++i) ASSERT_EQ(results[i], inputs[i] / 2);
}

TEST(ProcessLanding, a_call_that_does_not_wait_has_them_too) {
  ProcessPool pool(Processes::with({.processes = 2}));
  auto one = pool.map_async(muster::bind(times, 3L), std::views::iota(0, kMany));
  auto other = pool.map_async(muster::bind(times, 5L), std::views::iota(0, kMany));
  expect_products(other.get(), 5);
  expect_products(one.get(), 3);
}

TEST(ProcessLanding, a_death_in_the_midst_costs_the_item_that_had_begun) {
  ProcessPool pool(Processes::with({.processes = 2}));
  for (const int chunksize : {0, 1000}) {
    for (const int bad : {0, kBad, kMany - 1}) {
      try {
        static_cast<void>(pool.map(muster::bind(kill_at, bad), std::views::iota(0, kMany), {.chunksize = chunksize}));
        ADD_FAILURE() << "nothing was lost";
      } catch (const WorkerLost& lost) {
        EXPECT_EQ(lost.index(), static_cast<std::size_t>(bad));
        EXPECT_EQ(lost.signal(), SIGKILL);
      }
    }
  }
  expect_products(pool.map(twice, std::views::iota(0, kMany)), 2);
}

TEST(ProcessLanding, with_a_retry_it_costs_nothing) {
  ProcessPool pool(Processes::with({.processes = 2}));
  const Notes notes;
  expect_products(pool.map(muster::bind(kill_once, notes.path()), std::views::iota(0, kMany), {.retries = 1}), 2);
  EXPECT_EQ(notes.lines().size(), 2U);
}

TEST(ProcessLanding, the_failure_of_the_lowest_index_is_thrown) {
  ProcessPool pool(Processes::with({.processes = 2}));
  for (const int chunksize : {0, 10, kMany}) {
    std::size_t index = 0;
    try {
      static_cast<void>(
          pool.map(throw_at, std::views::iota(0, kMany), {.chunksize = chunksize, .failed_index = &index}));
      ADD_FAILURE() << "nothing was thrown";
    } catch (const std::out_of_range& error) {
      EXPECT_EQ(error.what(), std::to_string(kBad));
      EXPECT_EQ(index, static_cast<std::size_t>(kBad));
    }
  }
}

TEST(ProcessLanding, results_are_the_callers_own) {
  ProcessPool pool(Processes::with({.processes = 2}));
  auto kept = pool.map(muster::bind(times, 1L), std::views::iota(0, kMany));
  for (int round = 2; round < 6; ++round) {
    auto results = pool.map(muster::bind(times, static_cast<long>(round)), std::views::iota(0, kMany));
    expect_products(results, round);
    std::fill(results.begin(), results.end(), -1);
  }
  expect_products(kept, 1);
}

TEST(ProcessLanding, results_outlive_their_pool) {
  Results<long> results;
  {
    ProcessPool pool(Processes::with({.processes = 2}));
    results = pool.map(twice, std::views::iota(0, kMany));
  }
  expect_products(results, 2);
}

TEST(ProcessLanding, a_copy_of_the_program_keeps_what_it_saw) {
  ProcessPool pool(Processes::with({.processes = 2}));
  auto results = pool.map(twice, std::views::iota(0, kMany));
  Gate gate;
  const Forked copy([&] {
    pass(gate.path());
    for (int i = 0; i < kMany; ++i) {
      if (results[static_cast<std::size_t>(i)] != 2L * i) return false;
    }
    return true;
  });
  results = Results<long>();
  expect_products(pool.map(muster::bind(times, 9L), std::views::iota(0, kMany)), 9);
  gate.open();
}

TEST(ProcessLanding, any_number_of_results_may_be_kept) {
  ProcessPool pool(Processes::with({.processes = 2}));
  std::vector<Results<long>> all;
  for (long i = 0; i < 150; ++i) all.push_back(pool.map(muster::bind(times, i), std::views::iota(0, 10'000)));
  for (long i = 0; i < 150; ++i) ASSERT_EQ(all[static_cast<std::size_t>(i)][9'999], i * 9'999);
}

TEST(ProcessLanding, workers_that_come_later_find_it) {
  ProcessPool pool(Processes::with({.processes = 2, .maxtasksperchild = 2}));
  for (long factor = 1; factor < 6; ++factor) {
    expect_products(pool.map(muster::bind(times, factor), std::views::iota(0, kMany), {.chunksize = 5000}), factor);
  }
}

TEST(ProcessLanding, time_limits_and_bools_go_the_other_way) {
  ProcessPool pool(Processes::with({.processes = 2}));
  expect_products(pool.map(twice, std::views::iota(0, kMany), {.timeout = 1h}), 2);
  const auto odd = pool.map([](int i) { return i % 2 == 1; }, std::views::iota(0, kMany));
  for (int i = 0; i < kMany; ++i) ASSERT_EQ(odd[static_cast<std::size_t>(i)], i % 2 == 1);
}

TEST(ProcessLanding, terminate_in_the_midst_harms_nobody) {
  ProcessPool pool(Processes::with({.processes = 2}));
  auto kept = pool.map(twice, std::views::iota(0, kMany));
  auto going = pool.map_async(twice, std::views::iota(0, 100 * kMany));
  pool.terminate();
  pool.join();
  going.wait();
  expect_products(kept, 2);
}

}  // namespace
}  // namespace muster::testing
