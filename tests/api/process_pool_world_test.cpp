// What a worker process sees of the world: streams, descriptors, signals.

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <ranges>

#include "tests/api/process_pool.hpp"

namespace muster::testing {
namespace {

// ---- streams --------------------------------------------------------------------------------------------------------

// Standard output is a file for as long as it lives.
class CaughtOutput {
 public:
  CaughtOutput() : file_(memfd_create("caught", MFD_CLOEXEC)), before_(dup(STDOUT_FILENO)) {
    flush();
    if (file_ < 0 || before_ < 0 || dup2(file_, STDOUT_FILENO) < 0) throw_errno("catching output");
    fcntl(file_, F_SETFL, O_APPEND);
  }
  ~CaughtOutput() {
    put_back();
    ::close(file_);
  }
  CaughtOutput(const CaughtOutput&) = delete;
  CaughtOutput& operator=(const CaughtOutput&) = delete;

  std::vector<std::string> lines() {
    put_back();
    std::ifstream in("/proc/self/fd/" + std::to_string(file_));
    std::vector<std::string> all;
    for (std::string line; std::getline(in, line);) all.push_back(line);
    std::sort(all.begin(), all.end());
    return all;
  }

 private:
  static void flush() {
    std::cout.flush();
    std::fflush(nullptr);
  }
  void put_back() {
    if (before_ < 0) return;
    flush();
    dup2(before_, STDOUT_FILENO);
    ::close(before_);
    before_ = -1;
  }

  int file_;
  int before_;
};

int print(int i) {
  std::printf("printf %d\n", i);
  std::cout << "cout " << i << '\n';
  return i;
}

TEST(ProcessWorld, what_workers_print_is_neither_lost_nor_doubled) {
  for (const int most : {0, 3}) {
    std::vector<std::string> expected;
    std::vector<std::string> lines;
    {
      CaughtOutput caught;
      std::printf("before, not flushed\n");
      std::cout << "before, in cout\n";
      ProcessPool pool(Processes::with({.processes = 2, .maxtasksperchild = most}));
      std::printf("while workers live\n");
      pool.map(print, std::views::iota(0, 20), {.chunksize = 2});
      for (int i = 20; i < 25; ++i) pool.apply(print, i);
      pool.close();
      pool.join();
      lines = caught.lines();
    }
    for (int i = 0; i < 25; ++i) {
      expected.push_back("printf " + std::to_string(i));
      expected.push_back("cout " + std::to_string(i));
    }
    for (const char* own : {"before, not flushed", "before, in cout", "while workers live"}) expected.push_back(own);
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(lines, expected) << "maxtasksperchild " << most;
  }
}

TEST(ProcessWorld, workers_have_nothing_to_read) {
  ProcessPool pool(Processes::with({.processes = 2}));
  const auto read_all = [](int) {
    char byte = 0;
    return std::getchar() == EOF && ::read(STDIN_FILENO, &byte, 1) == 0;
  };
  for (const bool at_end : pool.map(read_all, std::views::iota(0, 4), {.chunksize = 1})) EXPECT_TRUE(at_end);
}

// ---- descriptors ----------------------------------------------------------------------------------------------------

class Pipe {
 public:
  Pipe() {
    if (pipe2(ends_, O_NONBLOCK) != 0) throw_errno("pipe2");  // and not O_CLOEXEC
  }
  ~Pipe() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  int in() const { return ends_[1]; }
  int out() const { return ends_[0]; }
  std::string read() const {
    char buffer[256];
    const ssize_t got = ::read(ends_[0], buffer, sizeof buffer);
    return {buffer, got > 0 ? static_cast<std::size_t>(got) : 0};
  }

 private:
  int ends_[2];
};

int write_into(int descriptor) { return static_cast<int>(::write(descriptor, "written", 7)); }

TEST(ProcessWorld, workers_have_the_descriptors_that_were_passed_and_no_others) {
  const Pipe passed;
  const Pipe kept;
  ProcessPool pool(Processes::with({.processes = 2, .pass_fds = {passed.in()}}));
  const Pipe later;
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(pool.apply(write_into, passed.in()), 7);
    EXPECT_EQ(passed.read(), "written");
    for (const int other : {passed.out(), kept.in(), kept.out(), later.in(), later.out()}) {
      static_cast<void>(pool.apply(write_into, other));
    }
    EXPECT_EQ(kept.read(), "");
    EXPECT_EQ(later.read(), "");
    kill(all_pids(pool).at(0), SIGKILL);  // those that come later have no more
    EXPECT_EQ(pool.with({.retries = 1}).apply(square, 3), 9);
  }
}

TEST(ProcessWorld, a_pipe_ends_when_the_program_closes_it) {
  Pipe pipe;
  ProcessPool pool(Processes::with({.processes = 2}));
  EXPECT_EQ(pool.apply(square, 3), 9);
  const int file = dup(pipe.out());
  const int in = pipe.in();
  const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  dup2(null, in);  // the last writing end is gone, unless a worker has one
  char byte = 0;
  EXPECT_EQ(::read(file, &byte, 1), 0);
  ::close(null);
  ::close(file);
}

TEST(ProcessWorld, a_descriptor_that_is_none_is_refused) {
  using Pool = ProcessPool;
  EXPECT_THROW(Pool(Processes::with({.processes = 1, .pass_fds = {-1}})), ValueError);
  EXPECT_THROW(Pool(Processes::with({.processes = 1, .pass_fds = {987}})), ValueError);
  EXPECT_EQ(Pool(Processes::with({.processes = 1})).apply(square, 3), 9);
}

// ---- signals and crashes --------------------------------------------------------------------------------------------

TEST(ProcessWorld, crashes_leave_no_core) {
  namespace fs = std::filesystem;
  std::string folder = (fs::temp_directory_path() / "muster-core-XXXXXX").string();
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  rlimit before{};
  getrlimit(RLIMIT_CORE, &before);
  const rlimit allowed{before.rlim_max, before.rlim_max};
  setrlimit(RLIMIT_CORE, &allowed);  // this program may leave one
  {
    ProcessPool pool(Processes::with({.processes = 1}));
    const auto crash = [](const std::string& here) {
      std::filesystem::current_path(here);
      std::abort();
    };
    EXPECT_THROW(pool.apply(crash, folder), WorkerLost);
  }
  setrlimit(RLIMIT_CORE, &before);
  EXPECT_TRUE(fs::is_empty(folder));
  fs::remove_all(folder);
}

TEST(ProcessWorld, the_keyboard_interrupts_the_program_and_not_its_workers) {
  ProcessPool pool(Processes::with({.processes = 1}));
  EXPECT_EQ(pool.apply(
                [](int i) {
                  std::raise(SIGINT);
                  return i;
                },
                5),
            5);
}

TEST(ProcessWorld, a_program_that_ignores_its_children_hears_of_losses_all_the_same) {
  const auto before = std::signal(SIGCHLD, SIG_IGN);
  {
    ProcessPool pool(Processes::with({.processes = 1}));
    try {
      pool.apply([] { _exit(9); });
      ADD_FAILURE() << "nothing was thrown";
    } catch (const WorkerLost& lost) {
      EXPECT_EQ(lost.exit_code(), 9);
    }
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1) << "workers are no children of the program";
  }
  std::signal(SIGCHLD, before);
}

}  // namespace
}  // namespace muster::testing
