#include "os/process.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>

#include "os/testing.hpp"
#include "tests/support/child.hpp"
#include "tests/support/leaks.hpp"

namespace muster::os {
namespace {

using muster::testing::become_somebody;
using muster::testing::require;
using muster::testing::run_in_child;
using testing::await_end;
using testing::end_of_copy;

// What a quiet copy answers: 0 to 255.
int answer_of_quiet_copy(const std::function<int()>& body) {
  const Mapping told = Mapping::memfd(1);
  auto* const answer = static_cast<std::atomic<int>*>(told.data());
  const Process process = start_quiet_copy([&] {
    answer->store(body());
    return 0;
  });
  reap(process);
  return answer->load();
}

// ---- copies ----

TEST(Copy, ends_with_what_its_body_returns) {
  EXPECT_EQ(end_of_copy([] { return 0; }).code, 0);
  const End end = end_of_copy([] { return 7; });
  EXPECT_EQ(end.code, 7);
  EXPECT_EQ(end.signal, 0);
}

TEST(Copy, says_by_which_signal_it_was_killed) {
  const End end = end_of_copy([] {
    raise(SIGKILL);
    return 0;
  });
  EXPECT_EQ(end.signal, SIGKILL);
  EXPECT_EQ(end.code, 0);
}

TEST(Copy, runs_no_exit_handlers_and_no_destructors) {
  struct Loud {
    ~Loud() { _exit(1); }
  };
  const auto ended = run_in_child([] {
    std::atexit([] { std::fputs("handler\n", stderr); });
    const auto loud = std::make_unique<Loud>();
    const End end = end_of_copy([] { return 5; });
    require(end.code == 5, "something ran");
    _exit(0);
  });
  EXPECT_TRUE(ended.well()) << ended;
}

TEST(Copy, crashes_of_an_exception_that_leaves_its_body) {
  const auto ended = run_in_child([] {
    try {
      const End end = end_of_copy([]() -> int { throw std::runtime_error("out of the body"); });
      require(end.signal == SIGABRT, "no crash");
    } catch (const std::runtime_error&) {
      _exit(3);  // the copy has run on in our frames
    }
  });
  EXPECT_TRUE(ended.well()) << ended;
  EXPECT_NE(ended.err.find("out of the body"), std::string::npos);
}

TEST(Copy, has_a_handle_that_is_readable_once_it_has_ended) {
  auto [ours, theirs] = message_pair();
  const Process process = start_copy([&, &mine = ours, &other = theirs] {
    mine.reset();
    const std::array gate{other.number()};
    std::array<bool, 1> open{};
    wait_readable(gate, open, kForever);
    return 0;
  });
  theirs.reset();
  const std::array handle{process.handle.number()};
  std::array<bool, 1> ready{};
  EXPECT_FALSE(wait_readable(handle, ready, 0));
  ours.reset();
  await_end(process);
  EXPECT_TRUE(await_any().has_value());
  EXPECT_FALSE(await_any().has_value()) << "there is no other";
}

TEST(Copy, that_has_not_ended_is_not_reaped) {
  const Process process = start_copy([] {
    pause();
    return 0;
  });
  EXPECT_FALSE(reap_any().has_value());
  send_signal(process, kKill);
  const auto ended = await_any();
  ASSERT_TRUE(ended.has_value());
  EXPECT_EQ(ended->end.signal, SIGKILL);
  send_signal(process, kKill);  // nobody
}

// ---- quiet copies ----

TEST(QuietCopy, is_not_seen_by_wait) {
  const Process quiet = start_quiet_copy([] { return 0; });
  await_end(quiet);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) _exit(0);
  EXPECT_EQ(wait(nullptr), child);
  reap(quiet);
}

std::atomic<int> g_children_heard{0};

TEST(QuietCopy, sends_no_signal_when_it_ends) {
  g_children_heard = 0;
  struct sigaction before = {};
  struct sigaction count = {};
  count.sa_handler = [](int) { ++g_children_heard; };
  sigaction(SIGCHLD, &count, &before);
  reap(start_quiet_copy([] { return 0; }));
  EXPECT_EQ(g_children_heard, 0);
  sigaction(SIGCHLD, &before, nullptr);
}

TEST(QuietCopy, is_reaped_where_ended_children_are_ignored) {
  const auto ended = run_in_child([] {
    signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < 20; ++i) {
      const Process quiet = start_quiet_copy([] { return 0; });
      reap(quiet);
      require(kill(quiet.id, 0) != 0 && errno == ESRCH, "still there");
    }
  });
  EXPECT_TRUE(ended.well()) << ended;
}

TEST(QuietCopy, knows_its_own_thread) {
  const auto knows_itself = [] {
    pthread_mutex_t mutex;
    pthread_mutexattr_t checking;
    pthread_mutexattr_init(&checking);
    pthread_mutexattr_settype(&checking, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&mutex, &checking);
    pthread_mutex_lock(&mutex);
    return mutex.__data.__owner == gettid() && pthread_kill(pthread_self(), 0) == 0 ? 1 : 0;
  };
  EXPECT_EQ(answer_of_quiet_copy(knows_itself), 1);
  std::atomic<int> on_a_thread{0};
  Thread([&] { on_a_thread = answer_of_quiet_copy(knows_itself); }).join();
  EXPECT_EQ(on_a_thread, 1);
}

TEST(QuietCopy, begins_with_all_signals_blocked_and_leaves_ours_alone) {
  sigset_t before;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  EXPECT_EQ(answer_of_quiet_copy([] {
              sigset_t mask;
              pthread_sigmask(SIG_SETMASK, nullptr, &mask);
              for (const int signal : {SIGINT, SIGTERM, SIGCHLD, SIGUSR1, SIGALRM, SIGSEGV}) {
                if (sigismember(&mask, signal) != 1) return signal;
              }
              return 100;
            }),
            100);
  sigset_t after;
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  for (int signal = 1; signal < SIGRTMIN; ++signal) {
    EXPECT_EQ(sigismember(&before, signal), sigismember(&after, signal)) << signal;
  }
}

TEST(QuietCopy, starts_ordinary_copies_that_start_threads) {
  EXPECT_EQ(answer_of_quiet_copy([] {
              signal(SIGCHLD, SIG_DFL);
              return end_of_copy([] {
                       int value = 0;
                       std::thread([&] { value = 42; }).join();
                       return value;
                     })
                  .code;
            }),
            42);
}

TEST(QuietCopy, has_one_thread_and_counts_it) {
  Thread other;
  const Stillness still;
  EXPECT_EQ(answer_of_quiet_copy([] { return Stillness().threads_in_the_way() == 0 ? 1 : 0; }), 1);
}

// ---- generations ----

TEST(CopiesMade, are_counted_on_both_sides_of_a_copy) {
  const std::uint64_t before = copies_made();
  EXPECT_EQ(end_of_copy([before] { return copies_made() != before ? 5 : 0; }).code, 5);
  const std::uint64_t after = copies_made();
  EXPECT_NE(after, before);
  EXPECT_EQ(answer_of_quiet_copy([after] { return copies_made() != after ? 5 : 0; }), 5);
  EXPECT_NE(copies_made(), after);
}

TEST(Generation, grows_with_every_kind_of_copy) {
  const std::uint32_t here = generation();
  EXPECT_EQ(generation(), here);
  const auto grown = [here] { return generation() > here ? 1 : 0; };
  EXPECT_EQ(end_of_copy(grown).code, 1);
  EXPECT_EQ(answer_of_quiet_copy(grown), 1);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) _exit(grown());
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_EQ(generation(), here);
}

TEST(Generation, grows_again_in_a_copy_of_a_copy) {
  const std::uint32_t here = generation();
  EXPECT_EQ(answer_of_quiet_copy([here] {
              signal(SIGCHLD, SIG_DFL);
              return end_of_copy([here] { return static_cast<int>(generation() - here); }).code;
            }),
            2);
}

// ---- at forks ----

int g_at_forks = 0;

TEST(AtForks, is_called_before_and_after_on_both_sides_but_not_for_quiet_copies) {
  static const bool kAsked =
      (at_forks([] { g_at_forks += 1; }, [] { g_at_forks += 10; }, [] { g_at_forks += 100; }), true);
  EXPECT_TRUE(kAsked);
  g_at_forks = 0;
  EXPECT_EQ(end_of_copy([] { return g_at_forks; }).code, 101);
  EXPECT_EQ(g_at_forks, 11);
  EXPECT_EQ(answer_of_quiet_copy([] { return g_at_forks; }), 11);
  EXPECT_EQ(g_at_forks, 11);
}

TEST(Copy, has_no_threads_to_join) {
  std::atomic<std::uint32_t> over{0};
  Thread thread([&] { futex_wait(over, 0, Scope::kPrivate); });
  EXPECT_EQ(end_of_copy([&] {
              const bool found = thread.joinable();
              thread = Thread();
              return found ? 1 : 0;
            }).code,
            0);
  EXPECT_TRUE(thread.joinable());
  over = 1;
  futex_wake(over, kAll, Scope::kPrivate);
  thread.join();
}

// ---- limits ----

TEST(Copy, that_the_system_refuses_leaves_nothing_behind) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "to look at an exception, UndefinedBehaviorSanitizer opens a pipe";
#endif
  const auto ended = run_in_child([] {
    const rlimit few{.rlim_cur = 64, .rlim_max = 64};
    require(setrlimit(RLIMIT_NOFILE, &few) == 0, "setrlimit");
    std::vector<Descriptor> taken;
    for (;;) {
      const int number = open("/dev/null", O_RDONLY | O_CLOEXEC);
      if (number < 0) break;
      taken.emplace_back(number);
    }
    for (int round = 0; round < 10; ++round) {
      for (const auto& start : {&start_copy, &start_quiet_copy}) {
        bool refused = false;
        try {
          start([] { return 0; });
        } catch (const std::system_error& error) {
          refused = error.code().value() == EMFILE;
        }
        require(refused, "no descriptor is left for a handle");
        require(waitpid(-1, nullptr, WNOHANG | __WALL) < 0 && errno == ECHILD, "a child is left");
      }
    }
    taken.pop_back();
    const Process last = start_copy([] { return 0; });
    require(await_any().has_value(), "one number was free");
  });
  EXPECT_TRUE(ended.well()) << ended;
}

TEST(Copy, beyond_the_limit_of_processes_is_refused_with_a_reason) {
  if (getuid() != 0) GTEST_SKIP() << "only root can become somebody without processes";
  const auto ended = run_in_child([] {
    become_somebody();
    const std::ptrdiff_t before = testing::open_descriptors();
    const rlimit none{.rlim_cur = 1, .rlim_max = 1};
    require(setrlimit(RLIMIT_NPROC, &none) == 0, "setrlimit");
    for (const auto& start : {&start_copy, &start_quiet_copy}) {
      std::string reason;
      try {
        start([] { return 0; });
      } catch (const std::system_error& error) {
        reason = error.what();
      }
      require(reason.find("ulimit -u") != std::string::npos, reason.c_str());
    }
    require(testing::open_descriptors() == before, "a descriptor is left");
    end_process(0);  // a search for leaks would want a process
  });
  EXPECT_TRUE(ended.well()) << ended;
}

}  // namespace
}  // namespace muster::os
