#include <gtest/gtest.h>
#include <muster/threading.hpp>

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/support/crowd.hpp"
#include "tests/support/leaks.hpp"
#include "tests/support/who_waits.hpp"

namespace muster::testing {
namespace {

using namespace std::chrono_literals;
using threading::Condition;
using threading::Lock;
using threading::RLock;

// All three kinds: with a lock of its own, with a Lock, with an RLock.
template <class Test>
void with_each_kind(const Test& test) {
  {
    Condition own;
    test(own);
  }
  Lock lock;
  Condition of_lock(lock);
  test(of_lock);
  RLock rlock;
  Condition of_rlock(rlock);
  test(of_rlock);
}

TEST(Condition, is_its_lock) {
  Lock lock;
  Condition condition(lock);
  EXPECT_TRUE(condition.acquire());
  EXPECT_TRUE(lock.locked());
  EXPECT_FALSE(condition.acquire(false));
  EXPECT_FALSE(condition.acquire(1ms));
  condition.release();
  EXPECT_FALSE(lock.locked());
  {
    std::unique_lock hold(condition);
    EXPECT_FALSE(lock.acquire(false));
  }
  lock.acquire();
  EXPECT_FALSE(condition.acquire(false));
  lock.release();
  std::unique_lock later(condition, std::defer_lock);
  EXPECT_TRUE(later.try_lock_for(1h));
}

TEST(Condition, without_the_lock_nothing_is_to_be_had) {
  with_each_kind([](Condition& condition) {
    EXPECT_THROW(condition.wait(), LockError);
    EXPECT_THROW(condition.wait(1ms), LockError);
    EXPECT_THROW(condition.notify(), LockError);
    EXPECT_THROW(condition.notify_all(), LockError);
    EXPECT_THROW(condition.release(), LockError);
    const std::scoped_lock hold(condition);
    EXPECT_THROW(condition.notify(-1), ValueError);
    condition.notify(0);
    condition.notify(5);
    EXPECT_FALSE(condition.wait(1ms)) << "a notify before the wait is for nobody";
  });
}

// As many go on as were notified, those first that have waited longest.
TEST(Condition, notify_wakes_so_many_in_their_order) {
  with_each_kind([](Condition& condition) {
    std::vector<int> order;
    int waiting = 0;
    std::vector<std::thread> threads;
    for (int number = 0; number < 6; ++number) {
      threads.emplace_back([&, number] {
        const std::scoped_lock hold(condition);
        ++waiting;
        EXPECT_TRUE(condition.wait());
        order.push_back(number);
      });
      await([&] {
        const std::scoped_lock hold(condition);
        return waiting == number + 1;
      });
    }
    std::size_t woken = 0;
    for (const int more : {1, 2, 0, 3}) {
      {
        const std::scoped_lock hold(condition);
        condition.notify(more);
      }
      woken += static_cast<std::size_t>(more);
      await([&] {
        const std::scoped_lock hold(condition);
        return order.size() == woken;
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(order[0], 0) << "it has waited longest";
    EXPECT_EQ(order.size(), 6U);
  });
}

// CPython's test_notify.
TEST(Condition, notify_counts_those_that_wait_again_like_those_that_still_do) {
  with_each_kind([](Condition& condition) {
    for (int round = 0; round < 2; ++round) {
      int phase = 0;
      std::multiset<int> first;
      std::multiset<int> second;
      Crowd crowd(5, [&](int) {
        for (std::multiset<int>* const phases : {&first, &second}) {
          const std::scoped_lock hold(condition);
          EXPECT_TRUE(condition.wait());
          phases->insert(phase);
        }
      });
      const auto notify = [&](int waiting, const std::function<void()>& call) {
        await_waiting(waiting, "Condition");
        const std::scoped_lock hold(condition);
        ++phase;
        call();
      };
      notify(5, [&] { condition.notify(3); });
      await([&] {
        const std::scoped_lock hold(condition);
        return first.size() == 3;
      });
      notify(5, [&] { condition.notify(5); });
      await([&] {
        const std::scoped_lock hold(condition);
        return first.size() + second.size() == 8;
      });
      notify(2, [&] { condition.notify_all(); });
      crowd.join();
      EXPECT_EQ(first, (std::multiset<int>{1, 1, 1, 2, 2}));
      EXPECT_EQ(second, (std::multiset<int>{2, 2, 2, 3, 3}));
    }
  });
}

TEST(Condition, all_give_up_after_their_time_when_nobody_notifies) {
  with_each_kind([](Condition& condition) {
    Crowd(5, [&](int) {
      const std::scoped_lock hold(condition);
      const auto begin = std::chrono::steady_clock::now();
      EXPECT_FALSE(condition.wait(20ms));
      EXPECT_GE(std::chrono::steady_clock::now() - begin, 20ms);
    }).join();
  });
}

TEST(Condition, notify_all_wakes_all_that_wait_and_nobody_later) {
  with_each_kind([](Condition& condition) {
    std::atomic<int> waiting{0};
    Crowd crowd(5, [&](int) {
      const std::scoped_lock hold(condition);
      ++waiting;
      EXPECT_TRUE(condition.wait(1h));
    });
    await([&] { return waiting == 5; });
    {
      const std::scoped_lock hold(condition);
      condition.notify_all();
      EXPECT_FALSE(condition.wait(1ms));
    }
    crowd.join();
  });
}

TEST(Condition, wait_gives_an_rlock_up_to_its_full_depth_and_takes_it_back_as_deep) {
  for (const int depth : {1, 3, 3000}) {
    Condition condition;
    bool go = false;
    std::thread other([&] {
      const std::scoped_lock hold(condition);
      EXPECT_TRUE(condition.wait_for([&] { return go; }));
      go = false;
      condition.notify();
    });
    for (int i = 0; i < depth; ++i) condition.acquire();
    go = true;
    condition.notify();
    EXPECT_TRUE(condition.wait_for([&] { return !go; }, 1h));
    for (int i = 0; i < depth; ++i) condition.release();
    EXPECT_THROW(condition.release(), LockError);
    other.join();
  }
}

TEST(Condition, wait_for_tells_whether_it_held) {
  Condition condition;
  const std::scoped_lock hold(condition);
  EXPECT_TRUE(condition.wait_for([] { return true; }, 0s));
  EXPECT_FALSE(condition.wait_for([] { return false; }, 0s));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(condition.wait_for([] { return false; }, 20ms));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 20ms);
  EXPECT_THROW(condition.wait_for([]() -> bool { throw std::runtime_error("no"); }), std::runtime_error);
  EXPECT_FALSE(condition.wait(0s)) << "the lock is still held";
}

TEST(Condition, wait_for_asks_once_after_each_notify) {
  with_each_kind([](Condition& condition) {
    int state = 0;
    int asked = 0;
    std::thread waiter([&] {
      const std::scoped_lock hold(condition);
      EXPECT_TRUE(condition.wait_for([&] {
        ++asked;
        return state == 4;
      }));
      EXPECT_EQ(state, 4);
    });
    for (int notified = 0; notified < 4; ++notified) {
      await([&] {
        const std::scoped_lock hold(condition);
        return asked == notified + 1;
      });
      const std::scoped_lock hold(condition);
      ++state;
      condition.notify();
    }
    waiter.join();
    EXPECT_EQ(asked, 5);
  });
}

// A limit that began anew with each wait would never be reached.
TEST(Condition, wait_for_has_one_limit_for_all_its_waits) {
  with_each_kind([](Condition& condition) {
    std::atomic<bool> over{false};
    std::thread waiter([&] {
      const std::scoped_lock hold(condition);
      const auto begin = std::chrono::steady_clock::now();
      EXPECT_FALSE(condition.wait_for([] { return false; }, 20ms));
      EXPECT_GE(std::chrono::steady_clock::now() - begin, 20ms);
      over = true;
    });
    while (!over) {
      const std::scoped_lock hold(condition);
      condition.notify();
    }
    waiter.join();
  });
}

// Each notify counts, whatever times out beside it: a queue loses nothing.
TEST(Condition, no_notify_goes_to_who_has_given_up) {
  for (int round = 0; round < 20; ++round) {
    Lock lock;
    Condition filled(lock);
    std::deque<int> queue;
    constexpr int kItems = 400;
    std::atomic<int> taken{0};
    Crowd takers(3, [&](int number) {
      while (taken < kItems) {
        const std::scoped_lock hold(lock);
        const bool got = number == 0 ? filled.wait_for([&] { return !queue.empty() || taken >= kItems; })
                                     : filled.wait_for([&] { return !queue.empty(); }, std::chrono::microseconds(50));
        if (!got || queue.empty()) continue;
        queue.pop_front();
        if (++taken == kItems) filled.notify_all();
      }
    });
    for (int item = 0; item < kItems; ++item) {
      const std::scoped_lock hold(lock);
      queue.push_back(item);
      filled.notify();
    }
    takers.join();
    EXPECT_EQ(taken, kItems);
  }
}

}  // namespace
}  // namespace muster::testing
