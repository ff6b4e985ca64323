#include <gtest/gtest.h>
#include <muster/threading.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/crowd.hpp"
#include "tests/support/who_waits.hpp"

namespace muster::testing {
namespace {

using namespace std::chrono_literals;
using threading::Thread;

// A thread called "one" that does `waits` is told to wait for `expected`, until `let_go`, and then no more.
void expect_told(const std::string& expected, const std::function<void()>& waits, const std::function<void()>& let_go) {
  threading::Event over;
  Thread one({.name = "one"}, [&] {
    waits();
    over.wait();
  });
  one.start();
  await_waiting("one", expected);
  const std::string told = told_of("one");
  EXPECT_EQ(told.substr(0, told.find(',')), "waits for " + expected);  // then who holds it, where that is noted
  let_go();
  await_waiting("one", object("Event", &over));
  over.set();
  one.join();
}

TEST(Dump, tells_who_waits_for_a_lock) {
  threading::Lock lock;
  lock.acquire();
  expect_told(object("Lock", &lock), [&] { lock.acquire(); }, [&] { lock.release(); });
  expect_told(object("Lock", &lock), [&] { EXPECT_TRUE(lock.acquire(1h)); }, [&] { lock.release(); });
}

TEST(Dump, tells_who_waits_for_an_rlock) {
  threading::RLock lock;
  lock.acquire();
  const auto take_and_release = [&] { const std::scoped_lock guard(lock); };
  expect_told(object("RLock", &lock), take_and_release, [&] { lock.release(); });
}

TEST(Dump, tells_who_waits_to_read_and_to_write) {
  threading::RWLock lock;
  lock.acquire_write();
  const auto read = [&] { const std::shared_lock guard(lock); };
  expect_told(object("RWLock", &lock, " to read"), read, [&] { lock.release_write(); });
  lock.acquire_read();
  const auto write = [&] { const std::scoped_lock guard(lock); };
  expect_told(object("RWLock", &lock, " to write"), write, [&] { lock.release_read(); });
}

TEST(Dump, tells_who_waits_for_a_permit_or_a_flag) {
  threading::Semaphore permits(0);
  expect_told(object("Semaphore", &permits), [&] { permits.acquire(); }, [&] { permits.release(); });
  threading::Event flag;
  expect_told(object("Event", &flag), [&] { flag.wait(); }, [&] { flag.set(); });
}

TEST(Dump, tells_who_waits_for_a_condition_and_then_for_its_lock) {
  threading::Condition changed;
  const auto wait = [&] {
    const std::scoped_lock guard(changed);
    changed.wait();
  };
  expect_told(object("Condition", &changed), wait, [&] {
    const std::scoped_lock guard(changed);
    changed.notify();
    await_waiting("one", object("RLock", &changed));  // which is the first thing in it
  });
}

TEST(Dump, tells_who_waits_at_a_barrier_and_not_what_that_is_made_of) {
  threading::Barrier barrier(2);
  expect_told(object("Barrier", &barrier), [&] { barrier.wait(); }, [&] { barrier.wait(); });
}

TEST(Dump, tells_who_waits_for_the_end_of_a_thread) {
  threading::Event flag;
  Thread two({.name = "two"}, [&] { flag.wait(); });
  two.start();
  expect_told("the end of 'two'", [&] { two.join(); }, [&] { flag.set(); });
}

TEST(Dump, has_a_line_for_each_known_thread_with_its_id) {
  threading::Event flag;
  Thread one({.name = "a name", .daemon = true}, [&] { flag.wait(); });
  one.start();
  await_waiting("a name", "Event");
  const std::string main = "MainThread (" + std::to_string(threading::main_thread().native_id()) + "): runs\n";
  const std::string other =
      "a name (" + std::to_string(one.native_id()) + ", daemon): waits for " + object("Event", &flag) + "\n";
  EXPECT_EQ(threading::who_waits(), main + other);
  flag.set();
  one.join();
  EXPECT_EQ(threading::who_waits(), main);
}

TEST(Dump, tells_of_strangers_while_they_wait) {
  threading::Event flag;
  std::atomic<std::int64_t> id{0};
  const auto line = [&] { return "thread " + std::to_string(id) + ": waits for " + object("Event", &flag) + "\n"; };
  std::thread stranger([&] {
    id = threading::get_native_id();
    flag.wait();
  });
  await([&] { return threading::who_waits().ends_with(line()); });
  EXPECT_EQ(threading::active_count(), 1U);  // nobody became known by it
  flag.set();
  stranger.join();
  EXPECT_FALSE(threading::who_waits().ends_with(line()));
}

TEST(Dump, tells_the_same_of_a_stranger_that_becomes_known) {
  threading::Event first;
  threading::Event second;
  std::thread stranger([&] {
    first.wait();
    threading::current_thread().set_name("no stranger");
    second.wait();
  });
  first.set();
  await_waiting("no stranger", object("Event", &second));
  second.set();
  stranger.join();
}

TEST(Dump, goes_to_a_file) {
  std::FILE* const file = std::tmpfile();
  threading::dump(file);
  std::string written(static_cast<std::size_t>(std::ftell(file)), '\0');
  EXPECT_EQ(std::fseek(file, 0, SEEK_SET), 0);
  EXPECT_EQ(std::fread(written.data(), 1, written.size(), file), written.size());
  EXPECT_EQ(written, threading::who_waits());
  std::fclose(file);
}

// Threads begin, wait, and end, and their locks go with them, while others ask.
TEST(Dump, may_be_asked_for_at_any_time) {
  std::atomic<bool> stop{false};
  Crowd askers(2, [&](int) {
    while (!stop) EXPECT_NE(threading::who_waits(), "");
  });
  for (int round = 0; round < 50; ++round) {
    threading::Lock lock;
    threading::Condition changed(lock);
    int turn = 0;
    const auto take_turns = [&](int number) {
      for (int i = 0; i < 10; ++i) {
        const std::scoped_lock guard(lock);
        changed.wait_for([&] { return turn % 3 == number; });
        ++turn;
        changed.notify_all();
      }
    };
    std::vector<std::shared_ptr<Thread>> threads;
    for (int number = 0; number < 3; ++number) {
      threads.push_back(threading::make_thread<Thread>(take_turns, number));
      threads.back()->start();
    }
    for (const auto& thread : threads) thread->join();
  }
  stop = true;
}

TEST(Dump, knows_nobody_but_the_caller_in_a_copy_of_the_process) {
  threading::Event flag;
  Thread one({.name = "one"}, [&] { flag.wait(); });
  one.start();
  std::thread stranger([&] { flag.wait(); });
  await([&] { return threading::who_waits().find("thread ") != std::string::npos; });
  await_waiting("one", "Event");
  const pid_t child = fork();
  if (child == 0) {
    _exit(threading::who_waits() == "MainThread (" + std::to_string(getpid()) + "): runs\n" ? 0 : 1);
  }
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  flag.set();
  one.join();
  stranger.join();
}

}  // namespace
}  // namespace muster::testing
