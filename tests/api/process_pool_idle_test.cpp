// A pool that has nothing to do but to wait does nothing.

#include <poll.h>
#include <sys/resource.h>

#include <atomic>
#include <ranges>
#include <thread>

#include "tests/api/process_pool.hpp"

namespace muster::testing {
namespace {

// How often threads of this process have gone to sleep within a moment.
long sleeps_in_a_moment() {
  const auto sleeps = [] {
    rusage usage = {};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_nvcsw;
  };
  const long before = sleeps();
  poll(nullptr, 0, 100);  // is what is measured: nobody waits for anything here
  return sleeps() - before;
}

// Callers' turns, and answers that only the supervisor settles: all that makes it look more often.
void stir(ProcessPool& pool) {
  for (int i = 0; i < 100; ++i) {
    std::atomic<bool> called{false};
    auto result = pool.apply_async(square, i);
    result.callback([&](int) { called = true; });
    EXPECT_EQ(result.get(), i * i);
    EXPECT_EQ(pool.apply(square, i), i * i);
  }
  pool.wait_all();
}

TEST(ProcessIdle, a_pool_without_work_sleeps) {
  ProcessPool pool(Processes::with({.processes = 2}));
  stir(pool);
  EXPECT_LT(sleeps_in_a_moment(), 50);
}

TEST(ProcessIdle, so_does_one_whose_caller_waits_for_a_long_call) {
  ProcessPool pool(Processes::with({.processes = 2}));
  Bell bell;
  Gate gate;
  int answer = 0;
  std::thread caller([&] { answer = pool.apply(hold, bell.path(), gate.path(), 5); });
  bell.await();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(pool.apply_async(square, i).get(), i * i);
  EXPECT_LT(sleeps_in_a_moment(), 50);
  gate.open();
  caller.join();
  EXPECT_EQ(answer, 5);
}

TEST(ProcessIdle, so_does_one_whose_reader_waits_for_a_long_item) {
  ProcessPool pool(Processes::with({.processes = 2}));
  Bell bell;
  Gate gate;
  std::thread reader([&] {
    const auto wait_at_50 = [](const std::string& rung, const std::string& passed, int i) {
      return i == 50 ? hold(rung, passed, i) : i;
    };
    int next = 0;
    for (const int i : pool.imap(muster::bind(wait_at_50, bell.path(), gate.path()), std::views::iota(0, 500))) {
      EXPECT_EQ(i, next++);
    }
  });
  bell.await();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(pool.apply_async(square, i).get(), i * i);
  EXPECT_LT(sleeps_in_a_moment(), 50);
  gate.open();
  reader.join();
}

}  // namespace
}  // namespace muster::testing
