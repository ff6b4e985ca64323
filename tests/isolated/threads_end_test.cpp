// Threads at the ends of things: of the program, of objects that still run, in copies of the process. Also CPython's
// ThreadJoinOnShutdown.

#include <gtest/gtest.h>
#include <muster/error.hpp>
#include <muster/threading.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/child.hpp"
#include "tests/support/sanitized.hpp"

namespace muster::testing {
namespace {

using namespace std::chrono_literals;
using threading::Event;
using threading::Local;
using threading::make_thread;
using threading::Thread;
using threading::ThreadHandle;

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

void say(const char* what) { std::fputs(what, stderr); }

#ifdef __SANITIZE_THREAD__
constexpr bool kWatched = true;  // lets no thread start in a copy of a program that had several
#else
constexpr bool kWatched = false;
#endif

// Says something when it goes.
struct Static {
  const char* text;
  explicit Static(const char* given) : text(given) {}
  Static(const Static&) = delete;
  Static& operator=(const Static&) = delete;
  ~Static() { say(text); }
};

// ---- the program's end ----

// Python's test_1_join_on_shutdown.
void wait_for_main() {
  threading::main_thread().join();
  say("end of thread\n");
}

TEST(ProgramEnd, waits_for_threads_which_may_wait_for_the_main_thread) {
  const Ended ended = run_in_child([] {
    make_thread(&wait_for_main)->start();
    say("end of main\n");
  });
  EXPECT_TRUE(ended.well()) << ended;
  EXPECT_EQ(ended.err, "end of main\nend of thread\n");
}

TEST(ProgramEnd, waits_before_any_static_object_goes_whenever_it_was_made) {
  const Ended ended = run_in_child([] {
    static const Static early("early one goes\n");
    static Thread thread([] {
      threading::main_thread().join();
      say("thread ends\n");
    });
    thread.start();
    static const Static late("late one goes\n");
  });
  EXPECT_TRUE(ended.well()) << ended;
  EXPECT_EQ(ended.err, "thread ends\nlate one goes\nearly one goes\n");
}

TEST(ProgramEnd, waits_for_threads_that_are_started_meanwhile) {
  const Ended ended = run_in_child([] {
    make_thread([] {
      threading::main_thread().join();
      make_thread([] { say("the second\n"); })->start();
      say("the first\n");
    })->start();
  });
  EXPECT_TRUE(ended.well()) << ended;
  EXPECT_TRUE(contains(ended.err, "the first\n") && contains(ended.err, "the second\n")) << ended;
}

// Python's test_join_nondaemon_on_shutdown: however main is left.
TEST(ProgramEnd, waits_at_exit_called_by_whatever_thread) {
  const Ended by_main = run_in_child([] {
    make_thread(&wait_for_main)->start();
    std::exit(0);  // NOLINT(concurrency-mt-unsafe)
  });
  EXPECT_TRUE(by_main.well()) << by_main;
  EXPECT_EQ(by_main.err, "end of thread\n");

  const Ended by_other = run_in_child([] {
    Event exiting;
    Thread other([&] {
      exiting.wait();
      for (int i = 0; i < 1000; ++i) std::this_thread::yield();
      say("waited for\n");
    });
    other.start();
    std::atexit([] { say("exit\n"); });
    Thread leaver([&] {
      exiting.set();
      std::exit(0);  // NOLINT(concurrency-mt-unsafe)
    });
    leaver.start();
    leaver.join();
  });
  EXPECT_TRUE(by_other.well()) << by_other;
  EXPECT_TRUE(contains(by_other.err, "waited for\n")) << by_other;
}

// Python's test_4_daemon_threads.
TEST(ProgramEnd, does_not_wait_for_daemons_which_stop_at_their_next_call) {
  const Ended ended = run_in_child([] {
    Event begun;
    static Event never;
    std::deque<std::shared_ptr<Thread>> daemons;
    daemons.push_back(make_thread(threading::ThreadOptions{.daemon = true}, [&] {
      begun.set();
      never.wait();
    }));
    daemons.push_back(make_thread(threading::ThreadOptions{.daemon = true}, [] {
      for (;;) never.wait(1ms);
    }));
    daemons.push_back(make_thread(threading::ThreadOptions{.daemon = true}, [] {
      for (;;) threading::current_thread().set_name(std::to_string(threading::active_count()));
    }));
    for (const auto& daemon : daemons) daemon->start();
    begun.wait();
  });
  EXPECT_TRUE(ended.well()) << ended;
  EXPECT_EQ(ended.err, "");
}

TEST(ProgramEnd, daemon_that_was_asleep_in_muster_does_not_come_out) {
  const Ended ended = run_in_child([] {
    static Event ending;
    struct Opens {
      ~Opens() {
        ending.set();
        for (int i = 0; i < 1000; ++i) std::this_thread::yield();
      }
    };
    static const Opens opens;
    Event begun;
    make_thread(threading::ThreadOptions{.daemon = true}, [&begun] {
      begun.set();
      ending.wait();
      say("came out\n");
    })->start();
    begun.wait();
  });
  EXPECT_TRUE(ended.well()) << ended;
  EXPECT_EQ(ended.err, "");
}

TEST(ProgramEnd, local_daemon_does_not_hold_it_up) {
  const Ended ended = run_in_child([] {
    static Event never;
    Thread daemon({.daemon = true}, [] { never.wait(); });
    daemon.start();
  });
  EXPECT_TRUE(ended.well()) << ended;
}

// Python's test_finalize_running_thread.
TEST(ProgramEnd, stranger_that_still_waits_does_not_hold_it_up) {
  const Ended ended = run_in_child([] {
    static Event begun;
    static Event never;
    std::thread([] {
      threading::current_thread();
      begun.set();
      never.wait();
      say("came out\n");
    }).detach();
    begun.wait();
    std::exit(42);  // NOLINT(concurrency-mt-unsafe)
  });
  EXPECT_EQ(WEXITSTATUS(ended.status), 42) << ended;
  EXPECT_EQ(ended.err, "");
}

// Python's test_main_thread_during_shutdown.
TEST(ProgramEnd, destructors_of_static_objects_may_ask_who_they_are) {
  const Ended ended = run_in_child([] {
    struct Asks {
      ThreadHandle main = threading::current_thread();
      ~Asks() {
        const bool right = threading::current_thread() == main && threading::main_thread() == main &&
                           threading::enumerate() == std::vector{main};
        say(right ? "right" : "wrong");
      }
    };
    static const Asks asks;
  });
  EXPECT_TRUE(ended.well()) << ended;
  EXPECT_EQ(ended.err, "right");
}

// Python's test_locals_at_exit; ours go when exit() begins, and can be made anew.
TEST(ProgramEnd, locals_of_the_main_thread_go_when_exit_begins) {
  const Ended ended = run_in_child([] {
    static Local<std::unique_ptr<Static>> local;
    static const Static object("object goes\n");
    *local = std::make_unique<Static>("value goes\n");
  });
  EXPECT_TRUE(ended.well()) << ended;
  EXPECT_EQ(ended.err, "value goes\nobject goes\n");
}

// Python's test_finalization_shutdown: a thread's own values are gone before the program goes on.
TEST(ProgramEnd, waits_for_the_values_of_locals_too) {
  const Ended ended = run_in_child([] {
    static Local<std::unique_ptr<Static>> local;
    static const Static object("object goes\n");
    make_thread([] {
      *local = std::make_unique<Static>("value goes\n");
      threading::main_thread().join();
    })->start();
  });
  EXPECT_TRUE(ended.well()) << ended;
  EXPECT_EQ(ended.err, "value goes\nobject goes\n");
}

// Python's test_fork_at_exit.
TEST(ProgramEnd, handler_may_fork) {
  const Ended ended = run_in_child([] {
    std::atexit([] {
      const Ended inner = run_in_child([] { say("child process ok\n"); });
      say(inner.err.c_str());
    });
    Thread thread([] {});
    thread.start();
  });
  EXPECT_TRUE(ended.well()) << ended;
  EXPECT_EQ(ended.err, "child process ok\n");
}

// ---- failures ----

TEST(Failure, kills_nobody) {
  const Ended ended = run_in_child([] {
    Thread thread({.name = "worker"}, [] { throw std::runtime_error("its text"); });
    thread.start();
    thread.join();
    say("goes on\n");
  });
  EXPECT_TRUE(ended.well()) << ended;
  EXPECT_EQ(ended.err, "Exception in thread worker:\nstd::runtime_error: its text\ngoes on\n");
}

TEST(Failure, derived_class_destroyed_while_it_runs_says_so_and_terminates) {
  struct Careless : Thread {
    Careless() : Thread({.name = "careless"}) {}
    void run() override {
      static Event never;
      begun.set();
      never.wait();
    }
    Event begun;
  };
  const Ended ended = run_in_child([] {
    Careless thread;
    thread.start();
    thread.begun.wait();
  });
  EXPECT_EQ(WTERMSIG(ended.status), SIGABRT) << ended;
  EXPECT_TRUE(contains(ended.err, "thread careless still runs while its object is destroyed")) << ended;
  EXPECT_TRUE(contains(ended.err, "make_thread")) << ended;
}

// ---- copies of the process ----

// For a copy that exits in the ordinary way: what threads left behind in the original held looks leaked to it.
void exit_without_a_search_for_leaks() {
  std::atexit([] { std::_Exit(0); });
}

// Python's test_main_thread_after_fork and test_dummy_thread_after_fork.
TEST(Copy, has_one_thread_which_is_the_main_thread) {
  Event go;
  Event asked;
  Thread thread([&] { go.wait(); });
  thread.start();
  std::thread stranger([&] {
    threading::current_thread();
    asked.set();
    go.wait();
  });
  asked.wait();
  EXPECT_EQ(threading::active_count(), 3U);
  const Ended ended = run_in_child([&] {
    require(threading::active_count() == 1, "one");
    require(threading::main_thread() == threading::current_thread(), "main");
    require(threading::main_thread().name() == "MainThread", "name");
    require(threading::main_thread().native_id() == getpid(), "native id");
    require(threading::main_thread().ident() == threading::get_ident(), "ident");
    require(!thread.is_alive() && thread.join(0s), "the other has ended");
    std::_Exit(0);  // the objects of this frame are the original's
  });
  EXPECT_TRUE(ended.well()) << ended;
  go.set();
  stranger.join();
}

// Python's test_main_thread_after_fork_from_nonmain_thread and test_3_join_in_forked_from_thread.
TEST(Copy, made_by_a_thread_has_that_one_as_its_main_thread) {
  const ThreadHandle main = threading::main_thread();
  Ended ended;
  Thread forker({.name = "forker"}, [&] {
    ended = run_in_child([&] {
      require(threading::main_thread() == threading::current_thread(), "main");
      require(threading::main_thread().name() == "forker", "name");
      require(threading::main_thread().native_id() == getpid(), "native id");
      require(threading::main_thread().is_alive() && !main.is_alive(), "alive");
      main.join();
      exit_without_a_search_for_leaks();
      if (!kWatched) make_thread(&wait_for_main)->start();
      say("end of main\n");
    });
  });
  forker.start();
  forker.join();
  EXPECT_TRUE(ended.well()) << ended;
  EXPECT_EQ(ended.err, kWatched ? "end of main\n" : "end of main\nend of thread\n");
}

TEST(Copy, made_by_a_stranger_has_a_new_main_thread) {
  Ended ended;
  std::thread([&] {
    ended = run_in_child([] {
      exit_without_a_search_for_leaks();
      require(threading::active_count() == 1, "one");
      require(threading::main_thread().name() == "MainThread", "name");
      require(threading::main_thread() == threading::current_thread(), "main");
      require(threading::get_native_id() == threading::main_thread().native_id(), "native id");
    });
  }).join();
  EXPECT_TRUE(ended.well()) << ended;
}

// Python's test_is_alive_after_fork: a fork just after a start, or amid an end.
TEST(Copy, knows_that_the_others_are_gone_whenever_it_is_made) {
  for (int round = 0; round < 50; ++round) {
    Thread thread([] { threading::current_thread().set_name("busy"); });
    thread.start();
    const Ended ended = run_in_child([&] {
      require(!thread.is_alive() && thread.join(0s), "gone");
      require(threading::active_count() == 1, "one");
      std::_Exit(0);
    });
    EXPECT_TRUE(ended.well()) << ended;
  }
}

TEST(Copy, joins_what_had_ended_unjoined) {
  std::deque<Thread> threads;
  for (int i = 0; i < 20; ++i) threads.emplace_back([] {}).start();
  const Ended ended = run_in_child([&] {
    for (const Thread& thread : threads) require(thread.join(0s), "gone");
    threads.clear();
    std::_Exit(0);
  });
  EXPECT_TRUE(ended.well()) << ended;
}

// Python's test_reinit_tls_after_fork: forks by many threads, which look around meanwhile.
TEST(Copy, many_threads_make_some) {
  std::deque<Thread> threads;
  std::atomic<int> well{0};
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&] {
      threading::current_thread().set_name("forker");
      const Ended ended = run_in_child([] { std::_Exit(threading::active_count() == 1 ? 0 : 1); });
      if (ended.well()) ++well;
    });
    threads.back().start();
  }
  threads.clear();
  EXPECT_EQ(well, 16);
}

// Python's test_2_join_in_forked_process.
TEST(Copy, starts_threads_of_its_own) {
  if (kWatched) GTEST_SKIP() << "ThreadSanitizer lets no thread start in a copy of a program that had several";
  if (sanitized()) GTEST_SKIP() << "AddressSanitizer's own memory may be locked for ever in a copy";
  Event go;
  Thread here([&] { go.wait(); });
  here.start();
  const Ended ended = run_in_child([] {
    exit_without_a_search_for_leaks();
    int ran = 0;
    Thread thread([&] { ran = 1; });
    thread.start();
    require(threading::active_count() >= 1, "count");
    thread.join();
    require(ran == 1, "ran");
    make_thread(&wait_for_main)->start();
    say("end of main\n");
  });
  EXPECT_TRUE(ended.well()) << ended;
  EXPECT_EQ(ended.err, "end of main\nend of thread\n");
  go.set();
}

}  // namespace
}  // namespace muster::testing
