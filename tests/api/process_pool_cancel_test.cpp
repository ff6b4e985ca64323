// Calls that are taken back after they have begun: their workers are killed, and nobody else's work is lost.

#include <atomic>
#include <optional>
#include <random>
#include <ranges>

#include "tests/api/process_pool.hpp"
#include "tests/support/seeds.hpp"

namespace muster::testing {
namespace {

int stay(const std::string& path, int /*item*/) {
  note(path, getpid());
  for (;;) pause();
}

void await_begun(const Notes& notes, std::size_t count) {
  while (notes.lines().size() < count) sched_yield();
}

TEST(ProcessCancel, of_a_begun_call_kills_its_worker_only) {
  ProcessPool pool(Processes::with({.processes = 3}));
  const std::vector<int> before = all_pids(pool);
  const Notes notes;
  auto call = pool.apply_async(stay, notes.path(), 0);
  await_begun(notes, 1);
  EXPECT_TRUE(call.cancel());
  EXPECT_FALSE(call.cancel()) << "once is enough";
  EXPECT_THROW(call.get(), Cancelled);
  EXPECT_EQ(pool.map(square, std::views::iota(0, 1000))[999], 999 * 999);
  const std::vector<int> after = all_pids(pool);
  for (const int pid : before) EXPECT_EQ(contains(after, pid), notes.count(pid) == 0) << pid;
}

TEST(ProcessCancel, of_a_begun_map_kills_those_that_are_at_it) {
  ProcessPool pool(Processes::with({.processes = 3}));
  const std::vector<int> before = all_pids(pool);
  const Notes notes;
  auto map = pool.map_async(muster::bind(stay, notes.path()), std::views::iota(0, 2), {.chunksize = 1});
  await_begun(notes, 2);
  EXPECT_TRUE(map.cancel());
  EXPECT_THROW(map.get(), Cancelled);
  EXPECT_EQ(pool.apply(square, 3), 9);
  const std::vector<int> after = all_pids(pool);
  for (const int pid : before) EXPECT_EQ(contains(after, pid), notes.count(pid) == 0) << pid;
}

TEST(ProcessCancel, runs_callbacks_and_is_not_retried) {
  ProcessPool pool(Processes::with({.processes = 1}));
  const Notes notes;
  std::atomic<int> called{0};
  auto call = pool.with({.retries = 5}).apply_async(stay, notes.path(), 0);
  call.error_callback([&](const std::exception&) { ++called; });
  await_begun(notes, 1);
  EXPECT_TRUE(call.cancel());
  EXPECT_THROW(call.get(), Cancelled);
  EXPECT_EQ(called, 1);
  EXPECT_EQ(pool.apply(square, 3), 9);
  EXPECT_EQ(notes.lines().size(), 1U);
}

// What waits behind the call in the same worker's ring, and what has gone before it, keeps its value.
TEST(ProcessCancel, costs_nobody_else_a_task_whenever_it_comes) {
  for_seeds(sanitized() ? 2 : 10, [](std::uint64_t seed) {
    std::minstd_rand random(static_cast<unsigned>(seed));
    ProcessPool pool(Processes::with({.processes = 2}));
    for (int round = 0; round < 50; ++round) {
      std::vector<AsyncResult<int>> calls;
      for (int i = 0; i < 30; ++i) calls.push_back(pool.apply_async(square, i));
      std::vector<bool> cancelled(30);
      for (int i = static_cast<int>(random() % 3); i < 30; i += 3) {
        cancelled[static_cast<std::size_t>(i)] = calls[static_cast<std::size_t>(i)].cancel();
      }
      for (std::size_t i = 0; i < calls.size(); ++i) {
        if (cancelled[i]) {
          EXPECT_THROW(calls[i].get(), Cancelled);
        } else {
          ASSERT_EQ(calls[i].get(), static_cast<int>(i * i));
        }
      }
    }
  });
}

TEST(ProcessCancel, beside_the_end_of_the_pool) {
  const Notes notes;
  for (int round = 0; round < 20; ++round) {
    std::optional<AsyncResult<int>> call;
    {
      ProcessPool pool(Processes::with({.processes = 1}));
      call.emplace(pool.apply_async(square, round));
      if (round % 2 == 0) call->cancel();
    }
    try {
      EXPECT_EQ(call->get(), round * round);
    } catch (const Cancelled&) {
    }
  }
}

}  // namespace
}  // namespace muster::testing
