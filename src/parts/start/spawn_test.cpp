// The program executed anew: what it has of the old one, what it is executed from, and what becomes of one that never
// comes to be a template.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include <muster/error.hpp>

#include "parts/start/inside.hpp"
#include "parts/start/testing.hpp"
#include "tests/support/child.hpp"
#include "tests/support/leaks.hpp"

// NOLINTBEGIN(performance-unnecessary-value-param): what a Body takes
namespace muster::start::testing {
namespace {

namespace fs = std::filesystem;
using muster::testing::Ended;
using muster::testing::require;
using muster::testing::run_in_child;

// Names what the program does at the top of main, before it calls divert() or instead.
constexpr const char* kFirst = "MUSTER_TEST_FIRST";

constexpr int kGate = 50;  // a descriptor

int g_memory = 1;
std::vector<std::string> g_arguments;

// ---- what the new program has ----

int return_memory(Birth /*birth*/) { return g_memory; }

TEST(Spawn, begins_with_fresh_memory) {
  g_memory = 2;
  Template made(Method::kSpawn, &return_memory, {});
  EXPECT_EQ(await_end(made, start_worker(made)).code, 1);
  g_memory = 1;
}

int say_what_it_was_given(Birth birth) {
  std::string said;
  for (const std::string& argument : g_arguments) said += argument + "|";
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (std::string_view(*variable).starts_with("MUSTER_TEMPLATE")) said += *variable;
  }
  say(birth.descriptors.at(0), said);
  return 0;
}

TEST(Spawn, has_the_programs_arguments_and_nothing_else_shows) {
  std::string expected;
  for (const std::string& argument : g_arguments) expected += argument + "|";
  Template made(Method::kSpawn, &say_what_it_was_given, {});
  EXPECT_EQ(words_of_worker(made), expected);
}

TEST(Spawn, works_beside_threads_and_from_several_at_once) {
  constexpr int kRounds = sanitized() ? 3 : 20;
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < 4; ++i) {
    threads.emplace_back([i] {
      for (int round = 0; round < kRounds; ++round) {
        Template made(Method::kSpawn, &return_place, {});
        EXPECT_EQ(await_end(made, start_worker(made, i)).code, static_cast<int>(i));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(Spawn, works_without_standard_streams) {
  const Ended ended = run_in_child([] {
    close(STDIN_FILENO);
    close(STDOUT_FILENO);
    serve();
    Template made(Method::kSpawn, &return_place, {});
    require(await_end(made, start_worker(made, 6)).code == 6, "the worker");
    require(!os::is_open(STDOUT_FILENO), "something has taken their place");
  });
  EXPECT_TRUE(ended.well()) << ended;
}

// ---- what it is executed from ----

// Another file with this program, which may be changed while it runs.
class Copy {
 public:
  Copy() {
    std::string folder = (fs::temp_directory_path() / "muster-spawn-XXXXXX").string();
    require(mkdtemp(folder.data()) != nullptr, "mkdtemp");
    folder_ = folder;
    fs::copy_file("/proc/self/exe", path());
  }
  ~Copy() { fs::remove_all(folder_); }
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;
  // Its main calls divert() and serve(), and then does what is named.
  Ended run(const char* then) const {
    return run_in_child([&] {
      execl(path().c_str(), path().c_str(), kThen, then, nullptr);
      std::perror("execl");
      _exit(1);
    });
  }
  static constexpr const char* kThen = "--then";

 private:
  std::string path() const { return folder_ / "program"; }
  fs::path folder_;
};

int spawn_after(const std::string& what) {
  const fs::path path = fs::read_symlink("/proc/self/exe");
  if (what != "nothing") fs::remove(path);
  if (what == "replace") fs::copy_file("/bin/false", path);
  Template made(Method::kSpawn, &return_place, {});
  return await_end(made, start_worker(made, 9)).code == 9 ? 0 : 1;
}

TEST(Spawn, works_when_the_programs_file_is_deleted_or_replaced) {
  for (const char* const what : {"nothing", "delete", "replace"}) {
    const Copy copy;
    const Ended ended = copy.run(what);
    EXPECT_TRUE(ended.well()) << what << ": " << ended;
  }
}

// ---- where it never comes to be a template ----

// Why no template could be had of a program that does `first` at the top of main.
std::string reason_of_failure(const char* first) {
  const Ended ended = run_in_child([first] {
    setenv(kFirst, first, 1);  // NOLINT(concurrency-mt-unsafe)
    serve();
    int ends[2];  // what the new program leaves behind waits for the end of it, and so of this process
    require(pipe2(ends, O_CLOEXEC) == 0, "pipe");
    require(dup2(ends[0], kGate) == kGate, "dup2");
    const std::array kept{kGate};
    try {
      const Template made(Method::kSpawn, &return_place, kept);
    } catch (const Error& error) {
      std::fputs(error.what(), stderr);
    }
  });
  EXPECT_TRUE(ended.well()) << ended;
  return ended.err;
}

TEST(Spawn, of_a_program_that_ends_before_init_is_an_error) {
  for (const char* const first : {"return", "exit", "crash", "leave a child"}) {
    const std::string reason = reason_of_failure(first);
    EXPECT_NE(reason.find("ended before it called muster::init"), std::string::npos) << first << ": " << reason;
    EXPECT_NE(reason.find("at the top of main"), std::string::npos) << first << ": " << reason;
  }
}

TEST(Spawn, of_a_program_that_has_threads_at_init_is_an_error) {
  const std::string reason = reason_of_failure("start a thread");
  EXPECT_NE(reason.find("had other threads when it called muster::init"), std::string::npos) << reason;
}

TEST(Spawn, of_a_program_that_does_not_call_init_in_time_is_an_error_and_ends_it) {
  auto [here, there] = os::message_pair();
  const os::Process stuck = os::start_quiet_copy([] { return sleep_for_ever({}); });
  try {
    await_anew(here, stuck, os::now());
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("did not call muster::init in time"), std::string::npos) << error.what();
  }
  os::reap(stuck);
}

TEST(Spawn, leaves_no_new_program_that_was_no_template_yet_when_the_old_one_died) {
  const Ended ended = run_in_child([] {
    setenv(kFirst, "say so and stay", 1);  // NOLINT(concurrency-mt-unsafe)
    serve();
    int ends[2];
    require(pipe2(ends, O_CLOEXEC) == 0, "pipe");
    require(dup2(ends[1], STDOUT_FILENO) == STDOUT_FILENO, "dup2");
    std::thread([] {
      try {
        const Template never(Method::kSpawn, &return_place, {});
      } catch (const Error&) {
        std::fputs("it was given up", stderr);
      }
    }).detach();
    char byte = 0;
    require(::read(ends[0], &byte, 1) == 1, "it has begun");
    kill(getpid(), SIGKILL);
  });
  // We are here, so nobody has its standard error any more.
  EXPECT_TRUE(WIFSIGNALED(ended.status)) << ended;
  EXPECT_EQ(ended.err, "");
}

TEST(Spawn, a_marker_that_is_meant_for_another_process_is_ignored) {
  const Ended ended = run_in_child([] {
    setenv("MUSTER_TEMPLATE", "1 2 2 2", 1);  // NOLINT(concurrency-mt-unsafe)
    execl("/proc/self/exe", "program", Copy::kThen, "nothing", nullptr);
    std::perror("execl");
    _exit(1);
  });
  EXPECT_TRUE(ended.well()) << ended;
}

// ---- the program ----

void do_first(const std::string& what) {
  if (what == "return") os::end_process(0);
  if (what == "exit") std::exit(3);  // NOLINT(concurrency-mt-unsafe)
  if (what == "crash") std::abort();
  if (what == "start a thread") std::thread([] { sleep_for_ever({}); }).detach();
  if (what == "leave a child") {
    if (fork() != 0) os::end_process(0);
    char byte = 0;
    static_cast<void>(!::read(kGate, &byte, 1));
    os::end_process(0);
  }
  if (what == "say so and stay") {
    static_cast<void>(!::write(STDOUT_FILENO, "s", 1));
    sleep_for_ever({});
  }
}

int run(int argc, char** argv) {
  for (int i = 0; i < argc; ++i) g_arguments.emplace_back(argv[i]);
  const char* const first = std::getenv(kFirst);  // NOLINT(concurrency-mt-unsafe)
  if (first != nullptr) do_first(first);
  divert(argc, argv);
  serve();
  if (argc == 3 && g_arguments[1] == Copy::kThen) return spawn_after(g_arguments[2]);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

}  // namespace
}  // namespace muster::start::testing
// NOLINTEND(performance-unnecessary-value-param)

int main(int argc, char** argv) { return muster::start::testing::run(argc, argv); }
