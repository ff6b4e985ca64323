// What is run again after a loss, what a timeout kills, and which processes are a pool's workers.

#include <csignal>
#include <cstdlib>
#include <ranges>

#include "tests/api/process_pool.hpp"

namespace muster::testing {
namespace {

// Dies in all attempts but the last of so many.
int die_before(const std::string& notes, int attempts, int i) {
  note(notes, i);
  std::ifstream file(notes);
  const std::vector<int> all{std::istream_iterator<int>(file), {}};
  if (std::count(all.begin(), all.end(), i) < attempts) std::abort();
  return i;
}

TEST(ProcessRetries, what_was_lost_is_run_again_as_often_as_retries_say) {
  ProcessPool pool(Processes::with({.processes = 2}));
  const Notes notes;
  EXPECT_EQ(pool.with({.retries = 2}).apply(die_before, notes.path(), 3, 1), 1);
  EXPECT_EQ(notes.count(1), 3U);
  EXPECT_THROW(pool.with({.retries = 1}).apply(die_before, notes.path(), 3, 2), WorkerLost);
  EXPECT_EQ(notes.count(2), 2U);
  EXPECT_THROW(pool.apply(die_before, notes.path(), 3, 3), WorkerLost);
  EXPECT_EQ(notes.count(3), 1U);
  pool.with({.retries = 4}).post(die_before, notes.path(), 5, 4);
  pool.wait_all();
  EXPECT_EQ(notes.count(4), 5U);
  EXPECT_EQ(pool.with({.retries = 1}).imap(muster::bind(die_before, notes.path(), 2), std::vector{5}).next(), 5);
  EXPECT_EQ(notes.count(5), 2U);
}

int die_at_thirds(const std::string& notes, int i) {
  note(notes, i);
  if (i % 3 == 0) std::abort();
  return i;
}

TEST(ProcessRetries, only_what_was_lost_is_run_again) {
  ProcessPool pool(Processes::with({.processes = 3}));
  for (const int chunksize : {0, 1, 4}) {
    const Notes notes;
    const auto outcomes = pool.try_map(muster::bind(die_at_thirds, notes.path()), std::views::iota(0, 12),
                                       {.chunksize = chunksize, .retries = 2});
    for (int i = 0; i < 12; ++i) {
      EXPECT_EQ(outcomes[static_cast<std::size_t>(i)].has_value(), i % 3 != 0);
      EXPECT_EQ(notes.count(i), i % 3 == 0 ? 3U : 1U) << i << " by " << chunksize;
    }
  }
}

int note_and_throw(const std::string& notes, int i) {
  note(notes, i);
  throw std::runtime_error("no");
}
int note_and_stay(const std::string& notes, int i) {
  note(notes, getpid());
  if (i != 1) return i;
  for (;;) pause();
}

TEST(ProcessRetries, exceptions_and_timeouts_are_not_tried_again) {
  ProcessPool pool(Processes::with({.processes = 1}));
  const Notes notes;
  EXPECT_THROW(pool.with({.retries = 5}).apply(note_and_throw, notes.path(), 1), std::runtime_error);
  EXPECT_EQ(notes.lines().size(), 1U);
  const CallOptions limited{.timeout = 50ms, .retries = 5};
  EXPECT_THROW(pool.with(limited).apply(note_and_stay, notes.path(), 1), TimeoutError);
  EXPECT_EQ(notes.lines().size(), 2U);
}

TEST(ProcessRetries, a_timeout_kills_the_worker_of_its_item_and_no_other) {
  ProcessPool pool(Processes::with({.processes = 3}));
  for (int round = 0; round < 3; ++round) {
    const std::vector<int> before = all_pids(pool);
    const Notes notes;
    EXPECT_THROW(pool.with({.timeout = 30ms}).apply(note_and_stay, notes.path(), 1), TimeoutError);
    ASSERT_EQ(notes.lines().size(), 1U);
    const int killed = notes.lines()[0];
    const std::vector<int> after = all_pids(pool);
    EXPECT_TRUE(contains(before, killed));
    EXPECT_EQ(kill(killed, 0), -1) << "it is gone, and reaped";
    for (const int pid : before) EXPECT_EQ(contains(after, pid), pid != killed);
  }
}

TEST(ProcessRetries, items_beside_one_that_times_out_have_their_values) {
  ProcessPool pool(Processes::with({.processes = 2}));
  const Notes notes;
  for (const int chunksize : {1, 10}) {
    const auto outcomes = pool.try_map(muster::bind(note_and_stay, notes.path()), std::views::iota(0, 10),
                                       {.chunksize = chunksize, .timeout = 1s});
    for (int i = 0; i < 10; ++i) EXPECT_EQ(outcomes[static_cast<std::size_t>(i)].has_value(), i != 1) << i;
  }
}

TEST(ProcessRetries, worker_pids_are_those_that_tasks_see) {
  ProcessPool pool(Processes::with({.processes = 3}));
  const std::vector<int> pids = all_pids(pool);
  EXPECT_FALSE(contains(pids, getpid()));
  for (const int pid : pool.map(pid_here, std::views::iota(0, 100), {.chunksize = 1})) EXPECT_TRUE(contains(pids, pid));
  EXPECT_EQ(all_pids(pool), pids) << "nobody was replaced";
  pool.close();
  pool.join();
  EXPECT_TRUE(pool.worker_pids().empty());
  for (const int pid : pids) EXPECT_EQ(kill(pid, 0), -1);
}

TEST(ProcessRetries, a_worker_that_may_do_no_more_is_another_process_next_time) {
  ProcessPool pool(Processes::with({.processes = 1, .maxtasksperchild = 2}));
  std::vector<int> pids;
  for (int i = 0; i < 10; ++i) pids.push_back(pool.apply(pid_here, i));
  for (std::size_t i = 0; i < pids.size(); ++i) {
    EXPECT_EQ(std::count(pids.begin(), pids.end(), pids[i]), 2);
    EXPECT_EQ(pids[i], pids[i - i % 2]);
  }
}

// How many tasks this worker has had.
int note_and_count(const std::string& notes, int i) {
  static int count = 0;
  note(notes, i);
  return ++count;
}

TEST(ProcessRetries, thousands_of_tasks_by_workers_of_a_few_each_run_once) {
  constexpr int kTasks = sanitized() ? 500 : 10'000;
  for (const int most : {1, 2, 3}) {
    const Notes notes;
    const int tasks = most < 3 ? kTasks / 10 : kTasks;
    ProcessPool pool(Processes::with({.processes = 2, .maxtasksperchild = most}));
    const auto once = muster::bind(note_and_count, notes.path());
    for (const int count : pool.map(once, std::views::iota(0, tasks), {.chunksize = 1})) ASSERT_LE(count, most);
    std::vector<int> lines = notes.lines();
    std::sort(lines.begin(), lines.end());
    ASSERT_EQ(lines.size(), static_cast<std::size_t>(tasks));
    for (int i = 0; i < tasks; ++i) ASSERT_EQ(lines[static_cast<std::size_t>(i)], i);
  }
}

TEST(ProcessRetries, a_worker_killed_while_idle_is_replaced) {
  ProcessPool pool(Processes::with({.processes = 2}));
  for (int round = 0; round < 5; ++round) {
    const std::vector<int> before = all_pids(pool);
    for (const int pid : before) kill(pid, SIGKILL);
    // One may have begun an item in its last moment.
    const auto values = pool.map(square, std::views::iota(0, 50), {.retries = 2});
    EXPECT_EQ(values[49], 49 * 49);
  }
}

}  // namespace
}  // namespace muster::testing
