// What workers may take: memory, and CPU time for each item. And what is told of a lost one's memory.

#include <time.h>

#include <cstdint>
#include <new>
#include <ranges>
#include <thread>

#include "tests/api/process_pool.hpp"

namespace muster::testing {
namespace {

using Pool = ProcessPool;

constexpr std::size_t kMiB = std::size_t{1} << 20U;

// ---- memory ---------------------------------------------------------------------------------------------------------

// Has so much of it for a moment, every page.
std::size_t take_memory(std::size_t bytes) {
  const std::vector<char> memory(bytes, 'x');
  return static_cast<std::size_t>(std::ranges::count(memory, 'x'));
}

class ProcessMemory : public ::testing::Test {
 protected:
  void SetUp() override {
    if (sanitized()) GTEST_SKIP() << "a limit on memory ends the sanitizer itself";
  }
};

TEST_F(ProcessMemory, beyond_its_limit_is_bad_alloc_of_the_task_and_the_worker_lives) {
  Pool pool(Processes::with({.processes = 1, .memory_limit = 200 * kMiB}));
  const std::vector<int> pids = all_pids(pool);
  for (int round = 0; round < 3; ++round) {
    EXPECT_THROW(pool.apply(take_memory, 400 * kMiB), std::bad_alloc);
    EXPECT_EQ(pool.apply(take_memory, 20 * kMiB), 20 * kMiB);
  }
  EXPECT_EQ(all_pids(pool), pids);
  EXPECT_EQ(take_memory(400 * kMiB), 400 * kMiB) << "here is no limit";
}

TEST_F(ProcessMemory, beyond_its_limit_fails_the_items_of_a_map_that_want_it) {
  Pool pool(Processes::with({.processes = 2, .memory_limit = 200 * kMiB}));
  const auto take = [](int mebibytes) { return take_memory(static_cast<std::size_t>(mebibytes) * kMiB); };
  const auto outcomes = pool.try_map(take, std::vector{1, 500, 2, 600});
  EXPECT_EQ(outcomes[0].value(), kMiB);
  EXPECT_THROW(outcomes[1].value(), std::bad_alloc);
  EXPECT_EQ(outcomes[2].value(), 2 * kMiB);
  EXPECT_THROW(outcomes[3].value(), std::bad_alloc);
}

TEST_F(ProcessMemory, limit_below_what_workers_begin_with_is_refused) {
  const std::string reason =
      text_thrown<ValueError>([] { const Pool pool(Processes::with({.processes = 2, .memory_limit = 1})); });
  EXPECT_NE(reason.find("memory_limit: a worker begins with"), std::string::npos) << reason;
}

TEST(ProcessPeak, of_a_lost_worker_is_told) {
  Pool pool(Processes::with({.processes = 1}));
  const auto peak = [&pool](std::size_t bytes) {
    try {
      pool.apply(
          [](std::size_t taken) {
            take_memory(taken);
            _exit(3);
          },
          bytes);
    } catch (const WorkerLost& lost) {
      return lost.peak_memory();
    }
    return std::uint64_t{0};
  };
  const std::uint64_t small = peak(kMiB);
  const std::uint64_t large = peak(200 * kMiB);
  EXPECT_GT(small, kMiB);
  EXPECT_LT(small, large);
  EXPECT_GT(large, 200 * kMiB);
  if (!sanitized()) {
    EXPECT_LT(large, 400 * kMiB);
  }
}

// ---- CPU time -------------------------------------------------------------------------------------------------------

std::chrono::nanoseconds cpu_time_of_thread() {
  timespec time = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

int compute(std::chrono::nanoseconds length) {
  const auto begin = cpu_time_of_thread();
  while (cpu_time_of_thread() - begin < length) {
  }
  return 1;
}
int compute_for_ever() {
  for (;;) static_cast<void>(compute(1s));
}

class ProcessCpuTime : public ::testing::Test {
 protected:
  void SetUp() override {
#ifdef __SANITIZE_THREAD__
    GTEST_SKIP() << "the sanitizer delivers signals only at calls that it knows";
#endif
  }
};

TEST_F(ProcessCpuTime, beyond_its_limit_ends_the_task_and_not_the_pool) {
  Pool pool(Processes::with({.processes = 2, .cpu_time_limit = 50ms}));
  for (int round = 0; round < 3; ++round) {
    EXPECT_THROW(pool.apply(compute_for_ever), CpuTimeError);
    EXPECT_THROW(pool.apply(compute_for_ever), TimeoutError);
    EXPECT_EQ(pool.apply(square, 3), 9);
  }
}

TEST_F(ProcessCpuTime, beyond_its_limit_ends_one_item_of_a_map) {
  Pool pool(Processes::with({.processes = 2, .cpu_time_limit = 50ms}));
  const auto sometimes = [](int i) { return i == 7 ? compute_for_ever() : square(i); };
  const auto outcomes = pool.try_map(sometimes, std::views::iota(0, 20), {.chunksize = 5});
  for (int i = 0; i < 20; ++i) {
    const auto& outcome = outcomes[static_cast<std::size_t>(i)];
    if (i == 7) {
      EXPECT_THROW(outcome.value(), CpuTimeError);
    } else {
      EXPECT_EQ(outcome.value(), i * i);
    }
  }
}

TEST_F(ProcessCpuTime, is_counted_for_all_threads_of_a_worker) {
  Pool pool(Processes::with({.processes = 1, .cpu_time_limit = 50ms}));
  EXPECT_THROW(pool.apply([] { std::thread(compute_for_ever).join(); }), CpuTimeError);
}

// No more than its limit each, though together they take many times that.
TEST_F(ProcessCpuTime, within_its_limit_is_each_item_by_itself) {
  Pool pool(Processes::with({.processes = 1, .cpu_time_limit = 60ms}));
  const std::vector<int> pids = all_pids(pool);
  const auto work = [](int) { return compute(30ms); };
  for (const int one : pool.map(work, std::views::iota(0, 12), {.chunksize = 6})) EXPECT_EQ(one, 1);
  for (int round = 0; round < 6; ++round) EXPECT_EQ(pool.apply(work, 1), 1);
  EXPECT_EQ(all_pids(pool), pids);
}

TEST_F(ProcessCpuTime, is_not_taken_by_who_sleeps) {
  Pool pool(Processes::with({.processes = 1, .cpu_time_limit = 20ms}));
  EXPECT_EQ(pool.apply([] {
    std::this_thread::sleep_for(200ms);
    return 5;
  }),
            5);
}

TEST_F(ProcessCpuTime, of_an_initializer_is_its_own) {
  Pool pool(Processes::with({.processes = 1, .initializer = [] { compute(200ms); }, .cpu_time_limit = 20ms}));
  EXPECT_EQ(pool.apply(square, 3), 9);
}

TEST_F(ProcessCpuTime, without_a_limit_the_signal_is_a_loss_like_others) {
  Pool pool(Processes::with({.processes = 1}));
  EXPECT_THROW(pool.apply([] { raise(SIGXCPU); }), WorkerLost);
}

TEST(ProcessCpuTimeOption, of_nothing_is_refused) {
  EXPECT_THROW(Pool(Processes::with({.processes = 1, .cpu_time_limit = 0s})), ValueError);
  EXPECT_THROW(Pool(Processes::with({.processes = 1, .cpu_time_limit = -1s})), ValueError);
}

}  // namespace
}  // namespace muster::testing
