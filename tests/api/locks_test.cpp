// What Lock, RLock and a Condition, which is its lock, have in common: CPython's BaseLockTests. Then what those have in
// common that their holder may take again (RLockTests), and those that belong to nobody (LockTests).

#include <gtest/gtest.h>
#include <muster/error.hpp>
#include <muster/threading.hpp>

#include <atomic>
#include <chrono>
#include <limits>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>

#include "tests/support/crowd.hpp"
#include "tests/support/leaks.hpp"
#include "tests/support/who_waits.hpp"

namespace muster::testing {
namespace {

using namespace std::chrono_literals;
using threading::Condition;
using threading::Lock;
using threading::RLock;

struct HasLock {
  Lock its_lock;
};
class ConditionOfLock : private HasLock, public Condition {
 public:
  ConditionOfLock() : Condition(its_lock) {}
};

struct Names {
  template <class L>
  static std::string GetName(int /*number*/) {  // NOLINT(readability-identifier-naming): gtest's word
    if (std::is_same_v<L, Lock>) return "Lock";
    if (std::is_same_v<L, RLock>) return "RLock";
    return std::is_same_v<L, Condition> ? "Condition" : "ConditionOfLock";
  }
};

// ---- all ----

template <class L>
class AnyLock : public ::testing::Test {};
using All = ::testing::Types<Lock, RLock, Condition, ConditionOfLock>;
TYPED_TEST_SUITE(AnyLock, All, Names);

TYPED_TEST(AnyLock, is_not_to_be_had_by_others_while_somebody_has_it) {
  TypeParam lock;
  for (int round = 0; round < 3; ++round) {
    EXPECT_TRUE(lock.acquire(false));
    EXPECT_FALSE(is_free_for_others(lock));
    lock.release();
    EXPECT_TRUE(is_free_for_others(lock));
  }
}

TYPED_TEST(AnyLock, all_who_wait_for_it_get_it_one_after_the_other) {
  constexpr int kThreads = 5;
  TypeParam lock;
  lock.acquire();
  int count = 0;
  Crowd crowd(kThreads, [&](int) {
    EXPECT_TRUE(lock.acquire());
    ++count;
    lock.release();
  });
  await_waiting(kThreads);
  EXPECT_EQ(count, 0);
  lock.release();
  crowd.join();
  EXPECT_EQ(count, kThreads);
  EXPECT_TRUE(is_free_for_others(lock));
}

TYPED_TEST(AnyLock, is_free_after_its_scope_however_that_is_left) {
  TypeParam lock;
  const auto in_a_scope = [&](bool fails) {
    const std::scoped_lock guard(lock);
    EXPECT_FALSE(is_free_for_others(lock));
    if (fails) throw std::runtime_error("on purpose");
  };
  in_a_scope(false);
  EXPECT_TRUE(is_free_for_others(lock));
  EXPECT_THROW(in_a_scope(true), std::runtime_error);
  EXPECT_TRUE(is_free_for_others(lock));
}

TYPED_TEST(AnyLock, may_be_destroyed_while_it_is_held_and_a_new_one_in_its_place_is_free) {
  std::optional<TypeParam> lock;
  for (int round = 0; round < 10; ++round) {
    lock.emplace();
    EXPECT_TRUE(is_free_for_others(*lock));
    EXPECT_TRUE(lock->acquire());
  }
}

TYPED_TEST(AnyLock, does_not_make_strangers_known_that_use_it) {
  constexpr int kThreads = 15;
  TypeParam lock;
  lock.acquire();
  Crowd crowd(kThreads, [&](int) { const std::scoped_lock guard(lock); });
  await_waiting(kThreads);
  EXPECT_EQ(threading::active_count(), 1U);
  lock.release();
  crowd.join();
  EXPECT_EQ(threading::active_count(), 1U);
}

TYPED_TEST(AnyLock, takes_any_time_for_a_limit) {
  using Seconds = std::chrono::duration<double>;
  TypeParam lock;
  for (const Duration limit : {Duration(std::chrono::hours::max()), Duration(Seconds(1e100)),
                               Duration(std::chrono::nanoseconds::max()), Duration(-100s), Duration()}) {
    EXPECT_TRUE(lock.acquire(limit)) << "it is free";
    if (limit.limited() && limit.nanoseconds() == 0ns) {
      std::thread([&] { EXPECT_FALSE(lock.acquire(limit)); }).join();
    } else {
      std::thread waiter([&] {
        EXPECT_TRUE(lock.acquire(limit));
        lock.release();
      });
      await_waiting(1);
      lock.release();
      waiter.join();
      lock.acquire();
    }
    lock.release();
  }
  EXPECT_THROW(lock.acquire(Seconds(std::numeric_limits<double>::quiet_NaN())), ValueError);
  EXPECT_TRUE(is_free_for_others(lock));
}

TYPED_TEST(AnyLock, is_as_before_after_waits_that_were_given_up) {
  TypeParam lock;
  lock.acquire();
  Crowd(3, [&](int) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_FALSE(lock.acquire(20ms));
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 20ms);
  }).join();
  EXPECT_FALSE(is_free_for_others(lock));
  lock.release();
  EXPECT_TRUE(is_free_for_others(lock));
  EXPECT_TRUE(lock.acquire(20ms));
  lock.release();
}

// ---- those that the holder may take again ----

template <class L>
class RecursiveLock : public ::testing::Test {};
using Recursive = ::testing::Types<RLock, Condition>;
TYPED_TEST_SUITE(RecursiveLock, Recursive, Names);

TYPED_TEST(RecursiveLock, is_released_as_often_as_it_was_taken_and_no_more) {
  TypeParam lock;
  EXPECT_THROW(lock.release(), LockError);
  lock.acquire();
  lock.acquire();
  lock.release();
  EXPECT_FALSE(is_free_for_others(lock));
  lock.acquire();
  lock.release();
  EXPECT_FALSE(is_free_for_others(lock));
  lock.release();
  EXPECT_TRUE(is_free_for_others(lock));
  EXPECT_THROW(lock.release(), LockError);
  EXPECT_TRUE(is_free_for_others(lock));
}

TYPED_TEST(RecursiveLock, release_by_stranger_throws_while_the_holder_runs_and_when_it_has_ended) {
  TypeParam lock;
  threading::Event held;
  threading::Event go;
  std::thread holder([&] {
    lock.acquire();
    held.set();
    go.wait();
  });
  held.wait();
  EXPECT_THROW(lock.release(), LockError);
  EXPECT_FALSE(lock.acquire(false));
  go.set();
  holder.join();
  EXPECT_THROW(lock.release(), LockError);
  EXPECT_FALSE(lock.acquire(false)) << "nobody has released it";
}

// ---- those that belong to nobody ----

template <class L>
class NobodysLock : public ::testing::Test {};
using Nobodys = ::testing::Types<Lock, ConditionOfLock>;
TYPED_TEST_SUITE(NobodysLock, Nobodys, Names);

TYPED_TEST(NobodysLock, is_had_again_by_who_has_it_only_when_another_releases_it) {
  TypeParam lock;
  std::atomic<int> phase{0};
  std::thread taker([&] {
    lock.acquire();
    phase = 1;
    EXPECT_TRUE(lock.acquire(1h));  // without a limit, it would be refused where deadlocks are checked
    phase = 2;
  });
  await_waiting(1);
  EXPECT_EQ(phase, 1);
  lock.release();
  taker.join();
  EXPECT_EQ(phase, 2);
}

TYPED_TEST(NobodysLock, may_be_released_by_another_thread) {
  TypeParam lock;
  lock.acquire();
  std::thread([&] { lock.release(); }).join();
  EXPECT_TRUE(lock.acquire());
  lock.release();
  EXPECT_THROW(lock.release(), LockError);
}

}  // namespace
}  // namespace muster::testing
