// Lock and Event.

#include <gtest/gtest.h>
#include <muster/threading.hpp>

#include <atomic>
#include <chrono>
#include <latch>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/support/crowd.hpp"
#include "tests/support/leaks.hpp"
#include "tests/support/who_waits.hpp"

namespace muster::testing {
namespace {

using namespace std::chrono_literals;
using threading::Event;
using threading::Lock;

TEST(Lock, is_taken_and_given_back) {
  Lock lock;
  EXPECT_FALSE(lock.locked());
  EXPECT_TRUE(lock.acquire());
  EXPECT_TRUE(lock.locked());
  EXPECT_FALSE(lock.acquire(false));
  EXPECT_FALSE(lock.acquire(1ms));
  EXPECT_FALSE(lock.acquire(-1s));
  lock.release();
  EXPECT_TRUE(lock.acquire(false));
  lock.release();
  EXPECT_TRUE(lock.acquire(0s)) << "free, so it needs no time";
  lock.release();
  EXPECT_FALSE(lock.locked());
  static_assert(sizeof(Lock) == 4);
}

TEST(Lock, release_by_a_stranger_is_allowed_and_of_a_free_one_refused) {
  Lock lock;
  EXPECT_THROW(lock.release(), LockError);
  EXPECT_FALSE(lock.locked());
  lock.acquire();
  std::thread([&] { lock.release(); }).join();
  EXPECT_FALSE(lock.locked());
  EXPECT_TRUE(lock.try_lock());
  lock.unlock();
}

TEST(Lock, is_a_standard_lockable) {
  Lock a;
  Lock b;
  {
    const std::scoped_lock both(a, b);
    EXPECT_TRUE(a.locked() && b.locked());
    std::unique_lock other(a, std::try_to_lock);
    EXPECT_FALSE(other.owns_lock());
    EXPECT_FALSE(other.try_lock_for(1ms));
    EXPECT_FALSE(other.try_lock_until(std::chrono::steady_clock::now() + 1ms));
    EXPECT_FALSE(other.try_lock_until(std::chrono::system_clock::now() - 1h));
  }
  std::unique_lock later(a, std::defer_lock);
  EXPECT_TRUE(later.try_lock_for(1h));
}

TEST(Lock, lets_one_in_at_a_time) {
  Lock lock;
  long count = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20'000; ++i) {
        if (t % 2 == 0) {
          const std::scoped_lock guard(lock);
          ++count;
        } else if (lock.acquire(1h)) {
          ++count;
          lock.release();
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, 80'000);
}

TEST(Lock, a_waiter_gets_it_when_it_is_released) {
  for (int round = 0; round < 200; ++round) {
    Lock lock;
    lock.acquire();
    std::latch about_to_wait(1);
    int seen = 0;
    int written = 0;
    std::thread waiter([&] {
      about_to_wait.count_down();
      lock.acquire();
      seen = written;
      lock.release();
    });
    about_to_wait.wait();
    written = round;
    lock.release();
    waiter.join();
    ASSERT_EQ(seen, round);
  }
}

TEST(Event, is_set_and_cleared) {
  Event event;
  EXPECT_FALSE(event.is_set());
  EXPECT_FALSE(event.wait(0s));
  EXPECT_FALSE(event.wait(1ms));
  event.set();
  event.set();
  EXPECT_TRUE(event.is_set());
  EXPECT_TRUE(event.wait());
  EXPECT_TRUE(event.wait(0s));
  event.clear();
  event.clear();
  EXPECT_FALSE(event.is_set());
  EXPECT_FALSE(event.wait(0s));
  static_assert(sizeof(Event) == 4);
}

TEST(Event, lets_all_waiters_go_and_shows_what_was_written_before) {
  for (int round = 0; round < 100; ++round) {
    Event event;
    int written = 0;
    std::atomic<int> right{0};
    std::vector<std::thread> waiters;
    for (int i = 0; i < 4; ++i) {
      waiters.emplace_back([&, i] {
        if (i % 2 == 0 ? event.wait() : event.wait(1h)) right += written == round + 1 ? 1 : 0;
      });
    }
    written = round + 1;
    event.set();
    for (std::thread& waiter : waiters) waiter.join();
    ASSERT_EQ(right, 4);
  }
}

// Python's EventTests.
TEST(Event, all_go_on_and_wait_no_more_until_it_is_cleared) {
  constexpr int kThreads = 5;
  Event event;
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> first{0};
    std::atomic<int> second{0};
    Crowd crowd(kThreads, [&](int) {
      first += event.wait() ? 1 : 0;
      second += event.wait() ? 1 : 0;
    });
    await_waiting(kThreads, "Event");
    ASSERT_EQ(first, 0);
    event.set();
    crowd.join();
    ASSERT_EQ(first, kThreads);
    ASSERT_EQ(second, kThreads);
    event.clear();
  }
}

TEST(Event, all_give_up_after_their_time_and_need_none_once_it_is_set) {
  constexpr int kThreads = 5;
  Event event;
  std::atomic<int> told{0};
  Crowd(kThreads, [&](int) {
    told += event.wait(0s) ? 1 : 0;
    const auto begin = std::chrono::steady_clock::now();
    told += event.wait(20ms) ? 1 : 0;
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 20ms);
  }).join();
  EXPECT_EQ(told, 0);
  event.set();
  Crowd(kThreads, [&](int) { told += event.wait(0s) && event.wait(20ms) ? 1 : 0; }).join();
  EXPECT_EQ(told, kThreads);
}

TEST(Event, who_waits_goes_on_even_if_it_is_cleared_at_once) {
  constexpr int kThreads = 5;
  Event event;
  for (int round = 0; round < 100; ++round) {
    std::atomic<int> told{0};
    Crowd crowd(kThreads, [&](int number) { told += (number % 2 == 0 ? event.wait() : event.wait(1h)) ? 1 : 0; });
    await_waiting(kThreads, "Event");
    event.set();
    event.clear();
    crowd.join();
    ASSERT_EQ(told, kThreads);
    ASSERT_FALSE(event.is_set());
  }
}

TEST(Event, clear_lets_nobody_go) {
  Event event;
  std::atomic<bool> over{false};
  std::thread waiter([&] {
    EXPECT_FALSE(event.wait(20ms));
    over = true;
  });
  while (!over) event.clear();
  waiter.join();
}

TEST(Event, ping_pong) {
  Event ping;
  Event pong;
  int count = 0;
  constexpr int kRounds = 5000;
  std::thread other([&] {
    for (int i = 0; i < kRounds; ++i) {
      ping.wait();
      ping.clear();
      ++count;
      pong.set();
    }
  });
  for (int i = 0; i < kRounds; ++i) {
    ping.set();
    pong.wait();
    pong.clear();
    ASSERT_EQ(count, i + 1);
  }
  other.join();
}

// Wherever a timeout is taken, a point of a clock is, too.
TEST(Waits, end_at_a_point_of_a_clock) {
  const auto soon = [] { return std::chrono::steady_clock::now() + 1ms; };
  Event event;
  EXPECT_FALSE(event.wait(soon()));
  threading::Semaphore semaphore(0);
  EXPECT_FALSE(semaphore.acquire(soon()));
  threading::Condition condition;
  const std::scoped_lock guard(condition);
  EXPECT_FALSE(condition.wait(soon()));
  EXPECT_FALSE(condition.wait_for([] { return false; }, soon()));
  threading::Barrier barrier(2);
  EXPECT_THROW(barrier.wait(soon()), BrokenBarrierError);
  Lock lock;
  EXPECT_TRUE(lock.acquire(soon()));
  EXPECT_FALSE(lock.acquire(soon()));
  threading::RWLock shared;
  EXPECT_TRUE(shared.acquire_read(soon()));
  EXPECT_FALSE(shared.acquire_write(soon()));
  threading::Thread thread([&event] { event.wait(); });
  thread.start();
  EXPECT_FALSE(thread.join(std::chrono::system_clock::now()));
  event.set();
}

}  // namespace
}  // namespace muster::testing
