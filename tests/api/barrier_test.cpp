#include <gtest/gtest.h>
#include <muster/threading.hpp>

#include <atomic>
#include <chrono>
#include <set>
#include <stdexcept>
#include <thread>

#include "tests/support/crowd.hpp"
#include "tests/support/leaks.hpp"

namespace muster::testing {
namespace {

using namespace std::chrono_literals;
using threading::Barrier;

TEST(Barrier, holds_all_until_the_last_has_come_again_and_again) {
  constexpr int kThreads = 5;
  constexpr int kRounds = 200;
  Barrier barrier(kThreads);
  EXPECT_EQ(barrier.parties(), kThreads);
  EXPECT_EQ(barrier.n_waiting(), 0);
  EXPECT_FALSE(barrier.broken());
  std::atomic<int> arrived{0};
  Crowd(kThreads, [&](int) {
    for (int round = 1; round <= kRounds; ++round) {
      ++arrived;
      barrier.wait();
      EXPECT_GE(arrived, round * kThreads);
    }
  }).join();
  EXPECT_EQ(arrived, kThreads * kRounds);
  EXPECT_EQ(barrier.n_waiting(), 0);
}

TEST(Barrier, numbers_those_that_come) {
  Barrier barrier(4);
  std::mutex lock;
  std::multiset<int> numbers;
  Crowd(4, [&](int) {
    for (int round = 0; round < 50; ++round) {
      const int number = barrier.wait();
      const std::scoped_lock guard(lock);
      numbers.insert(number);
    }
  }).join();
  for (int number = 0; number < 4; ++number) EXPECT_EQ(numbers.count(number), 50U);
}

TEST(Barrier, calls_its_action_once_a_round_before_anybody_goes_on) {
  std::atomic<int> actions{0};
  Barrier barrier(3, [&] { ++actions; });
  Crowd(3, [&](int) {
    for (int round = 1; round <= 100; ++round) {
      barrier.wait();
      EXPECT_GE(actions, round);
      barrier.wait();
    }
  }).join();
  EXPECT_EQ(actions, 200);
}

TEST(Barrier, an_action_that_throws_breaks_it) {
  Barrier barrier(3, [] { throw std::runtime_error("no"); });
  std::atomic<int> own{0};
  std::atomic<int> broken{0};
  Crowd(3, [&](int) {
    try {
      barrier.wait();
    } catch (const BrokenBarrierError&) {
      ++broken;
    } catch (const std::runtime_error&) {
      ++own;
    }
  }).join();
  EXPECT_EQ(own, 1);
  EXPECT_EQ(broken, 2);
  EXPECT_TRUE(barrier.broken());
  EXPECT_THROW(barrier.wait(), BrokenBarrierError);
}

TEST(Barrier, is_broken_by_abort_until_it_is_reset) {
  Barrier barrier(3);
  std::atomic<int> broken{0};
  Crowd crowd(2, [&](int) {
    try {
      barrier.wait();
    } catch (const BrokenBarrierError&) {
      ++broken;
    }
  });
  await([&] { return barrier.n_waiting() == 2; });
  barrier.abort();
  crowd.join();
  EXPECT_EQ(broken, 2);
  EXPECT_TRUE(barrier.broken());
  EXPECT_THROW(barrier.wait(), BrokenBarrierError);
  barrier.reset();
  EXPECT_FALSE(barrier.broken());
  Crowd(3, [&](int) { barrier.wait(); }).join();
}

TEST(Barrier, reset_sends_those_away_that_wait) {
  Barrier barrier(3);
  std::atomic<int> sent{0};
  Crowd crowd(2, [&](int) {
    try {
      barrier.wait();
    } catch (const BrokenBarrierError&) {
      ++sent;
    }
    barrier.wait();
  });
  await([&] { return barrier.n_waiting() == 2; });
  barrier.reset();
  await([&] { return sent == 2; });
  EXPECT_FALSE(barrier.broken());
  barrier.wait();
  crowd.join();
}

TEST(Barrier, a_timeout_breaks_it_for_all) {
  Barrier barrier(3, {}, 1h);
  std::atomic<int> broken{0};
  Crowd(2, [&](int number) {
    try {
      number == 0 ? barrier.wait() : barrier.wait(10ms);
    } catch (const BrokenBarrierError&) {
      ++broken;
    }
  }).join();
  EXPECT_EQ(broken, 2);
  Barrier impatient(2, {}, 5ms);
  EXPECT_THROW(impatient.wait(), BrokenBarrierError);
  EXPECT_TRUE(impatient.broken());
}

TEST(Barrier, who_comes_after_a_timeout_is_refused_too) {
  constexpr int kThreads = 5;
  for (const Duration limit : {Duration(), Duration(1h)}) {  // wait's own time, or that of the barrier
    Barrier barrier(kThreads, {}, limit.limited() ? Duration(20ms) : Duration(1h));
    Barrier all_are_here(kThreads);
    std::atomic<int> refused{0};
    Crowd(kThreads, [&](int number) {
      all_are_here.wait();
      if (number == 2) await([&] { return refused == kThreads - 1; });
      try {
        limit.limited() ? barrier.wait() : barrier.wait(20ms);
      } catch (const BrokenBarrierError&) {
        ++refused;
      }
    }).join();
    EXPECT_EQ(refused, kThreads);
  }
}

TEST(Barrier, the_same_threads_meet_again_after_abort_and_reset) {
  constexpr int kThreads = 5;
  Barrier barrier(kThreads);
  Barrier other(kThreads);
  std::atomic<int> passed{0};
  std::atomic<int> refused{0};
  std::atomic<int> met{0};
  Crowd(kThreads, [&](int) {
    try {
      if (barrier.wait() == kThreads / 2) {
        barrier.abort();
      } else {
        barrier.wait();
        ++passed;
      }
    } catch (const BrokenBarrierError&) {
      ++refused;
    }
    // All have left it when one resets it, and nobody comes before that.
    if (other.wait() == kThreads / 2) barrier.reset();
    other.wait();
    barrier.wait();
    ++met;
  }).join();
  EXPECT_EQ(passed, 0);
  EXPECT_EQ(refused, kThreads - 1);
  EXPECT_EQ(met, kThreads);
}

TEST(Barrier, for_one_holds_nobody_and_for_none_makes_no_sense) {
  int actions = 0;
  Barrier barrier(1, [&] { ++actions; });
  EXPECT_EQ(barrier.wait(), 0);
  EXPECT_EQ(barrier.wait(), 0);
  EXPECT_EQ(actions, 2);
  EXPECT_THROW(Barrier(0), ValueError);
  EXPECT_THROW(Barrier(-3), ValueError);
}

}  // namespace
}  // namespace muster::testing
