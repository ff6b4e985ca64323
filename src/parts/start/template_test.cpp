// What holds of every template: how workers begin and end, and what they have.

#include "parts/start/template.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <new>
#include <set>
#include <stdexcept>
#include <thread>

#include "parts/start/testing.hpp"
#include "tests/support/child.hpp"
#include "tests/support/leaks.hpp"

// NOLINTBEGIN(performance-unnecessary-value-param): what a Body takes
namespace muster::start::testing {
namespace {

using muster::testing::require;
using muster::testing::run_in_child;

using Start = EachMethod;
INSTANTIATE_TEST_SUITE_P(Template, Start, kAllMethods, &name_of);

// ---- ends ----

int end_somehow(Birth birth) {
  switch (birth.place) {
    case 1:
      std::abort();
    case 2:
      raise(SIGKILL);
      break;
    case 3:
      std::exit(4);
    case 4:
      _exit(5);
    case 5:
      std::fclose(stderr);  // what the runtime says of it is known
      throw std::runtime_error("out of the body");
    default:
      break;
  }
  return 6;
}

TEST_P(Start, worker_ends_with_what_its_body_returns) {
  Template made(GetParam(), &return_place, {});
  for (const std::uint32_t place : {0U, 3U, 255U}) {
    const os::Process worker = start_worker(made, place);
    EXPECT_GT(worker.id, 0);
    const os::End end = await_end(made, worker);
    EXPECT_EQ(end.code, static_cast<int>(place));
    EXPECT_EQ(end.signal, 0);
    EXPECT_TRUE(ends(worker));
  }
}

TEST_P(Start, worker_that_ends_otherwise_is_told_of_too) {
  Template made(GetParam(), &end_somehow, {});
  const auto end_of = [&](std::uint32_t place) { return await_end(made, start_worker(made, place)); };
  EXPECT_EQ(end_of(1).signal, SIGABRT);
  EXPECT_EQ(end_of(2).signal, SIGKILL);
  EXPECT_EQ(end_of(3).code, 4);
  EXPECT_EQ(end_of(4).code, 5);
  EXPECT_EQ(end_of(5).signal, SIGABRT);
  EXPECT_EQ(end_of(6).code, 6);
}

TEST_P(Start, worker_can_be_killed_by_its_handle_and_replaced) {
  Template made(GetParam(), &sleep_for_ever, {});
  for (int round = 0; round < 30; ++round) {
    const os::Process worker = start_worker(made);
    os::send_signal(worker, os::kKill);
    EXPECT_EQ(await_end(made, worker).signal, SIGKILL);
    EXPECT_TRUE(ends(worker));
  }
}

TEST_P(Start, many_workers_are_started_and_told_of_in_order) {
  constexpr std::uint32_t kMany = 40;
  Template made(GetParam(), &return_place, {});
  for (std::uint32_t place = 0; place < kMany; ++place) EXPECT_TRUE(made.request(place, {}));
  std::set<std::uint32_t> started;
  std::set<std::uint32_t> ended;
  while (ended.size() < kMany) {
    const News told = await_news(made);
    if (told.what == What::kStarted) {
      EXPECT_TRUE(started.insert(told.place).second);
    } else {
      ASSERT_EQ(told.what, What::kEnded);
      EXPECT_TRUE(started.contains(told.place));
      EXPECT_TRUE(ended.insert(told.place).second);
      EXPECT_EQ(told.end.code, static_cast<int>(told.place));
    }
  }
  EXPECT_FALSE(made.news().has_value());
}

TEST_P(Start, destructor_ends_all_workers) {
  std::vector<os::Process> workers;
  {
    Template made(GetParam(), &sleep_for_ever, {});
    for (int i = 0; i < 5; ++i) workers.push_back(start_worker(made));
    for (const os::Process& worker : workers) EXPECT_TRUE(lives(worker));
  }
  for (const os::Process& worker : workers) EXPECT_FALSE(lives(worker));
}

TEST_P(Start, first_workers_may_be_asked_for_before_the_template_is_there) {
  Template made(GetParam(), &return_place, {}, [](Template& from) {
    from.request(3, {});
    from.request(4, {});
  });
  std::set<int> codes;
  while (codes.size() < 2) {
    const News told = await_news(made);
    ASSERT_TRUE(told.what == What::kStarted || told.what == What::kEnded);
    if (told.what == What::kEnded) codes.insert(told.end.code);
  }
  EXPECT_EQ(codes, (std::set{3, 4}));
}

TEST_P(Start, what_asking_for_the_first_workers_throws_leaves_nobody) {
  const auto ask = [](Template& from) {
    from.request(0, {});
    throw std::bad_alloc();
  };
  EXPECT_THROW(Template(GetParam(), &sleep_for_ever, {}, ask), std::bad_alloc);
}

TEST_P(Start, template_ends_with_its_last_worker_where_that_is_wanted) {
  Template made(GetParam(), &sleep_for_ever, {});
  const os::Process first = start_worker(made, 0);
  const os::Process second = start_worker(made, 1);
  made.end_with_workers();
  os::send_signal(first, os::kKill);
  EXPECT_TRUE(ends(first));
  EXPECT_TRUE(lives(second));
  os::send_signal(second, os::kKill);
  while (await_news(made).what != What::kClosed) {
  }
  EXPECT_EQ(made.descriptor(), -1);
  Template idle(GetParam(), &sleep_for_ever, {});
  idle.end_with_workers();
  EXPECT_EQ(await_news(idle).what, What::kClosed);
}

TEST_P(Start, destructor_ends_a_worker_that_was_only_asked_for) {
  auto [here, there] = os::message_pair();
  {
    Template made(GetParam(), &sleep_for_ever, {});
    const std::array given{there.number()};
    made.request(0, given);
    there.reset();
  }
  EXPECT_EQ(hear(here).state, os::Message::State::kClosed);
}

TEST_P(Start, moved_template_goes_on) {
  Template first(GetParam(), &return_place, {});
  const os::Process worker = start_worker(first, 9);
  Template second(std::move(first));
  EXPECT_EQ(await_end(second, worker).code, 9);
  EXPECT_FALSE(first.request(0, {}));  // NOLINT(bugprone-use-after-move): what this test is about
  EXPECT_FALSE(first.news().has_value());
}

// ---- what a worker has ----

// Numbers that can be read or written.
int list_descriptors(Birth birth) {
  std::string list;
  for (int number = 0; number < 2048; ++number) {
    const int flags = fcntl(number, F_GETFL);
    if (flags >= 0 && (flags & O_PATH) == 0) list += std::to_string(number) + " ";
  }
  say(birth.descriptors.at(0), list);
  return 0;
}

TEST_P(Start, worker_holds_the_standard_streams_the_kept_and_the_given_alone) {
  const std::vector<os::Process> others = [] {
    std::vector<os::Process> handles;
    for (int i = 0; i < 4; ++i) handles.push_back({0, os::process_handle(getpid())});
    return handles;
  }();
  Template another(GetParam(), &sleep_for_ever, {});
  const os::Process worker_of_another = start_worker(another);
  const std::array keep{others[1].handle.number(), others[3].handle.number()};
  Template made(GetParam(), &list_descriptors, keep);
  const os::Process sibling = start_worker(another);
  std::istringstream words(words_of_worker(made));
  std::set<int> held;
  for (int number = 0; words >> number;) held.insert(number);
  for (const int number : {0, 1, 2, keep[0], keep[1]}) EXPECT_EQ(held.erase(number), 1U) << number;
  EXPECT_EQ(held.size(), 1U) << "and the one that it talks over";
}

int say_what_is_kept(Birth birth) {
  std::string files;
  for (int number = 3; number < 2048; ++number) {
    struct stat status = {};
    if (fstat(number, &status) == 0 && S_ISREG(status.st_mode)) {
      files += std::to_string(number) + ":" + std::to_string(status.st_ino) + " ";
    }
  }
  say(birth.descriptors.at(0), files);
  return 0;
}

// Whatever the numbers are, above all those that the server uses itself.
TEST_P(Start, kept_descriptors_have_the_same_numbers) {
  std::vector<os::Descriptor> files;
  const auto file_at = [&](int number) {
    const os::Descriptor file(memfd_create("kept", MFD_CLOEXEC));
    files.emplace_back(fcntl(file.number(), F_DUPFD_CLOEXEC, number));
  };
  for (int i = 0; i < 20; ++i) file_at(3);
  file_at(500);
  file_at(1000);
  std::vector<int> keep;
  std::string expected;
  std::ranges::sort(files, {}, [](const os::Descriptor& file) { return file.number(); });
  for (const os::Descriptor& file : files) {
    struct stat status = {};
    fstat(file.number(), &status);
    keep.push_back(file.number());
    expected += std::to_string(file.number()) + ":" + std::to_string(status.st_ino) + " ";
  }
  std::ranges::reverse(keep);
  Template made(GetParam(), &say_what_is_kept, keep);
  EXPECT_EQ(words_of_worker(made), expected);
}

TEST(Forkserver, refuses_to_keep_what_is_not_open_and_what_is_too_much) {
  const std::array closed{999};
  EXPECT_THROW(Template(Method::kForkserver, &return_place, closed), std::system_error);
  const os::Descriptor one = os::process_handle(getpid());
  const std::vector<int> many(100, one.number());
  EXPECT_THROW(Template(Method::kForkserver, &return_place, many), std::system_error);
}

int say_given(Birth birth) {
  std::string files;
  for (const os::Descriptor& given : birth.descriptors) {
    struct stat status = {};
    fstat(given.number(), &status);
    files += std::to_string(status.st_ino) + " ";
  }
  say(birth.descriptors.back(), files);
  return 0;
}

TEST_P(Start, descriptors_of_a_request_come_in_order) {
  auto [here, there] = os::message_pair();
  std::vector<os::Descriptor> files;
  std::vector<int> given;
  std::string expected;
  for (int i = 0; i < 10; ++i) files.emplace_back(memfd_create("given", MFD_CLOEXEC));
  files.push_back(std::move(there));
  for (const os::Descriptor& file : files) {
    struct stat status = {};
    fstat(file.number(), &status);
    given.push_back(file.number());
    expected += std::to_string(status.st_ino) + " ";
  }
  Template made(GetParam(), &say_given, {});
  const os::Process worker = start_worker(made, 0, given);
  EXPECT_EQ(text_of(hear(here)), expected);
  await_end(made, worker);
}

int check_manners(Birth birth) {
  std::string faults;
  char byte = 0;
  if (read(0, &byte, 1) != 0) faults += "it reads the program's input; ";
  rlimit core = {};
  getrlimit(RLIMIT_CORE, &core);
  if (core.rlim_cur > 1) faults += "it dumps core; ";
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  for (int number = 1; number < SIGRTMIN; ++number) {
    if (sigismember(&mask, number) == 1) faults += "signals are blocked; ";
  }
  if (os::Stillness().threads_in_the_way() != 0) faults += "it has threads; ";
  if (os::thread_name() != "muster/worker") faults += os::thread_name() + " is its name; ";
  say(birth.descriptors.at(0), faults + "that is all");
  return 0;
}

TEST_P(Start, worker_behaves) {
  sigset_t before;
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  Template made(GetParam(), &check_manners, {});
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(words_of_worker(made), "that is all");
}

int start_a_thread(Birth /*birth*/) {
  int code = 0;
  std::thread([&] { code = 11; }).join();
  os::Thread([&] { ++code; }).join();
  return code;
}

TEST_P(Start, worker_may_start_threads) {
  Template made(GetParam(), &start_a_thread, {});
  EXPECT_EQ(await_end(made, start_worker(made)).code, 12);
}

// ---- streams ----

int print(Birth /*birth*/) {
  std::printf("C of the worker\n");
  std::cout << "C++ of the worker\n";
  return 0;
}

TEST_P(Start, what_is_printed_comes_out_once) {
  const Method method = GetParam();
  const auto ended = run_in_child([method] {
    // A file's buffers are full ones, and what the server has is not this one.
    dup2(STDERR_FILENO, STDOUT_FILENO);
    std::ios::sync_with_stdio(false);
    if (method != Method::kFork) serve();
    std::printf("C of the program\n");
    std::cout << "C++ of the program\n";
    Template made(method, &print, {});
    for (int i = 0; i < 2; ++i) await_end(made, start_worker(made));
  });
  EXPECT_TRUE(ended.well()) << ended;
  const auto count = [&](const std::string& line) {
    int times = 0;
    for (std::size_t at = 0; (at = ended.err.find(line, at)) != std::string::npos; ++at) ++times;
    return times;
  };
  EXPECT_EQ(count("C of the program\n"), 1) << ended;
  EXPECT_EQ(count("C++ of the program\n"), 1) << ended;
  EXPECT_EQ(count("C of the worker\n"), 2) << ended;
  EXPECT_EQ(count("C++ of the worker\n"), 2) << ended;
}

// ---- copies of the program ----

TEST_P(Start, template_in_a_forked_child_is_nobodys) {
  Template made(GetParam(), &return_place, {});
  const os::Process worker = start_worker(made, 8);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const bool refused = !made.request(1, {}) && !made.news();
    {
      const Template gone(std::move(made));
    }
    _exit(refused ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(await_end(made, worker).code, 8);
  EXPECT_EQ(await_end(made, start_worker(made, 2)).code, 2);
}

template <Method kMethod>
int start_inner(Birth birth) {
  Template inner(kMethod, &return_place, {});
  return 100 + await_end(inner, start_worker(inner, birth.place)).code;
}

TEST_P(Start, worker_may_have_workers_of_its_own) {
  Template fork(GetParam(), &start_inner<Method::kFork>, {});
  EXPECT_EQ(await_end(fork, start_worker(fork, 1)).code, 101);
  // Which the connection to the server of its ancestor is not for.
  Template server(GetParam(), &start_inner<Method::kForkserver>, {});
  EXPECT_EQ(await_end(server, start_worker(server, 2)).code, 102);
}

}  // namespace
}  // namespace muster::start::testing
// NOLINTEND(performance-unnecessary-value-param)
