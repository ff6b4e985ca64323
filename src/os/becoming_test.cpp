// What a copy of the program does to be a process of ours.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <iostream>
#include <string>

#include "os/process.hpp"
#include "os/testing.hpp"
#include "tests/support/child.hpp"
#include "tests/support/leaks.hpp"

namespace muster::os {
namespace {

using muster::testing::run_in_child;
using testing::await_end;
using testing::end_of_copy;

TEST(DieWithParent, ends_a_copy_whose_parent_is_gone) {
  EXPECT_EQ(end_of_copy([] {
              die_with_parent(1'000'000'000);
              return 9;
            }).code,
            0);
}

TEST(DieWithParent, kills_when_the_parent_ends) {
  auto [ours, theirs] = message_pair();
  const Process parent = start_copy([&connection = theirs] {
    const int id = process_id();
    const Process grandchild = start_copy([&] {
      die_with_parent(id);
      const std::array<std::byte, 1> byte{};
      const std::array handle{process_handle(process_id()).release()};
      send_message(connection, byte, handle);
      for (;;) pause();
      return 0;
    });
    for (;;) pause();
    return 0;
  });
  theirs.reset();
  const std::array connection{ours.number()};
  std::array<bool, 1> ready{};
  wait_readable(connection, ready, kForever);
  Message message = receive_message(ours);
  ASSERT_EQ(message.descriptors.size(), 1U);
  const Process grandchild{0, std::move(message.descriptors.front())};
  send_signal(parent, kKill);
  EXPECT_TRUE(await_any().has_value());
  await_end(grandchild);
}

TEST(Signals, of_a_worker_are_those_of_a_new_program_but_for_the_keyboard) {
  const auto is = [](int number, void (*handler)(int)) {
    struct sigaction now = {};
    sigaction(number, nullptr, &now);
    return now.sa_handler == handler;
  };
  const auto check = [&] {
    for (const int number : {SIGCHLD, SIGPIPE, SIGTERM, SIGHUP}) signal(number, SIG_IGN);
    ignore_endings();
    for (const int number : {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGPIPE}) {
      if (!is(number, SIG_IGN)) return number;
    }
    if (!is(SIGCHLD, SIG_DFL)) return SIGCHLD;
    reset_signals();
    for (const int number : {SIGINT, SIGQUIT}) {
      if (!is(number, SIG_IGN)) return number;
    }
    for (const int number : {SIGCHLD, SIGPIPE, SIGTERM, SIGHUP}) {
      if (!is(number, SIG_DFL)) return number;
    }
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    for (int number = 1; number < SIGRTMIN; ++number) {
      if (sigismember(&mask, number) == 1) return number;
    }
    return 0;
  };
  EXPECT_EQ(end_of_copy(check).code, 0);
}

TEST(CoreDumps, are_forbidden_for_files_and_for_programs) {
  EXPECT_EQ(end_of_copy([] {
              forbid_core_dumps();
              rlimit limit = {};
              getrlimit(RLIMIT_CORE, &limit);
              return static_cast<int>(limit.rlim_cur);
            }).code,
            1);
}

TEST(CoreDumps, of_a_process_without_any_stay_forbidden) {
  EXPECT_EQ(end_of_copy([] {
              const rlimit none{0, 0};
              setrlimit(RLIMIT_CORE, &none);
              forbid_core_dumps();
              rlimit limit = {};
              getrlimit(RLIMIT_CORE, &limit);
              return static_cast<int>(limit.rlim_cur);
            }).code,
            0);
}

TEST(Input, reads_as_empty_once_detached) {
  const auto reads_nothing = [] {
    detach_input();
    char byte = 0;
    return read(STDIN_FILENO, &byte, 1) == 0 ? 1 : 0;
  };
  EXPECT_EQ(end_of_copy(reads_nothing).code, 1);
  EXPECT_EQ(end_of_copy([&] {
              close(STDIN_FILENO);
              return reads_nothing();
            }).code,
            1);
}

TEST(Streams, of_c_and_of_cpp_are_flushed) {
  const auto ended = run_in_child([] {
    std::ios::sync_with_stdio(false);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    std::printf("from C");
    std::cout << "from C++";
    flush_streams();
    _exit(0);
  });
  EXPECT_NE(ended.err.find("from C"), std::string::npos) << ended;
  EXPECT_NE(ended.err.find("from C++"), std::string::npos) << ended;
}

TEST(Streams, that_throw_when_flushed_are_no_matter) {
  const auto ended = run_in_child([] {
    std::cout.exceptions(std::ios::badbit | std::ios::failbit);
    std::cout << "lost";
    const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    dup2(full, STDOUT_FILENO);
    flush_streams();
    _exit(0);
  });
  EXPECT_TRUE(ended.well()) << ended;
}

}  // namespace
}  // namespace muster::os
