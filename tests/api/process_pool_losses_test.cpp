// Workers that die, and what that costs: the item that they were at, and nothing else.

#include <csignal>
#include <cstdlib>
#include <optional>
#include <ranges>

#include "tests/api/process_pool.hpp"

namespace muster::testing {
namespace {

template <class Kind>
class ProcessLosses : public ::testing::Test {};
TYPED_TEST_SUITE(ProcessLosses, KindsOfProcesses, KindNames);

enum class Way { kAbort, kQuickExit, kExit, kKill, kTerminate, kTrap, kOverflow };

// Deeper than any stack.
int dig(const volatile int* above, long depth) {
  const volatile int here[1024] = {*above + 1};
  return depth == 0 ? *above : dig(here, depth - 1) + here[0];
}

int die(Way way) {
  switch (way) {
    case Way::kAbort:
      std::abort();
    case Way::kQuickExit:
      _exit(3);
    case Way::kExit:
      std::exit(5);  // NOLINT(concurrency-mt-unsafe)
    case Way::kKill:
      kill(getpid(), SIGKILL);
      break;
    case Way::kTerminate:
      kill(getpid(), SIGTERM);
      break;
    case Way::kTrap:
      std::raise(SIGFPE);
      break;
    case Way::kOverflow: {
      const int start = 0;
      return dig(&start, 1L << 40U);
    }
  }
  for (;;) pause();
}
int die_at_7(Way way, int i) { return i == 7 ? die(way) : i; }

// What the call tells of a worker that was lost.
template <class Call>
std::optional<WorkerLost> loss(const Call& call) {
  try {
    call();
  } catch (const WorkerLost& lost) {
    return lost;
  } catch (const std::exception& error) {
    ADD_FAILURE() << error.what();
  }
  return std::nullopt;
}

void expect(Way way, const WorkerLost& lost) {
  int signal = 0;
  int code = 0;
  switch (way) {
    case Way::kAbort:
      signal = SIGABRT;
      break;
    case Way::kQuickExit:
      code = 3;
      break;
    case Way::kExit:
      code = 5;
      break;
    case Way::kKill:
      signal = SIGKILL;
      break;
    case Way::kTerminate:
      signal = SIGTERM;
      break;
    case Way::kTrap:
      signal = SIGFPE;
      break;
    case Way::kOverflow:
      signal = SIGSEGV;
      break;
  }
  // The sanitizer turns some crashes into its own report and exit.
  if (kAddressSanitized && lost.signal() == 0 && code == 0) return;
  EXPECT_EQ(lost.signal(), signal) << lost.what();
  EXPECT_EQ(lost.exit_code(), code) << lost.what();
}

constexpr std::initializer_list<Way> kWays = {Way::kAbort,     Way::kQuickExit, Way::kExit,    Way::kKill,
                                              Way::kTerminate, Way::kTrap,      Way::kOverflow};

TYPED_TEST(ProcessLosses, a_loss_says_who_died_and_how) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 1}));
  for (const Way way : kWays) {
    const int pid = all_pids(pool).at(0);
    const auto lost = loss([&] { pool.apply(die, way); });
    ASSERT_TRUE(lost);
    expect(way, *lost);
    EXPECT_EQ(lost->pid(), pid);
    EXPECT_EQ(lost->index(), 0U);
    EXPECT_EQ(pool.apply(square, 3), 9) << "another has taken its place";
    EXPECT_NE(all_pids(pool).at(0), pid);
  }
}

TYPED_TEST(ProcessLosses, a_loss_costs_one_item_of_a_map) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 3}));
  for (const Way way : kWays) {
    for (const int chunksize : {0, 1, 20}) {
      const auto outcomes =
          pool.try_map(muster::bind(die_at_7, way), std::views::iota(0, 40), {.chunksize = chunksize});
      for (int i = 0; i < 40; ++i) {
        const auto& outcome = outcomes[static_cast<std::size_t>(i)];
        if (i != 7) {
          ASSERT_TRUE(outcome.has_value()) << i;
          ASSERT_EQ(outcome.value(), i);
          continue;
        }
        const auto lost = loss([&] { static_cast<void>(outcome.value()); });
        ASSERT_TRUE(lost);
        expect(way, *lost);
        EXPECT_EQ(lost->index(), 7U);
        EXPECT_GT(lost->pid(), 0);
      }
    }
  }
}

TYPED_TEST(ProcessLosses, every_call_reports_a_loss) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  const auto at_7 = muster::bind(die_at_7, Way::kKill);
  const auto all = std::views::iota(0, 20);
  EXPECT_EQ(loss([&] { pool.map(at_7, all); }).value().index(), 7U);
  EXPECT_EQ(loss([&] { pool.map(at_7, all, {.chunksize = 4}); }).value().index(), 7U);
  EXPECT_EQ(loss([&] { pool.map_async(at_7, all).get(); }).value().index(), 7U);
  std::vector<int> out(20);
  EXPECT_EQ(loss([&] { pool.map_into(at_7, all, out); }).value().index(), 7U);
  EXPECT_EQ(loss([&] { pool.starmap(at_7, std::vector<std::tuple<int>>{{1}, {7}}); }).value().index(), 1U);
  EXPECT_EQ(loss([&] { pool.apply_async(at_7, 7).get(); }).value().index(), 0U);
  pool.post(at_7, 7);
  EXPECT_EQ(loss([&] { pool.wait_all(); }).value().signal(), SIGKILL);
  int errors = 0;
  auto later = pool.apply_async(at_7, 7).error_callback(
      [&](const std::exception& error) { errors += dynamic_cast<const WorkerLost*>(&error) != nullptr ? 1 : 0; });
  later.wait();
  EXPECT_EQ(errors, 1);
}

TYPED_TEST(ProcessLosses, a_stream_goes_on_after_a_loss) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  for (const int chunksize : {1, 5}) {
    auto stream = pool.imap(muster::bind(die_at_7, Way::kAbort), std::views::iota(0, 20), {.chunksize = chunksize});
    for (int i = 0; i < 20; ++i) {
      if (i == 7) {
        EXPECT_EQ(loss([&] { stream.next(); }).value().index(), 7U) << "its place in the input";
      } else {
        ASSERT_EQ(stream.next(), i);
      }
    }
    EXPECT_EQ(stream.next(), std::nullopt);
  }
}

// Dies in all attempts but the last of so many.
int die_before(const std::string& notes, int attempts, int i) {
  note(notes, i);
  std::ifstream file(notes);
  const std::vector<int> all{std::istream_iterator<int>(file), {}};
  if (std::count(all.begin(), all.end(), i) < attempts) std::abort();
  return i;
}

TYPED_TEST(ProcessLosses, what_was_lost_is_run_again_as_often_as_retries_say) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
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

TYPED_TEST(ProcessLosses, only_what_was_lost_is_run_again) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 3}));
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
  while (i == 1) pause();
  return i;
}

TYPED_TEST(ProcessLosses, exceptions_and_timeouts_are_not_tried_again) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 1}));
  const Notes notes;
  EXPECT_THROW(pool.with({.retries = 5}).apply(note_and_throw, notes.path(), 1), std::runtime_error);
  EXPECT_EQ(notes.lines().size(), 1U);
  const CallOptions limited{.timeout = 50ms, .retries = 5};
  EXPECT_THROW(pool.with(limited).apply(note_and_stay, notes.path(), 1), TimeoutError);
  EXPECT_EQ(notes.lines().size(), 2U);
}

TYPED_TEST(ProcessLosses, a_timeout_kills_the_worker_of_its_item_and_no_other) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 3}));
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

TYPED_TEST(ProcessLosses, items_beside_one_that_times_out_have_their_values) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  const Notes notes;
  for (const int chunksize : {1, 10}) {
    const auto outcomes = pool.try_map(muster::bind(note_and_stay, notes.path()), std::views::iota(0, 10),
                                       {.chunksize = chunksize, .timeout = 1s});
    for (int i = 0; i < 10; ++i) EXPECT_EQ(outcomes[static_cast<std::size_t>(i)].has_value(), i != 1) << i;
  }
}

TYPED_TEST(ProcessLosses, worker_pids_are_those_that_tasks_see) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 3}));
  const std::vector<int> pids = all_pids(pool);
  EXPECT_FALSE(contains(pids, getpid()));
  for (const int pid : pool.map(pid_here, std::views::iota(0, 100), {.chunksize = 1})) EXPECT_TRUE(contains(pids, pid));
  EXPECT_EQ(all_pids(pool), pids) << "nobody was replaced";
  pool.close();
  pool.join();
  EXPECT_TRUE(pool.worker_pids().empty());
  for (const int pid : pids) EXPECT_EQ(kill(pid, 0), -1);
}

TYPED_TEST(ProcessLosses, a_worker_that_may_do_no_more_is_another_process_next_time) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 1, .maxtasksperchild = 2}));
  std::vector<int> pids;
  for (int i = 0; i < 10; ++i) pids.push_back(pool.apply(pid_here, i));
  for (std::size_t i = 0; i < pids.size(); ++i) {
    EXPECT_EQ(std::count(pids.begin(), pids.end(), pids[i]), 2);
    EXPECT_EQ(pids[i], pids[i - i % 2]);
  }
}

TYPED_TEST(ProcessLosses, a_worker_killed_while_idle_is_replaced) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 2}));
  for (int round = 0; round < 5; ++round) {
    const std::vector<int> before = all_pids(pool);
    for (const int pid : before) kill(pid, SIGKILL);
    // One may have begun an item in its last moment.
    const auto values = pool.map(square, std::views::iota(0, 50), {.retries = 2});
    EXPECT_EQ(values[49], 49 * 49);
  }
}

TYPED_TEST(ProcessLosses, an_initializer_that_dies_throws_from_the_constructor) {
  const auto dies = [] { std::abort(); };
  const auto lost = loss([&] { PoolOf<TypeParam> pool(TypeParam::with({.processes = 2, .initializer = dies})); });
  ASSERT_TRUE(lost);
  EXPECT_EQ(lost->signal(), SIGABRT);
}

TYPED_TEST(ProcessLosses, nothing_keeps_a_pool_from_ending) {
  for (int round = 0; round < 3; ++round) {
    Bell bell;
    const Gate gate;
    std::optional<AsyncResult<int>> stuck;
    std::optional<AsyncResult<int>> queued;
    {
      PoolOf<TypeParam> pool(TypeParam::with({.processes = 1}));
      stuck.emplace(pool.apply_async(hold, bell.path(), gate.path(), 1));
      queued.emplace(pool.apply_async(square, 2));
      bell.await();
      if (round == 1) pool.terminate();
      if (round == 2) {
        pool.close();
        pool.terminate();
        pool.join();
      }
      // The gate stays shut: only a killed worker lets the pool go.
    }
    EXPECT_THROW(stuck->get(), Cancelled);
    EXPECT_THROW(queued->get(), Cancelled);
  }
}

}  // namespace
}  // namespace muster::testing
