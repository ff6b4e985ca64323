#include "parts/sync/doze.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "os/testing.hpp"
#include "parts/sync/spin_budget.hpp"

namespace muster::sync {
namespace {

// Something that is done again and again, as Doze wants it.
class Done {
 public:
  void next() noexcept { count_.fetch_add(1, std::memory_order_seq_cst); }
  bool reached(int count) const noexcept { return count_.load(std::memory_order_seq_cst) >= count; }

 private:
  std::atomic<int> count_{0};
};

TEST(Doze, does_not_sleep_over_what_is_there) {
  Doze doze;
  doze.sleep_until([] { return true; });
  doze.wait_until([] { return true; });
  EXPECT_FALSE(doze.wake()) << "nobody sleeps any more";
}

TEST(Doze, waker_is_told_whether_it_woke_anybody) {
  Doze doze;
  Done done;
  EXPECT_FALSE(doze.wake());
  std::atomic<bool> looked{false};
  std::thread sleeper([&] {
    doze.sleep_until([&] {
      const bool ready = done.reached(1);
      looked = true;
      return ready;
    });
  });
  while (!looked) os::yield();
  done.next();
  EXPECT_TRUE(doze.wake()) << "it had said that it sleeps before it looked";
  sleeper.join();
  EXPECT_FALSE(doze.wake());
}

TEST(Doze, wake_up_for_nothing_is_slept_through) {
  Doze doze;
  Done done;
  std::atomic<int> looks{0};
  std::thread sleeper([&] {
    doze.sleep_until([&] {
      ++looks;
      return done.reached(1);
    });
  });
  for (int seen = 0; seen < 3; ++seen) {
    while (looks <= seen) os::yield();
    EXPECT_TRUE(doze.wake());
  }
  done.next();
  doze.wake();
  sleeper.join();
  EXPECT_GE(looks, 4);
}

TEST(Doze, no_wake_up_is_lost_between_look_and_sleep) {
  constexpr int kRounds = 20'000;
  Doze doze;
  Done done;
  Done taken;
  std::thread sleeper([&] {
    for (int round = 1; round <= kRounds; ++round) {
      doze.sleep_until([&] { return done.reached(round); });
      taken.next();
    }
  });
  for (int round = 1; round <= kRounds; ++round) {
    for (int spin = round % 100; spin > 0; --spin) os::relax();
    done.next();
    doze.wake();
    while (!taken.reached(round)) os::yield();
  }
  sleeper.join();
}

TEST(SpinBudget, who_is_woken_soon_spins_long_enough_next_time) {
  SpinBudget budget;
  EXPECT_EQ(budget.nanos(), kSpin);
  budget.learn(60'000, 50'000);
  EXPECT_EQ(budget.nanos(), 100'000);
  budget.learn(30'000, 50'000);
  EXPECT_EQ(budget.nanos(), 60'000);
  budget.learn(1'000, 50'000);
  EXPECT_EQ(budget.nanos(), kSpin) << "never less";
}

TEST(SpinBudget, where_a_wake_up_costs_little_nobody_spins_for_long) {
  SpinBudget budget;
  budget.learn(60'000, 3'000);
  EXPECT_EQ(budget.nanos(), kSpin);
  budget.learn(8'000, 8'000);
  EXPECT_EQ(budget.nanos(), 16'000);
}

TEST(SpinBudget, who_sleeps_long_does_not_spin_for_it) {
  SpinBudget budget;
  budget.learn(100'000, 50'000);
  EXPECT_EQ(budget.nanos(), kSpin);
  budget.learn(3'600'000'000'000, 3'600'000'000'000);
  EXPECT_EQ(budget.nanos(), kSpin);
  budget.learn(SpinBudget::kMost - 1, 3'600'000'000'000);
  EXPECT_EQ(budget.nanos(), SpinBudget::kMost) << "and never more than this";
}

}  // namespace
}  // namespace muster::sync
