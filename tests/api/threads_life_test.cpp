// Threads and the objects that stand for them: daemons, destruction, make_thread.

#include <gtest/gtest.h>
#include <muster/error.hpp>
#include <muster/threading.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/tracked.hpp"

namespace muster::testing {
namespace {

using namespace std::chrono_literals;
using threading::Event;
using threading::make_thread;
using threading::Thread;
using threading::ThreadHandle;

// ---- daemons ----

TEST(Daemon, is_said_before_the_start) {
  Thread thread([] {});
  EXPECT_FALSE(thread.daemon());
  thread.set_daemon(true);
  EXPECT_TRUE(thread.daemon());
  thread.set_daemon(false);
  thread.start();
  EXPECT_THROW(thread.set_daemon(true), ThreadError);
  thread.join();
  EXPECT_THROW(thread.set_daemon(true), ThreadError);
  EXPECT_FALSE(Thread({.daemon = false}, [] {}).daemon());
  EXPECT_TRUE(Thread({.daemon = true}, [] {}).daemon());
  EXPECT_THROW(threading::current_thread().set_daemon(true), ThreadError);
}

TEST(Daemon, is_who_was_made_by_one) {
  for (const bool daemon : {false, true}) {
    bool inherited = !daemon;
    bool own = daemon;
    Thread thread({.daemon = daemon}, [&] {
      inherited = Thread([] {}).daemon();
      own = Thread({.daemon = !daemon}, [] {}).daemon();
    });
    thread.start();
    thread.join();
    EXPECT_EQ(inherited, daemon);
    EXPECT_EQ(own, !daemon);
  }
  std::thread([] {
    threading::current_thread();
    EXPECT_FALSE(Thread([] {}).daemon()) << "a stranger makes ordinary threads";
  }).join();
}

TEST(Daemon, runs_on_without_its_object) {
  Event go;
  Event done;
  ThreadHandle handle = threading::current_thread();
  {
    Thread thread({.daemon = true}, [&] {
      go.wait();
      done.set();
    });
    thread.start();
    handle = thread;
  }
  EXPECT_TRUE(handle.is_alive());
  go.set();
  done.wait();
  handle.join();
}

// ---- destruction ----

TEST(ThreadEnd, plain_thread_is_joined_by_its_destructor) {
  Event begun;
  bool ended = false;
  {
    Thread thread([&] {
      begun.set();
      std::this_thread::yield();
      ended = true;
    });
    thread.start();
    begun.wait();
  }
  EXPECT_TRUE(ended);
  const Thread never_started([] {});
}

TEST(ThreadEnd, plain_thread_is_asked_to_stop_by_its_destructor) {
  Thread thread([](const std::stop_token& token) {
    Event asked;
    const std::stop_callback wake(token, [&] { asked.set(); });
    asked.wait();
  });
  thread.start();
}

TEST(ThreadEnd, plain_thread_may_be_destroyed_by_itself) {
  for (int round = 0; round < 50; ++round) {
    Event destroyed;
    Event go;
    std::unique_ptr<Thread> thread;
    ThreadHandle handle = threading::current_thread();
    thread = std::make_unique<Thread>([&] {
      go.wait();
      thread.reset();
      destroyed.set();
    });
    thread->start();
    handle = *thread;
    go.set();
    destroyed.wait();
    handle.join();
  }
}

struct Worker : Thread {
  explicit Worker(int& given) : result(given) {}
  ~Worker() override {
    if (is_alive()) join();
    tracked.value = 0;
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void run() override { result = ++tracked.value; }
  int& result;
  Tracked tracked{4};
};

TEST(ThreadEnd, derived_class_joins_in_its_own_destructor) {
  int result = 0;
  {
    Worker worker(result);
    worker.start();
  }
  EXPECT_EQ(result, 5);
  {
    const Worker never_started(result);
  }
}

TEST(MakeThread, keeps_the_object_alive_while_its_thread_runs) {
  for (int round = 0; round < 100; ++round) {
    Tracked::reset();
    int result = 0;
    ThreadHandle handle = threading::current_thread();
    {
      const auto worker = make_thread<Worker>(result);
      worker->start();
      handle = *worker;
    }
    handle.join();
    ASSERT_EQ(result, 5);
    ASSERT_EQ(Tracked::live, 0) << "destroyed by its thread, before that has ended";
  }
}

TEST(MakeThread, object_outlives_its_thread_where_somebody_has_it) {
  int result = 0;
  const auto worker = make_thread<Worker>(result);
  EXPECT_EQ(worker.use_count(), 1);
  worker->start();
  worker->join();
  EXPECT_EQ(worker.use_count(), 1);
  EXPECT_EQ(worker->tracked.value, 5);
}

TEST(MakeThread, of_a_plain_thread_needs_no_name_of_its_own) {
  Event done;
  const ThreadHandle handle = [&] {
    const auto thread = make_thread([&done](int n) { n == 2 ? done.set() : void(); }, 2);
    thread->start();
    return ThreadHandle(*thread);
  }();
  EXPECT_TRUE(done.wait(1h));
  handle.join();
}

TEST(MakeThread, that_is_never_started_goes_with_its_last_owner) {
  Tracked::reset();
  int result = 0;
  make_thread<Worker>(result).reset();
  EXPECT_EQ(Tracked::live, 0);
}

TEST(MakeThread, nobody_has_to_join) {
  std::atomic<int> ran{0};
  std::vector<ThreadHandle> handles;
  for (int i = 0; i < 20; ++i) {
    const auto thread = make_thread([&] { ++ran; });
    handles.emplace_back(*thread);
    thread->start();
  }
  for (const ThreadHandle& handle : handles) handle.join();
  EXPECT_EQ(ran, 20);
}

// ---- under stress ----

TEST(ThreadStress, threads_that_start_threads_name_them_and_look_around) {
  std::atomic<int> ran{0};
  const std::function<void(int)> grow = [&](int depth) {
    ++ran;
    threading::current_thread().set_name("at " + std::to_string(depth));
    for (const ThreadHandle& seen : threading::enumerate()) {
      EXPECT_FALSE(seen.name().empty());
      EXPECT_NE(seen.ident(), 0U);
      static_cast<void>(seen.is_alive());
    }
    if (depth == 0) return;
    Thread left(grow, depth - 1);
    Thread right(grow, depth - 1);
    left.start();
    right.start();
    left.join();
  };
  grow(5);
  EXPECT_EQ(ran, 63);
  EXPECT_EQ(threading::active_count(), 1U);
  threading::current_thread().set_name("MainThread");
}

}  // namespace
}  // namespace muster::testing
