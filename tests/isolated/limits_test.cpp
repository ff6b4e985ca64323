// Pools where the system gives little: memory, threads, CPUs.

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <muster/cpu.hpp>
#include <muster/error.hpp>
#include <muster/thread_pool.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <new>
#include <numeric>
#include <ranges>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "tests/support/child.hpp"
#include "tests/support/leaks.hpp"
#include "tests/support/sanitized.hpp"

namespace muster::testing {
namespace {

using namespace std::chrono_literals;

TEST(Limits, results_that_no_memory_can_hold_are_bad_alloc_and_the_pool_goes_on) {
  ThreadPool pool(2);
  const auto big = [](std::size_t) { return std::array<char, 4096>{}; };
  constexpr std::size_t kTooMany = SIZE_MAX / 4096;
  EXPECT_THROW(pool.map(big, std::views::iota(std::size_t{0}, kTooMany)), std::bad_alloc);
  EXPECT_THROW(pool.map_async(big, std::views::iota(std::size_t{0}, kTooMany)), std::bad_alloc);
  EXPECT_THROW(static_cast<void>(pool.try_map(big, std::views::iota(std::size_t{0}, kTooMany))), std::bad_alloc);
  EXPECT_EQ(pool.map(big, std::views::iota(std::size_t{0}, std::size_t{10})).size(), 10U);
  pool.close();
  pool.join();
}

TEST(Limits, a_full_address_space_is_bad_alloc_and_the_pool_goes_on) {
  if (sanitized()) GTEST_SKIP() << "sanitizers need the address space themselves";
  const Ended ended = run_in_child([] {
    ThreadPool pool(2);
    require(pool.apply([] { return 1; }) == 1, "before");
    const rlimit limit{.rlim_cur = rlim_t{1} << 30U, .rlim_max = RLIM_INFINITY};
    require(setrlimit(RLIMIT_AS, &limit) == 0, "setrlimit");
    for (int round = 0; round < 20; ++round) {
      bool refused = false;
      try {
        pool.map([](long i) { return i; }, std::views::iota(0L, 500'000'000L));
      } catch (const std::bad_alloc&) {
        refused = true;
      }
      require(refused, "4 GB in 1 GB");
      const auto few = pool.map([](long i) { return i; }, std::views::iota(0L, 1'000'000L));
      require(few[999'999] == 999'999, "what fits");
      bool task_refused = false;
      try {
        pool.apply([] { return std::vector<char>(std::size_t{2} << 30U).size(); });
      } catch (const std::bad_alloc&) {
        task_refused = true;
      }
      require(task_refused, "in a task");
    }
  });
  EXPECT_TRUE(ended.well()) << ended;
}

TEST(Limits, when_the_system_gives_no_thread_the_constructor_says_so) {
  if (sanitized()) GTEST_SKIP() << "a sanitizer's thread dies of it";
  const Ended ended = run_in_child([] {
    rlimit limit{.rlim_cur = rlim_t{2} << 30U, .rlim_max = RLIM_INFINITY};
    require(setrlimit(RLIMIT_AS, &limit) == 0, "setrlimit");
    bool refused = false;
    try {
      ThreadPool pool(2000);  // 8 MiB of stack each
    } catch (const std::system_error&) {
      refused = true;
    } catch (const std::bad_alloc&) {
      refused = true;
    }
    require(refused, "2000 threads in 2 GiB");
    ThreadPool pool(2);
    require(pool.apply([] { return 1; }) == 1, "after");
  });
  EXPECT_TRUE(ended.well()) << ended;
}

long fib_in(ThreadPool& pool, int n) {
  if (n < 2) return n;
  auto other = pool.apply_async([&pool, n] { return fib_in(pool, n - 1); });
  return fib_in(pool, n - 2) + other.get();
}

TEST(Limits, pinned_to_one_cpu_everything_works) {
  const Ended ended = run_in_child([] {
    cpu_set_t allowed;
    require(sched_getaffinity(0, sizeof allowed, &allowed) == 0, "sched_getaffinity");
    std::size_t first = 0;
    while (!CPU_ISSET(first, &allowed)) ++first;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    require(sched_setaffinity(0, sizeof one, &one) == 0, "sched_setaffinity");
    require(usable_cpus() == 1, "usable_cpus");
    require(ThreadPool().processes() == 1, "the default");

    ThreadPool pool(3);
    const auto square = [](int i) { return i * i; };
    for (int round = 0; round < 200; ++round) {
      require(pool.map(square, std::views::iota(0, 1000))[999] == 998'001, "map");
      require(pool.apply(square, 7) == 49, "apply");
      require(pool.apply_async(square, 8).get(100s) == 64, "apply_async");
      int sum = 0;
      for (const int value : pool.imap(square, std::views::iota(0, 20))) sum += value;
      for (const int value : pool.imap_unordered(square, std::views::iota(0, 20), {.chunksize = 7})) sum += value;
      require(sum == 2 * 2470, "imap");
      for (int i = 0; i < 20; ++i) pool.post(square, i);
      pool.wait_all();
    }
    require(fib_in(pool, 14) == 377, "fib");
    ThreadPool single(1);
    require(single.apply([&] { return fib_in(single, 14); }) == 377, "fib on one worker");
    require(
        pool.map([&](int i) { return pool.map(square, std::views::iota(0, i))[0]; }, std::views::iota(1, 50)).size() ==
            49,
        "nested");
    pool.close();
    pool.join();
  });
  EXPECT_TRUE(ended.well()) << ended;
}

TEST(Limits, one_worker_among_many_hungry_threads) {
  ThreadPool pool(64);
  const auto values = pool.map([](int i) { return i; }, std::views::iota(0, 100'000), {.chunksize = 1});
  EXPECT_EQ(std::accumulate(values.begin(), values.end(), 0L), 100'000L * 99'999 / 2);
}

}  // namespace
}  // namespace muster::testing
