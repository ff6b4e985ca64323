// What workers are: their name, stack and CPU, and how many there are where pools are made in tasks.

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <muster/cpu.hpp>
#include <muster/error.hpp>
#include <muster/thread.hpp>
#include <muster/thread_pool.hpp>

#include <climits>
#include <ranges>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "tests/support/leaks.hpp"
#include "tests/support/peak.hpp"

namespace muster::testing {
namespace {

// Of the calling thread.
std::size_t stack_size() {
  pthread_attr_t attributes;
  pthread_getattr_np(pthread_self(), &attributes);
  std::size_t size = 0;
  pthread_attr_getstacksize(&attributes, &size);
  pthread_attr_destroy(&attributes);
  return size;
}

TEST(PoolWorkers, workers_have_the_name_stack_and_cpu_that_were_asked_for) {
  cpu_set_t usable;
  ASSERT_EQ(sched_getaffinity(0, sizeof usable, &usable), 0);
  int first = 0;
  while (!CPU_ISSET(static_cast<std::size_t>(first), &usable)) ++first;
  ThreadPool pool({.processes = 2, .name = "render", .stack_size = std::size_t{20} << 20, .cpus = {first}});
  const auto look = [] {
    char text[32] = {};
    pthread_getname_np(pthread_self(), text, sizeof text);
    cpu_set_t mine;
    sched_getaffinity(0, sizeof mine, &mine);
    return std::tuple(std::string(text), stack_size(), CPU_COUNT(&mine), sched_getcpu());
  };
  for (int i = 0; i < 10; ++i) {
    const auto [name, stack, cpus, here] = pool.apply(look);
    EXPECT_EQ(name.rfind("render/", 0), 0U) << name;
    EXPECT_GE(stack, std::size_t{20} << 20) << "the usual ones have 8 MiB";
    EXPECT_EQ(cpus, 1);
    EXPECT_EQ(here, first);
  }
  // Tasks must see a pinned worker: the caller of a map only waits.
  const auto caller = std::this_thread::get_id();
  for (const auto where : pool.map([](int) { return std::this_thread::get_id(); }, std::views::iota(0, 50)))
    EXPECT_NE(where, caller);
}

TEST(PoolWorkers, stacks_are_as_threading_says_unless_the_pool_does) {
  const std::size_t before = threading::stack_size(std::size_t{30} << 20);
  ThreadPool pool(1);
  threading::stack_size(before);
  const std::size_t stack = pool.apply(stack_size);
  EXPECT_GE(stack, std::size_t{30} << 20);
}

TEST(PoolWorkers, refuses_options_that_cannot_be) {
  EXPECT_THROW(ThreadPool({.stack_size = 1}), ValueError);
  EXPECT_THROW(ThreadPool({.cpus = {-1}}), ValueError);
  EXPECT_THROW(ThreadPool({.cpus = {INT_MAX}}), ValueError);
}

// The number of threads that may run at a time is that of the CPUs, however deep default-sized pools are nested.
TEST(PoolWorkers, pain_13_nested_pools_share_the_cpus) {
  Peak peak;
  const auto innermost = [&](int) { peak.visit(); };
  ThreadPool outer;
  for (int round = 0; round < 5; ++round) {
    outer.map(
        [&](int) {
          ThreadPool inner;
          EXPECT_EQ(inner.processes(), 1);
          inner.map(innermost, std::views::iota(0, 100), {.chunksize = 1});
          std::vector<AsyncResult<void>> asked;
          for (int i = 0; i < 20; ++i) asked.push_back(inner.apply_async(innermost, i));
          for (const auto& result : asked) result.get();
        },
        std::views::iota(0, 8), {.chunksize = 1});
  }
  EXPECT_LE(peak.most(), usable_cpus());
}

TEST(PoolWorkers, nested_pools_have_the_share_of_their_task_and_written_sizes_are_obeyed) {
  ThreadPool outer(1);
  const int all = usable_cpus();
  EXPECT_EQ(outer.apply([] { return ThreadPool().processes(); }), all) << "all CPUs are this one task's";
  EXPECT_EQ(outer.apply([] { return ThreadPool(5).processes(); }), 5);
  outer.resize(2 * all);
  EXPECT_EQ(outer.apply([] { return ThreadPool().processes(); }), 1);
  EXPECT_EQ(outer.apply([] {
    ThreadPool middle(1);
    return middle.apply([] { return ThreadPool().processes(); });
  }),
            1)
      << "a share is not made larger again by a pool in between";
}

}  // namespace
}  // namespace muster::testing
