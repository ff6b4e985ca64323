// What users of other process pools suffer from, each by its number, and that it does not happen here.

#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cinttypes>
#include <csignal>
#include <cstdio>
#include <map>
#include <mutex>
#include <new>
#include <optional>
#include <random>
#include <ranges>
#include <stdexcept>
#include <thread>

#include "tests/api/process_pool.hpp"
#include "tests/support/forked.hpp"
#include "tests/support/killing.hpp"
#include "tests/support/seeds.hpp"

namespace muster::testing {
namespace {

constexpr int scaled(int count) { return sanitized() ? count / 20 : count; }

int segfault_at_42(int i) {
  if (i == 42) {
    std::signal(SIGSEGV, SIG_DFL);  // a sanitizer's handler would turn it into an exit
    std::raise(SIGSEGV);
  }
  return i;
}
[[noreturn]] int spin_for_ever(const std::string& bell) {
  note(bell, getpid());
  for (std::atomic<int> turns{0};;) turns.fetch_add(1, std::memory_order_relaxed);
}

// A class of the user's own, with a state that travels.
struct Scale {
  long factor = 1;
  long operator()(int i) const { return factor * i; }
};

// ---- 1: a killed worker hangs the pool ------------------------------------------------------------------------------

TEST(PainsOfProcesses, pain_01_killed_workers_cost_what_they_had_begun_and_all_else_settles) {
  const int kills = scaled(1000);
  for_seeds(1, [kills](std::uint64_t seed) {
    std::minstd_rand random(static_cast<unsigned>(seed));
    ProcessPool pool(Processes::with({.processes = 3}));
    int killed = 0;
    int lost = 0;
    while (killed < kills) {
      std::vector<AsyncResult<int>> results;
      for (int i = 0; i < 20; ++i) results.push_back(pool.apply_async(square, i));
      killed += kill_one(pool, random) ? 1 : 0;
      for (int i = 0; i < 20; ++i) {
        try {
          ASSERT_EQ(results[static_cast<std::size_t>(i)].get(), i * i);
        } catch (const WorkerLost&) {
          ++lost;
        }
      }
    }
    EXPECT_LE(lost, killed);
    EXPECT_EQ(pool.apply(square, 12), 144);
  });
}

// ---- 2: one crash breaks the executor -------------------------------------------------------------------------------

TEST(PainsOfProcesses, pain_02_a_crash_is_one_failure_with_task_pid_and_signal) {
  ProcessPool pool(Processes::with({.processes = 2}));
  const std::vector<int> pids = all_pids(pool);
  const auto outcomes = pool.try_map(segfault_at_42, std::views::iota(0, 100), {.chunksize = 10});
  for (int i = 0; i < 100; ++i) {
    const auto& outcome = outcomes[static_cast<std::size_t>(i)];
    ASSERT_EQ(outcome.has_value(), i != 42) << i;
    if (i != 42) continue;
    try {
      outcome.value();
    } catch (const WorkerLost& lost) {
      EXPECT_EQ(lost.index(), 42U);
      EXPECT_EQ(lost.signal(), SIGSEGV);
      EXPECT_TRUE(contains(pids, lost.pid()));
    }
  }
  EXPECT_EQ(pool.map(square, std::views::iota(0, 100)).size(), 100U);
}

// ---- 3: fork beside threads -----------------------------------------------------------------------------------------

// They hold locks, malloc's among them, nearly all the time.
class BusyThreads {
 public:
  BusyThreads() {
    for (int i = 0; i < 8; ++i) threads_.emplace_back([this] { work(); });
  }
  ~BusyThreads() {
    over_ = true;
    for (std::thread& thread : threads_) thread.join();
  }
  BusyThreads(const BusyThreads&) = delete;
  BusyThreads& operator=(const BusyThreads&) = delete;

 private:
  void work() {
    while (!over_) {
      const std::lock_guard guard(lock_);
      kept_.emplace_back(1000, 'x');
      if (kept_.size() > 100) kept_.clear();
    }
  }

  std::atomic<bool> over_{false};
  std::mutex lock_;
  std::vector<std::string> kept_;
  std::vector<std::thread> threads_;
};

TEST(PainsOfProcesses, pain_03_a_pool_beside_busy_threads_works_or_is_refused_with_the_remedy) {
  const BusyThreads threads;
  const bool forks = method_under_test() == StartMethod::fork;
  for (int round = 0; round < (forks ? 5 : scaled(500)); ++round) {
    if (forks) {
      const std::string refused = text_thrown<Error>([] { ProcessPool pool(Processes::with({.processes = 1})); });
      ASSERT_NE(refused.find("muster::init"), std::string::npos) << refused;
    } else {
      ProcessPool pool(Processes::with({.processes = 1}));
      ASSERT_EQ(pool.apply(square, round % 100), (round % 100) * (round % 100));
    }
  }
}

// ---- 4: what is not a plain function cannot be sent -----------------------------------------------------------------

TEST(PainsOfProcesses, pain_04_state_by_value_travels_with_every_start_method) {
  ProcessPool pool(Processes::with({.processes = 2}));
  const std::string prefix = "number ";
  const auto spell = [](const std::string& text, int i) { return text + std::to_string(i); };
  EXPECT_EQ(pool.map(muster::bind(spell, prefix), {1, 2})[1], "number 2");
  EXPECT_EQ(pool.map(Scale{7}, {1, 2, 3})[2], 21);
}

// ---- 5: what cannot be serialized hangs -----------------------------------------------------------------------------

struct Stubborn {
  int fails_at = 0;  // 1: when it is written, 2: when it is read
  template <class Archive>
  void save(Archive& archive) const {
    if (fails_at == 1) throw std::runtime_error("will not be written");
    archive(fails_at);
  }
  template <class Archive>
  void load(Archive& archive) {
    archive(fails_at);
    if (fails_at == 2) throw std::runtime_error("will not be read");
  }
};
struct Private : std::exception {
  const char* what() const noexcept override { return "of a type that nobody knows"; }
};

TEST(PainsOfProcesses, pain_05_what_does_not_travel_is_an_error_that_says_so) {
  ProcessPool pool(Processes::with({.processes = 1}));
  const auto take = [](const Stubborn& given) { return given.fails_at; };
  const auto give = [](int fails_at) { return Stubborn{fails_at}; };
  for (const int way : {1, 2}) {
    const char* const text = way == 1 ? "will not be written" : "will not be read";
    const auto says = [text](const std::string& error) { return error.find(text) != std::string::npos; };
    EXPECT_TRUE(says(text_thrown<std::exception>([&] { pool.apply(take, Stubborn{way}); })));
    EXPECT_TRUE(says(text_thrown<std::exception>([&] { static_cast<void>(pool.apply(give, way)); })));
  }
  const std::string unknown = text_thrown<std::exception>([&] { pool.apply([]() -> int { throw Private(); }); });
  EXPECT_NE(unknown.find("of a type that nobody knows"), std::string::npos) << unknown;
  EXPECT_EQ(pool.apply(take, Stubborn{0}), 0);
}

// ---- 6: what runs cannot be stopped ---------------------------------------------------------------------------------

TEST(PainsOfProcesses, pain_06_a_timeout_ends_its_worker_and_no_other) {
  ProcessPool pool(Processes::with({.processes = 2}));
  const Notes notes;
  Gate gate;
  Bell bell;
  auto other = pool.apply_async(hold, bell.path(), gate.path(), 5);
  bell.await();
  EXPECT_THROW(pool.with({.timeout = 200ms}).apply(spin_for_ever, notes.path()), TimeoutError);
  const int spinner = notes.lines().at(0);
  EXPECT_FALSE(contains(all_pids(pool), spinner));
  gate.open();
  EXPECT_EQ(other.get(), 5);
}

TEST(PainsOfProcesses, pain_06_a_call_is_cancelled_or_gives_its_value) {
  ProcessPool pool(Processes::with({.processes = 2}));
  for (int i = 0; i < scaled(100'000); ++i) {
    auto result = pool.apply_async(square, 3);
    if (i % 3 == 0) std::this_thread::yield();
    if (result.cancel()) {
      ASSERT_THROW(result.get(), Cancelled);
    } else {
      ASSERT_EQ(result.get(), 9);
    }
  }
}

// ---- 8: ends at any moment ------------------------------------------------------------------------------------------

TEST(PainsOfProcesses, pain_08_a_pool_may_end_at_any_moment_from_anywhere) {
  for_seeds(static_cast<std::uint64_t>(scaled(400)), [](std::uint64_t seed) {
    std::minstd_rand random(static_cast<unsigned>(seed));
    auto pool = std::make_unique<ProcessPool>(Processes::with({.processes = 2}));
    std::atomic<int> called{0};
    const int calls = static_cast<int>(random() % 30);
    const int ending = static_cast<int>(random() % 4);
    try {
      for (int i = 0; i < calls; ++i) {
        auto result = pool->apply_async(square, i);
        if (ending == 3 && i == calls / 2) result.callback([&](int) { pool->terminate(); });
        result.callback([&](int) { ++called; });
      }
    } catch (const PoolClosed&) {
      EXPECT_EQ(ending, 3);  // by the callback, before all was handed in
    }
    if (ending == 0) pool->close();
    if (ending == 1) pool->terminate();
    if (ending == 2) pool.reset();
    if (ending == 3) pool->close();
    if (pool) pool->join();
    EXPECT_LE(called, calls);
    if (ending == 0) {
      EXPECT_EQ(called, calls);
    }
  });
}

// ---- 9: orphans -----------------------------------------------------------------------------------------------------

// Handles of processes that live, so that nobody who has their number later is taken for them.
std::vector<pollfd> handles_of(const std::vector<int>& pids) {
  std::vector<pollfd> handles;
  for (const int pid : pids) handles.push_back({static_cast<int>(syscall(SYS_pidfd_open, pid, 0)), POLLIN, 0});
  return handles;
}

void await_ends(const std::vector<pollfd>& workers, std::size_t how_many) {
  EXPECT_EQ(workers.size(), how_many);
  for (pollfd worker : workers) {
    EXPECT_EQ(poll(&worker, 1, -1), 1);
    ::close(worker.fd);
  }
}

TEST(PainsOfProcesses, pain_09_no_worker_outlives_a_program_that_is_killed) {
  const Notes notes;
  Bell bell;
  Forked program([&] {
    ProcessPool pool(Processes::with({.processes = 3}));
    for (const int pid : all_pids(pool)) note(notes.path(), pid);
    ring(bell.path());
    pause();
    return false;
  });
  bell.await();
  const std::vector<pollfd> workers = handles_of(notes.lines());
  program.kill_and_reap();
  await_ends(workers, 3);
}

// ---- 15: workers that are replaced after some tasks -----------------------------------------------------------------

TEST(PainsOfProcesses, pain_15_no_worker_does_more_than_its_share_and_all_is_done) {
  for (const int most : {1, 2, 3}) {
    ProcessPool pool(Processes::with({.processes = 3, .maxtasksperchild = most}));
    const int tasks = scaled(3334);
    std::map<int, int> done;
    for (const int pid : pool.map(pid_here, std::views::iota(0, tasks), {.chunksize = 1})) ++done[pid];
    int all = 0;
    for (const auto& [pid, count] : done) {
      EXPECT_LE(count, most) << pid;
      all += count;
    }
    EXPECT_EQ(all, tasks);
  }
}

// ---- 16: memory -----------------------------------------------------------------------------------------------------

// Counts the ones of its kind that are alive in this process.
struct Counted {
  static inline int alive = 0;
  std::vector<int> bulk = std::vector<int>(100);
  Counted() { ++alive; }
  Counted(const Counted& other) : bulk(other.bulk) { ++alive; }
  Counted& operator=(const Counted&) = default;
  ~Counted() { --alive; }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(bulk);
  }
};

TEST(PainsOfProcesses, pain_16_arguments_are_gone_before_the_next_task) {
  ProcessPool pool(Processes::with({.processes = 1}));
  const auto alive = [](const Counted&) { return Counted::alive; };
  const int first = pool.apply(alive, Counted());
  for (int i = 0; i < 100; ++i) ASSERT_EQ(pool.apply(alive, Counted()), first);
}

std::size_t take(std::size_t bytes) { return std::vector<char>(bytes, 'x').size(); }

TEST(PainsOfProcesses, pain_16_a_task_that_takes_too_much_memory_is_told_so) {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "a limit on memory ends the sanitizer itself";
#endif
  ProcessPool pool(Processes::with({.processes = 1, .memory_limit = std::size_t{256} << 20U}));
  EXPECT_EQ(pool.apply(take, std::size_t{1} << 20U), std::size_t{1} << 20U);
  EXPECT_THROW(pool.apply(take, std::size_t{1} << 30U), std::bad_alloc);
  EXPECT_EQ(pool.apply(take, std::size_t{1} << 20U), std::size_t{1} << 20U);
}

// ---- 17: large inputs are copied for each worker
// ---------------------------------------------------------------------

// How much of the memory mapped around an address this process holds, each page divided by how many hold it, in KiB.
// Of that mapping alone: a sanitizer keeps memory of its own for each page that is touched.
long held_kib(const void* address) {
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream maps("/proc/self/smaps");
  bool here = false;
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    long kib = 0;
    if (std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " ", &begin, &end) == 2) {
      here = begin <= wanted && wanted < end;
    } else if (here && std::sscanf(line.c_str(), "Pss: %ld kB", &kib) == 1) {
      return kib;
    }
  }
  throw std::runtime_error("nothing is mapped there");
}
// Sees all pages, and stays until all have.
long see(const SharedArray<long>& array, std::size_t workers) {
  long sum = 0;
  for (std::size_t i = 0; i < array.size() - 1; i += 512) sum += array[i];
  std::atomic_ref<long> seen(array.back());
  seen.fetch_add(1);
  seen.notify_all();
  while (seen.load() < static_cast<long>(workers)) sched_yield();
  return sum >= 0 ? held_kib(&array.back()) : -1;
}

TEST(PainsOfProcesses, pain_17_a_gibibyte_for_eight_workers_is_there_once) {
  constexpr std::size_t kBytes = std::size_t{1} << 30U;
  constexpr int kWorkers = 8;
  ProcessPool pool(Processes::with({.processes = kWorkers}));
  SharedArray<long> array(kBytes / sizeof(long));
  for (std::size_t i = 0; i < array.size() - 1; i += 512) array[i] = 1;
  std::vector<AsyncResult<long>> all;
  for (int i = 0; i < kWorkers; ++i) all.push_back(pool.apply_async(see, array, std::size_t{kWorkers}));
  long kib = 0;
  for (auto& one : all) kib += one.get();
  kib += held_kib(&array.back());
  constexpr long kAll = long{kBytes} >> 10U;
  EXPECT_GT(kib, kAll / 2);  // what was measured is the array
  EXPECT_LT(kib, kAll * 12 / 10);
  EXPECT_EQ(array.back(), kWorkers);
}

// That an owner's death removes it needs no cure: the memory has no name, and no worker outlives its pool (pain 9).
TEST(PainsOfProcesses, pain_17_a_worker_that_dies_takes_no_array_with_it) {
  ProcessPool pool(Processes::with({.processes = 2}));
  const SharedArray<long> array(std::views::iota(0L, 1000L));
  const auto die = [](const SharedArray<long>& mine) {
    mine[0] = 7;
    kill(getpid(), SIGKILL);
  };
  EXPECT_THROW(pool.apply(die, array), WorkerLost);
  EXPECT_EQ(pool.apply([](const SharedArray<long>& mine) { return mine[0] + mine[999]; }, array), 7 + 999);
  EXPECT_EQ(array[0], 7);
}

// ---- 18: Ctrl-C
// ------------------------------------------------------------------------------------------------------

TEST(PainsOfProcesses, pain_18_ctrl_c_ends_the_program_and_its_workers_in_silence) {
  const Notes pids;
  const Notes begun;
  const Notes said;
  Bell bell;
  Forked program([&] {
    setpgid(0, 0);
    std::signal(SIGINT, SIG_DFL);  // who was started in the background ignores it
    if (std::freopen(said.path().c_str(), "a", stderr) == nullptr) return false;
    ProcessPool pool(Processes::with({.processes = 3}));
    for (const int pid : all_pids(pool)) note(pids.path(), pid);
    ring(bell.path());
    pool.apply(spin_for_ever, begun.path());
    return false;
  });
  bell.await();
  const std::vector<pollfd> workers = handles_of(pids.lines());
  EXPECT_EQ(::kill(-program.id(), SIGINT), 0);
  const int status = program.reap();
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT) << status;
  await_ends(workers, 3);
  EXPECT_EQ(std::filesystem::file_size(said.path()), 0U) << "said something";
}

// Where the program asked for it: one exception in the program, nothing from the workers, and those are gone.
template <class Call>
void expect_interrupted(const Call& call) {
  const Notes pids;
  const Notes said;
  Bell bell;
  const Forked program([&] {
    setpgid(0, 0);
    std::signal(SIGINT, SIG_DFL);
    if (std::freopen(said.path().c_str(), "a", stderr) == nullptr) return false;
    interruptible();
    int thrown = 0;
    {
      ProcessPool pool(Processes::with({.processes = 3}));
      for (const int pid : all_pids(pool)) note(pids.path(), pid);
      ring(bell.path());
      try {
        call(pool);
      } catch (const Interrupted&) {
        ++thrown;
      }
      if (pool.map(square, std::views::iota(0, 1000))[999] != 999 * 999) return false;  // the pool is whole
    }
    return thrown == 1;
  });
  bell.await();
  const std::vector<pollfd> workers = handles_of(pids.lines());
  EXPECT_EQ(::kill(-program.id(), SIGINT), 0);
  await_ends(workers, 3);
  EXPECT_EQ(std::filesystem::file_size(said.path()), 0U) << "said something";
}

TEST(PainsOfProcesses, pain_18_ctrl_c_is_one_exception_where_the_program_asks_for_it) {
  const Notes begun;
  expect_interrupted([&](ProcessPool& pool) { pool.apply(spin_for_ever, begun.path()); });
  const auto spin = muster::bind([](const std::string& path, int) { return spin_for_ever(path); }, begun.path());
  expect_interrupted([&](ProcessPool& pool) { pool.map(spin, std::views::iota(0, 3), {.chunksize = 1}); });
  expect_interrupted([&](ProcessPool& pool) { pool.try_map(spin, std::views::iota(0, 100)); });
  expect_interrupted([&](ProcessPool& pool) {
    auto result = pool.apply_async(spin_for_ever, begun.path());
    try {
      result.get();
    } catch (const Interrupted&) {
      result.cancel();  // or the program would wait for its end
      throw;
    }
  });
}

// ---- 19: an initializer that fails ----------------------------------------------------------------------------------

TEST(PainsOfProcesses, pain_19_a_failing_initializer_is_told_once_and_not_tried_for_ever) {
  const Notes notes;
  const auto fail = [](const std::string& path) {
    note(path, getpid());
    throw std::domain_error("no such database");
  };
  EXPECT_EQ(text_thrown<std::domain_error>([&] {
              ProcessPool pool(Processes::with({.processes = 4, .initializer = muster::bind(fail, notes.path())}));
            }),
            "no such database");
  EXPECT_LE(notes.lines().size(), 4U);
}

// ---- 24: machines without /dev/shm ----------------------------------------------------------------------------------

TEST(PainsOfProcesses, pain_24_it_runs_where_shared_memory_has_no_file_system) {
  if (method_under_test() != StartMethod::fork) GTEST_SKIP() << "the server is older than what is changed here";
  if (geteuid() != 0) GTEST_SKIP() << "only root may cover /dev/shm";
  const Forked program([] {
    if (unshare(CLONE_NEWNS) != 0) return true;  // in a container that forbids it there is nothing to be seen
    if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
    if (mount("none", "/dev/shm", "tmpfs", 0, "size=4k,nr_inodes=1") != 0) return false;
    ProcessPool pool(Processes::with({.processes = 2}));
    const auto results = pool.map(square, std::views::iota(0, 40'000));
    return results[200] == 40'000 && pool.apply(take, std::size_t{1} << 20U) == std::size_t{1} << 20U;
  });
}

}  // namespace
}  // namespace muster::testing
