// Pools in programs that live otherwise than most: killed, interrupted, with children of their own, or with pools that
// were made by threads long gone. Each program is a child of this one.

#include <sys/wait.h>
#include <muster/init.hpp>

#include <array>
#include <memory>
#include <thread>

#include "tests/api/process_pool.hpp"
#include "tests/support/child.hpp"

namespace muster::testing {
namespace {

// The program `body`, as one that uses this start method begins.
Ended run(const std::function<void()>& body) {
  return run_in_child([&body] {
    if (method_under_test() != StartMethod::fork) {
      std::string name = "program";
      std::array<char*, 2> argv{name.data(), nullptr};
      muster::init(1, argv.data());
    }
    body();
  });
}

// What a worker does until it is killed, once it has said who it is.
int stay(const std::string& path, int /*item*/) {
  note(path, getpid());
  for (;;) pause();
}

// Both workers of the pool are at work.
template <class Pool>
auto occupy(Pool& pool, const Notes& notes) {
  auto held = pool.map_async(muster::bind(stay, notes.path()), std::views::iota(0, 2), {.chunksize = 1});
  while (notes.lines().size() < 2) sched_yield();
  return held;
}

bool is_there(int pid) { return kill(pid, 0) == 0 || errno != ESRCH; }

// They hold the standard error of the program, so its end was waited for; one that is dying may still have its number.
void expect_gone(const std::vector<int>& pids) {
  ASSERT_EQ(pids.size(), 2U);
  for (const int pid : pids) {
    while (is_there(pid)) sched_yield();
  }
}

TEST(ProcessProgram, that_is_killed_leaves_no_worker) {
  const Notes notes;
  const Ended ended = run([&notes] {
    ProcessPool pool(Processes::with({.processes = 2}));
    const auto held = occupy(pool, notes);
    kill(getpid(), SIGKILL);
  });
  EXPECT_TRUE(WIFSIGNALED(ended.status) && WTERMSIG(ended.status) == SIGKILL) << ended;
  EXPECT_EQ(ended.err, "");
  expect_gone(notes.lines());
}

TEST(ProcessProgram, that_is_interrupted_with_its_workers_ends_without_noise) {
  const Notes notes;
  const Ended ended = run([&notes] {
    require(setpgid(0, 0) == 0, "a group of its own");
    ProcessPool pool(Processes::with({.processes = 2}));
    const auto held = occupy(pool, notes);
    kill(0, SIGINT);
    for (;;) pause();
  });
  EXPECT_TRUE(WIFSIGNALED(ended.status) && WTERMSIG(ended.status) == SIGINT) << ended;
  EXPECT_EQ(ended.err, "");
  expect_gone(notes.lines());
}

// Its handler ends it in the ordinary way, with the pool's destructor.
volatile sig_atomic_t interrupted = 0;

TEST(ProcessProgram, that_handles_interrupts_ends_its_pool_itself) {
  const Notes notes;
  const Ended ended = run([&notes] {
    require(setpgid(0, 0) == 0, "a group of its own");
    signal(SIGINT, [](int) { interrupted = 1; });
    ProcessPool pool(Processes::with({.processes = 2}));
    const auto held = occupy(pool, notes);
    kill(0, SIGINT);
    while (interrupted == 0) sched_yield();
  });
  EXPECT_TRUE(ended.well()) << ended;
  EXPECT_EQ(ended.err, "");
  expect_gone(notes.lines());
}

TEST(ProcessProgram, with_children_of_its_own_waits_for_those_and_no_others) {
  const Ended ended = run([] {
    ProcessPool pool(Processes::with({.processes = 2}));
    for (int round = 0; round < 20; ++round) {
      const pid_t child = fork();
      if (child == 0) _exit(7);
      int lost = 0;
      try {
        pool.apply([] { _exit(4); });
      } catch (const WorkerLost& loss) {
        lost = loss.exit_code();
      }
      require(lost == 4, "what became of the worker");
      int status = 0;
      require(wait(&status) == child && WEXITSTATUS(status) == 7, "its own child");
      require(wait(&status) == -1 && errno == ECHILD, "no others");
    }
    require(pool.apply(square, 3) == 9, "the pool is whole");
  });
  EXPECT_TRUE(ended.well()) << ended;
}

TEST(ProcessProgram, may_make_its_pool_in_a_thread_that_ends) {
  const Ended ended = run([] {
    std::unique_ptr<ProcessPool> pool;
    std::string refused;
    std::thread([&] {
      try {
        pool = std::make_unique<ProcessPool>(Processes::with({.processes = 2}));
      } catch (const Error& error) {
        refused = error.what();
      }
    }).join();
    if (method_under_test() == StartMethod::fork) {
      require(refused.find("muster::init") != std::string::npos, "a copy beside the main thread, and what to do");
      return;
    }
    require(refused.empty(), refused.c_str());
    require(pool->map(square, std::views::iota(0, 1000))[999] == 999 * 999, "a map");
    require(!text_thrown<WorkerLost>([&] { pool->apply([] { _exit(4); }); }).empty(), "a loss");
    require(pool->map(square, std::views::iota(0, 1000))[999] == 999 * 999, "a map afterwards");
  });
  EXPECT_TRUE(ended.well()) << ended;
}

}  // namespace
}  // namespace muster::testing
