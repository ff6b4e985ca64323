// The world that workers are given: environment, working directory, niceness, CPUs.

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "tests/api/process_pool.hpp"

namespace muster::testing {
namespace {

namespace fs = std::filesystem;
using Pool = ProcessPool;

std::optional<std::string> variable(const std::string& name) {
  const char* const value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe)
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

// ---- environment ----------------------------------------------------------------------------------------------------

TEST(ProcessSurroundings, variables_are_set_and_unset_in_every_worker) {
  ASSERT_TRUE(variable("PATH").has_value());
  Pool pool(Processes::with({.processes = 1,
                             .maxtasksperchild = 2,
                             .env = {{"MUSTER_ONE", "1 = one"}, {"MUSTER_EMPTY", ""}, {"PATH", std::nullopt}}}));
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(pool.apply(variable, std::string("MUSTER_ONE")), "1 = one");
    EXPECT_EQ(pool.apply(variable, std::string("MUSTER_EMPTY")), "");
    EXPECT_EQ(pool.apply(variable, std::string("PATH")), std::nullopt);
    EXPECT_NE(pool.apply(variable, std::string("HOME")).has_value(), !variable("HOME").has_value()) << "others stay";
  }
  EXPECT_FALSE(variable("MUSTER_ONE").has_value()) << "here, nothing has changed";
  EXPECT_TRUE(variable("PATH").has_value());
}

std::optional<std::string> seen_by_initializer;
void look_at(const std::string& name) { seen_by_initializer = variable(name); }

TEST(ProcessSurroundings, are_there_when_the_initializer_runs) {
  Pool pool(Processes::with(
      {.processes = 1, .initializer = muster::bind(look_at, std::string("MUSTER_ONE")), .env = {{"MUSTER_ONE", "1"}}}));
  EXPECT_EQ(pool.apply([] { return seen_by_initializer; }), "1");
}

TEST(ProcessSurroundings, variables_that_cannot_be_are_refused) {
  for (const std::string& name : {std::string(), std::string("A=B"), std::string("A\0B", 3)}) {
    EXPECT_THROW(Pool(Processes::with({.processes = 1, .env = {{name, "1"}}})), ValueError) << name;
  }
  EXPECT_THROW(Pool(Processes::with({.processes = 1, .env = {{"A", std::string("1\0", 2)}}})), ValueError);
}

// ---- working directory ----------------------------------------------------------------------------------------------

class Folder {
 public:
  Folder() {
    std::string path = (fs::temp_directory_path() / "muster-cwd-XXXXXX").string();
    if (mkdtemp(path.data()) == nullptr) throw_errno("mkdtemp");
    path_ = fs::canonical(path);
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const fs::path& path() const noexcept { return path_; }

 private:
  fs::path path_;
};

std::string here() { return fs::current_path().string(); }

TEST(ProcessSurroundings, workers_begin_in_their_directory) {
  const Folder folder;
  const std::string before = here();
  Pool pool(Processes::with({.processes = 2, .cwd = folder.path().string()}));
  EXPECT_EQ(pool.apply(here), folder.path());
  EXPECT_EQ(here(), before);
}

TEST(ProcessSurroundings, a_relative_directory_is_the_programs) {
  const Folder folder;
  fs::create_directory(folder.path() / "inner");
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  {
    Pool pool(Processes::with({.processes = 1, .cwd = "inner"}));
    EXPECT_EQ(pool.apply(here), folder.path() / "inner");
  }
  fs::current_path(before);
}

TEST(ProcessSurroundings, a_directory_that_is_none_is_refused) {
  const Folder folder;
  std::ofstream(folder.path() / "file") << "text";
  for (const char* const name : {"nowhere", "file"}) {
    EXPECT_THROW(Pool(Processes::with({.processes = 1, .cwd = folder.path() / name})), ValueError) << name;
  }
}

// No worker can be had any more: that is told, and not tried for ever.
TEST(ProcessSurroundings, a_directory_that_goes_away_ends_the_pool_with_the_reason) {
  std::string reason;
  auto folder = std::make_unique<Folder>();
  Pool pool(Processes::with({.processes = 1, .cwd = folder->path().string()}));
  EXPECT_EQ(pool.apply(square, 3), 9);
  folder.reset();
  EXPECT_THROW(pool.apply([] { _exit(1); }), WorkerLost);
  reason = text_thrown<ValueError>([&] { pool.apply(square, 3); });
  EXPECT_NE(reason.find("cwd: "), std::string::npos) << reason;
}

// ---- niceness -------------------------------------------------------------------------------------------------------

int niceness() { return getpriority(PRIO_PROCESS, 0); }

TEST(ProcessSurroundings, niceness_is_added) {
  Pool usual(Processes::with({.processes = 1}));
  Pool pool(Processes::with({.processes = 1, .nice = 3}));
  constexpr int kMost = 19;  // which the tests themselves may have
  EXPECT_EQ(pool.apply(niceness), std::min(kMost, usual.apply(niceness) + 3));
}

TEST(ProcessSurroundings, niceness_out_of_range_is_refused) {
  for (const int nice : {40, -40, 2'000'000'000, -2'000'000'000}) {
    const std::string reason =
        text_thrown<ValueError>([&] { const Pool pool(Processes::with({.processes = 2, .nice = nice})); });
    EXPECT_NE(reason.find("nice: "), std::string::npos) << nice << ": " << reason;
  }
}

// ---- CPUs -----------------------------------------------------------------------------------------------------------

std::vector<int> cpus_of(int pid) {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(pid, sizeof set, &set) != 0) throw_errno("sched_getaffinity");
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(static_cast<std::size_t>(cpu), &set)) cpus.push_back(cpu);
  }
  return cpus;
}

// Of a worker, which takes it a moment after it is there.
int cpu_of(int pid) {
  for (;;) {
    const std::vector<int> cpus = cpus_of(pid);
    if (cpus.size() == 1) return cpus.front();
    sched_yield();
  }
}

TEST(ProcessSurroundings, workers_are_spread_over_the_cpus_in_turn_and_so_are_their_replacements) {
  const std::vector<int> usable = cpus_of(0);
  const std::vector<int> cpus{usable.front(), usable.back()};
  Pool pool(Processes::with({.processes = 4, .cpus = cpus}));
  for (int round = 0; round < 2; ++round) {
    std::vector<int> found;
    for (const int pid : all_pids(pool)) found.push_back(cpu_of(pid));
    std::ranges::sort(found);
    EXPECT_EQ(found, (std::vector{cpus[0], cpus[0], cpus[1], cpus[1]}));
    const std::vector<int> before = all_pids(pool);
    kill(before[0], SIGKILL);
    while (all_pids(pool) == before) sched_yield();
  }
  EXPECT_EQ(cpus_of(0), usable);
}

TEST(ProcessSurroundings, a_cpu_that_cannot_be_used_is_refused) {
  for (const int cpu : {-1, 1'000'000}) {
    EXPECT_THROW(Pool(Processes::with({.processes = 1, .cpus = {cpu}})), ValueError) << cpu;
  }
}

}  // namespace
}  // namespace muster::testing
