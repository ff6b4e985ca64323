// What users of other pools of threads suffer from, and that it is cured here: memory, waiting inside tasks, idleness,
// the number of workers. `pain_07_...` is number 7 in our list of pains; further ones are in
// pains_threads_tasks_test.cpp.

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>
#include <muster/cpu.hpp>
#include <muster/error.hpp>
#include <muster/thread_pool.hpp>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <numeric>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/child.hpp"
#include "tests/support/generator.hpp"
#include "tests/support/leaks.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/seeds.hpp"

namespace muster::testing {
namespace {

using namespace std::chrono_literals;

// ---- 7: imap eats its input, and queues without bound ----

long resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  long pages = 0;
  statm >> pages >> pages;
  return pages * sysconf(_SC_PAGESIZE);
}

// AddressSanitizer keeps freed memory for a while.
#if defined(__SANITIZE_ADDRESS__)
constexpr long kAllowance = 400L << 20;
#else
constexpr long kAllowance = 10L << 20;
#endif

// 2,000 results of 16 KiB each are 32 MiB, of which only a window's worth may be there at a time.
template <class Stream>
void read_and_measure(Stream& stream) {
  for (int i = 0; i < 200; ++i) ASSERT_EQ(stream.next()->size(), 16'384U);
  const long before = resident_bytes();
  long most = before;
  for (int i = 0; i < 2000; ++i) {
    ASSERT_EQ(stream.next()->size(), 16'384U);
    if (i % 100 == 0) most = std::max(most, resident_bytes());
  }
  EXPECT_LT(most - before, kAllowance) << "bytes more than at the beginning";
}

std::string page(int i) { return std::string(16'384, static_cast<char>('a' + i % 26)); }

TEST(PainsOfThreads, pain_07_imap_of_an_endless_generator_runs_in_flat_memory_and_stops) {
  ThreadPool pool(2);
  int read = 0;
  {
    auto stream = pool.imap(page, count_for_ever(read));
    read_and_measure(stream);
  }
  EXPECT_LT(read, 2300);
}

TEST(PainsOfThreads, pain_07_imap_unordered_of_an_endless_generator_too) {
  ThreadPool pool(2);
  int read = 0;
  {
    auto stream = pool.imap_unordered(page, count_for_ever(read), {.chunksize = 3, .window = 20});
    read_and_measure(stream);
  }
  EXPECT_LT(read, 2300);
}

TEST(PainsOfThreads, pain_07_leaving_an_endless_imap_over_and_over_leaves_nothing_behind) {
  ThreadPool pool(1);
  int read = 0;
  long before = 0;
  for (int round = 0; round < 600; ++round) {
    auto stream = pool.imap(page, count_for_ever(read), {.window = 8});
    static_cast<void>(stream.next());
    if (round == 100) before = resident_bytes();
  }
  EXPECT_LT(resident_bytes() - before, kAllowance);
}

// The most memory that a process ever had which reads so many results.
long peak_of_reading(long items) {
  const Ended ended = run_in_child([items] {
    {
      ThreadPool pool(2);
      long sum = 0;
      for (const long value : pool.imap([](long i) { return i; }, std::views::iota(0L, items))) sum += value;
      require(sum == items * (items - 1) / 2, "the sum of all results");
    }
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    std::fprintf(stderr, "%ld", usage.ru_maxrss * 1024);
  });
  EXPECT_TRUE(ended.well()) << ended;
  return std::stol(ended.err);
}

// MUSTER_TEST_ITEMS says how many items, where ten million take too long.
TEST(PainsOfThreads, pain_07_the_peak_of_memory_is_the_same_for_any_number_of_items) {
  const auto many = static_cast<long>(number_from("MUSTER_TEST_ITEMS", sanitized() ? 200'000 : 10'000'000));
  EXPECT_LT(peak_of_reading(many) - peak_of_reading(1000), kAllowance) << "bytes for " << many << " items";
}

// 0, 1, 2, ..., which no pool reads to its end: so that who tries to fails, and does not do so for ever.
auto endless(long& read) {
  return std::views::iota(0L) | std::views::transform([&read](long i) {
           read = i + 1;
           if (read > 1'000'000) throw std::length_error("read on and on");
           return i;
         });
}

TEST(PainsOfThreads, pain_07_close_and_join_return_after_one_next_of_an_endless_imap) {
  const auto same = [](long i) { return i; };
  for (const bool ordered : {true, false}) {
    for (const int window : {0, 1, 8}) {
      long read = 0;
      ThreadPool pool(2);
      const CallOptions options{.window = window};
      auto stream =
          ordered ? pool.imap(same, endless(read), options) : pool.imap_unordered(same, endless(read), options);
      EXPECT_TRUE(stream.next().has_value());
      pool.close();
      pool.join();
      EXPECT_LE(read, window == 0 ? 1000 : 1 + window);
      const long taken = read;
      long given = 1;
      EXPECT_THROW(while (stream.next())++ given, PoolClosed);
      EXPECT_EQ(given, taken) << "what was taken from the input comes out";
      EXPECT_EQ(read, taken);
    }
  }
}

TEST(PainsOfThreads, pain_07_terminate_and_join_return_after_one_next_of_an_endless_imap) {
  long read = 0;
  ThreadPool pool(2);
  auto stream = pool.imap([](long i) { return i; }, endless(read));
  EXPECT_EQ(stream.next(), 0);
  pool.terminate();
  pool.join();
  EXPECT_LE(read, 1000);
}

// ---- 10: nested waits deadlock; a pool inside a process task is in process_pool_inside_test.cpp ----

long fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

long fib_in(ThreadPool& pool, int n) {
  if (n < 2) return n;
  auto other = pool.apply_async([&pool, n] { return fib_in(pool, n - 1); });
  const long here = fib_in(pool, n - 2);
  return here + other.get();
}

TEST(PainsOfThreads, pain_10_recursive_fib_on_few_workers) {
  for (const int workers : {1, 2, 3}) {
    ThreadPool pool(workers);
    EXPECT_EQ(pool.apply([&] { return fib_in(pool, 15); }), fib(15)) << workers << " workers";
  }
}

TEST(PainsOfThreads, pain_10_recursive_fib_by_waits_in_reverse_order) {
  ThreadPool pool(1);
  const auto both = [&pool](const auto& self, int n) -> long {
    if (n < 2) return n;
    auto first = pool.apply_async([&self, n] { return self(self, n - 1); });
    auto second = pool.apply_async([&self, n] { return self(self, n - 2); });
    const long later = second.get();
    return first.get() + later;
  };
  EXPECT_EQ(pool.apply([&] { return both(both, 12); }), fib(12));
}

// ---- 11: a waiting worker takes unrelated work and re-enters a mutex ----

// Who waits for an inner loop must not be given an outer sibling, which wants the lock that it holds.
TEST(PainsOfThreads, pain_11_a_lock_held_across_an_inner_map_whose_siblings_want_it) {
  for (const int workers : {1, 2, 4}) {
    ThreadPool pool(workers);
    std::mutex lock;
    long total = 0;
    const auto locked = [&](int) {
      const std::scoped_lock guard(lock);
      const auto inner = pool.map([](int k) { return k; }, std::views::iota(0, 50), {.chunksize = 1});
      total += std::accumulate(inner.begin(), inner.end(), 0);
    };
    pool.map(locked, std::views::iota(0, 60), {.chunksize = 1});
    std::vector<AsyncResult<void>> more;
    for (int i = 0; i < 60; ++i) more.push_back(pool.apply_async(locked, i));
    for (const auto& result : more) result.get();
    EXPECT_EQ(total, 120L * (50 * 49 / 2));
  }
}

// ---- 12: idle pools burn CPU ----

std::chrono::nanoseconds used(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// Whether all threads of this process but the one that asks are asleep.
bool all_others_sleep() {
  const std::string here = std::to_string(gettid());
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    if (task.path().filename() == here) continue;
    std::ifstream file(task.path() / "stat");
    std::string stat;
    std::getline(file, stat);  // "42 (any name) S ..."; empty: the thread has just ended
    const auto end_of_name = stat.rfind(") ");
    if (end_of_name == std::string::npos || stat[end_of_name + 2] != 'S') return false;
  }
  return true;
}

TEST(PainsOfThreads, pain_12_an_idle_pool_uses_less_than_a_thousandth_of_a_cpu) {
  constexpr int kWorkers = 4;
  constexpr auto kWatched = 2s;
  ThreadPool pool(kWorkers);
  // A burst of all sorts, with a time limit that is far away.
  std::vector<clockid_t> clocks(kWorkers);
  std::barrier all_here(kWorkers);
  const auto tell_clock = [&](std::size_t i) {
    all_here.arrive_and_wait();
    pthread_getcpuclockid(pthread_self(), &clocks[i]);
  };
  std::vector<AsyncResult<void>> told;
  for (std::size_t i = 0; i < kWorkers; ++i) told.push_back(pool.with({.timeout = 1h}).apply_async(tell_clock, i));
  for (const auto& one : told) one.get();
  for (int round = 0; round < 100; ++round)
    pool.map([](int i) { return i; }, std::views::iota(0, 1000), {.chunksize = 1});
  for (int i = 0; i < 10'000; ++i) pool.post([] {});
  auto stream = pool.imap([](int i) { return i; }, std::views::iota(0));
  EXPECT_EQ(stream.next(), 0);
  pool.wait_all();

  // ThreadSanitizer has a thread of its own that wakes up now and then: there we look at the workers alone.
  const auto all_used = [&clocks] {
    if (!sanitized()) return used(CLOCK_PROCESS_CPUTIME_ID);
    std::chrono::nanoseconds sum{0};
    for (const clockid_t clock : clocks) sum += used(clock);
    return sum;
  };
  constexpr int kLooks = 100'000;  // a pool that never sleeps is then measured awake
  for (int look = 0; look < kLooks && !all_others_sleep(); ++look) std::this_thread::yield();
  const auto before = all_used();
  std::this_thread::sleep_for(kWatched);
  EXPECT_LT((all_used() - before).count(), std::chrono::nanoseconds(kWatched).count() / 1000) << "nanoseconds";
}

// ---- 14: the CPU count ignores what a container may use; quotas are in cpus_test.cpp ----

TEST(PainsOfThreads, pain_14_a_pool_on_one_cpu_has_one_worker_and_completes_nested_maps) {
  std::thread([] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(sched_getcpu()), &one);
    ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    EXPECT_EQ(usable_cpus(), 1);
    ThreadPool pool;
    ASSERT_EQ(pool.processes(), 1);
    std::atomic<int> cells{0};
    const auto row = [&](int) { pool.map([&](int) { ++cells; }, std::views::iota(0, 20), {.chunksize = 1}); };
    pool.map(row, std::views::iota(0, 20), {.chunksize = 1});
    pool.apply(row, 0);
    EXPECT_EQ(cells, 21 * 20);
  }).join();
}

}  // namespace
}  // namespace muster::testing
