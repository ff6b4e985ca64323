// Workers that die, and what that costs: the item that they were at, and nothing else.

#include <csignal>
#include <cstdlib>
#include <optional>
#include <ranges>
#include <thread>

#include "tests/api/process_pool.hpp"

namespace muster::testing {
namespace {

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
  if (sanitized() && lost.signal() == 0 && code == 0) return;
  EXPECT_EQ(lost.signal(), signal) << lost.what();
  EXPECT_EQ(lost.exit_code(), code) << lost.what();
}

constexpr std::initializer_list<Way> kWays = {Way::kAbort,     Way::kQuickExit, Way::kExit,    Way::kKill,
                                              Way::kTerminate, Way::kTrap,      Way::kOverflow};

TEST(ProcessLosses, a_loss_says_who_died_and_how) {
  ProcessPool pool(Processes::with({.processes = 1}));
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

TEST(ProcessLosses, a_loss_costs_one_item_of_a_map) {
  ProcessPool pool(Processes::with({.processes = 3}));
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

TEST(ProcessLosses, every_call_reports_a_loss) {
  ProcessPool pool(Processes::with({.processes = 2}));
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

TEST(ProcessLosses, a_stream_goes_on_after_a_loss) {
  ProcessPool pool(Processes::with({.processes = 2}));
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

TEST(ProcessLosses, an_initializer_that_dies_throws_from_the_constructor) {
  const auto dies = [] { std::abort(); };
  const auto lost = loss([&] { ProcessPool pool(Processes::with({.processes = 2, .initializer = dies})); });
  ASSERT_TRUE(lost);
  EXPECT_EQ(lost->signal(), SIGABRT);
}

// Whoever is killed at any moment of its start: the pool goes on.
TEST(ProcessLosses, a_replacement_killed_in_its_initializer_is_replaced) {
  const Notes notes;
  const auto slow = [](const std::string& path) {
    note(path, getpid());
    std::this_thread::sleep_for(1ms);  // so that some are killed in it
  };
  ProcessPool pool(Processes::with({.processes = 2, .initializer = muster::bind(slow, notes.path())}));
  const std::size_t first = notes.lines().size();
  for (int round = 0; round < 20; ++round) {
    while (notes.lines().size() < first + static_cast<std::size_t>(round)) sched_yield();
    kill(notes.lines().back(), SIGKILL);
  }
  EXPECT_EQ(pool.map(square, std::views::iota(0, 100), {.retries = 20})[99], 99 * 99);
}

TEST(ProcessLosses, nothing_keeps_a_pool_from_ending) {
  for (int round = 0; round < 3; ++round) {
    Bell bell;
    const Gate gate;
    std::optional<AsyncResult<int>> stuck;
    std::optional<AsyncResult<int>> queued;
    {
      ProcessPool pool(Processes::with({.processes = 1}));
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
