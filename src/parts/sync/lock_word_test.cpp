#include <muster/detail/lock_word.hpp>

#include <gtest/gtest.h>

#include <pthread.h>

#include <atomic>
#include <bit>
#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "os/process.hpp"
#include "os/testing.hpp"

namespace muster::detail {
namespace {

constexpr Nanos kMillisecond = 1'000'000;

template <class Lock>
class LockWordTest : public ::testing::Test {};
struct Scopes {
  template <class Lock>
  static std::string GetName(int /*number*/) {  // NOLINT(readability-identifier-naming): gtest's word
    return Lock::kScope == Scope::kPrivate ? "in_one_process" : "between_processes";
  }
};
using Locks = ::testing::Types<PrivateLock, SharedLock>;
TYPED_TEST_SUITE(LockWordTest, Locks, Scopes);

// The half of the word that sleepers compare.
template <class Lock>
const std::atomic<std::uint32_t>& futex_of(const Lock& lock) {
  constexpr bool kLast = std::endian::native == std::endian::big && sizeof(Lock) == 8;
  return reinterpret_cast<const std::atomic<std::uint32_t>*>(&lock)[kLast ? 1 : 0];
}
template <class Lock>
constexpr os::Scope scope_of() {
  return Lock::kScope == Scope::kPrivate ? os::Scope::kPrivate : os::Scope::kShared;
}

TYPED_TEST(LockWordTest, is_held_by_one_at_a_time) {
  TypeParam lock;
  EXPECT_FALSE(lock.locked());
  EXPECT_TRUE(lock.try_lock());
  EXPECT_TRUE(lock.locked());
  EXPECT_FALSE(lock.try_lock());
  EXPECT_TRUE(lock.unlock());
  EXPECT_FALSE(lock.locked());
  EXPECT_TRUE(lock.try_lock());
}

TYPED_TEST(LockWordTest, unlock_while_free_says_so_and_leaves_it_free) {
  TypeParam lock;
  EXPECT_FALSE(lock.unlock());
  EXPECT_FALSE(lock.locked());
  EXPECT_TRUE(lock.try_lock());
}

TYPED_TEST(LockWordTest, waits_no_longer_than_its_deadline) {
  TypeParam lock;
  EXPECT_TRUE(lock.lock_until(0).taken);
  EXPECT_FALSE(lock.lock_until(0).taken);
  const Nanos deadline = now() + 2 * kMillisecond;
  EXPECT_FALSE(lock.lock_until(deadline).taken);
  EXPECT_GE(now(), deadline);
  EXPECT_TRUE(lock.unlock());
  EXPECT_TRUE(lock.lock_until(0).taken);
}

TYPED_TEST(LockWordTest, excludes_threads_from_each_other) {
  TypeParam lock;
  int count = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int round = 0; round < 10'000; ++round) {
        lock.lock();
        ++count;
        EXPECT_TRUE(lock.unlock());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, 40'000);
  EXPECT_FALSE(lock.locked());
}

// Those who give up must not take others' wake-ups with them.
TYPED_TEST(LockWordTest, strands_nobody_when_others_give_up) {
  TypeParam lock;
  int count = 0;
  int impatient = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < 2000; ++round) {
        if (t % 2 == 0) {
          lock.lock();
        } else if (!lock.lock_until(now() + (round % 50) * 1000)) {
          continue;
        }
        ++(t % 2 == 0 ? count : impatient);
        if (round % 16 == 0) os::yield();
        lock.unlock();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, 4000);
  EXPECT_LE(impatient, 4000);
  EXPECT_FALSE(lock.locked());
}

TEST(LockGuard, holds_the_lock_for_its_scope) {
  PrivateLock lock;
  {
    const LockGuard guard(lock);
    EXPECT_TRUE(lock.locked());
  }
  EXPECT_FALSE(lock.locked());
}

// What the kernel calls fair, asked of the lock: a thread that wants it among others that never leave it alone gets it.
TYPED_TEST(LockWordTest, is_not_kept_from_anybody_by_others_that_come_and_go) {
  TypeParam lock;
  std::atomic<bool> over{false};
  std::vector<std::thread> greedy;
  for (int t = 0; t < 3; ++t) {
    greedy.emplace_back([&] {
      while (!over) {
        lock.lock();
        for (int work = 0; work < 1000; ++work) os::relax();
        lock.unlock();
      }
    });
  }
  for (int turn = 0; turn < 20; ++turn) {
    lock.lock();
    lock.unlock();
  }
  over = true;
  for (std::thread& thread : greedy) thread.join();
  EXPECT_TRUE(lock.try_lock());
}

TYPED_TEST(LockWordTest, wakes_a_sleeper) {
  TypeParam lock;
  lock.lock();
  bool written = false;
  std::thread sleeper([&] {
    lock.lock();
    EXPECT_TRUE(written);
    lock.unlock();
  });
  os::testing::await_sleepers(futex_of(lock), 1, scope_of<TypeParam>());
  EXPECT_TRUE(lock.locked());
  written = true;
  EXPECT_TRUE(lock.unlock());
  sleeper.join();
  EXPECT_FALSE(lock.locked());
}

// The marks that say together: kept for those that wait.
template <class Lock>
bool is_kept(const Lock& lock) {
  constexpr std::uint32_t kPasses = Lock::kScope == Scope::kPrivate ? 0xfffe0000 : 0xfc000000;
  return (futex_of(lock).load() & kPasses) == kPasses;
}

// Nobody else gets the lock then: not by try_lock either.
TYPED_TEST(LockWordTest, is_kept_for_who_waits_too_long) {
  TypeParam lock;
  lock.lock();
  std::atomic<bool> has{false};
  std::atomic<bool> go{false};
  std::thread sleeper([&] {
    lock.lock();
    has = true;
    while (!go) os::yield();
    lock.unlock();
  });
  const std::atomic<std::uint32_t>& word = futex_of(lock);
  // Woken in vain it finds out, in the end, that it has waited for a millisecond.
  while (!is_kept(lock)) {
    os::futex_wake(word, 1, scope_of<TypeParam>());
    os::yield();
  }
  os::testing::await_sleepers(word, 1, scope_of<TypeParam>());
  lock.unlock();
  EXPECT_FALSE(lock.try_lock());
  EXPECT_TRUE(lock.locked());
  while (!has) os::yield();
  go = true;
  sleeper.join();
  EXPECT_TRUE(lock.try_lock());
}

// How often the lock can be taken while somebody waits that does not come. No more than kMany.
constexpr long kMostPasses = 32'767;
constexpr long kMany = 4 * kMostPasses;
template <class Lock>
long takes_past_the_waiting(Lock& lock) {
  long times = 0;
  for (; times < kMany && lock.try_lock(); ++times) lock.unlock();
  return times;
}

// In a copy of the process nobody comes who was counted in the original.
TYPED_TEST(LockWordTest, in_a_forked_copy_is_not_kept_for_those_that_stayed_behind) {
  auto lock = std::make_unique<TypeParam>();
  lock->lock();
  std::thread sleeper([&] {
    lock->lock();
    lock->unlock();
  });
  os::testing::await_sleepers(futex_of(*lock), 1, scope_of<TypeParam>());
  const os::End end = os::testing::end_of_copy([&] {
    // Between processes it is the original that has it.
    if (TypeParam::kScope == Scope::kShared) return lock->lock_until(now() + 100 * kMillisecond).taken ? 1 : 0;
    if (!lock->unlock()) return 2;
    if (takes_past_the_waiting(*lock) != kMostPasses) return 3;
    if (!is_kept(*lock)) return 4;
    lock->lock();
    if (!lock->unlock()) return 5;
    return takes_past_the_waiting(*lock) == kMany ? 0 : 6;
  });
  EXPECT_EQ(end.code, 0);
  EXPECT_EQ(end.signal, 0);
  lock->unlock();
  sleeper.join();
}

#ifndef __SANITIZE_THREAD__
std::atomic<bool> g_held_up{false};
std::atomic<bool> g_go_on{false};
extern "C" void hold_up(int /*signal*/) {
  g_held_up = true;
  while (!g_go_on) os::yield();
}

// Whatever keeps a thread from its CPU: here a handler of a signal.
TYPED_TEST(LockWordTest, is_not_taken_without_end_past_one_that_gets_no_cpu) {
  struct sigaction old = {};
  struct sigaction action = {};
  action.sa_handler = &hold_up;
  ASSERT_EQ(sigaction(SIGUSR1, &action, &old), 0);
  g_held_up = g_go_on = false;
  TypeParam lock;
  lock.lock();
  bool has = false;
  std::thread waiter([&] {
    lock.lock();
    has = true;
    lock.unlock();
  });
  os::testing::await_sleepers(futex_of(lock), 1, scope_of<TypeParam>());
  pthread_kill(waiter.native_handle(), SIGUSR1);
  while (!g_held_up) os::yield();
  lock.unlock();
  const long times = takes_past_the_waiting(lock);
  if (TypeParam::kScope == Scope::kPrivate) {
    EXPECT_EQ(times, kMostPasses);
  } else {
    EXPECT_NEAR(static_cast<double>(times), kMostPasses, 0.75 * kMostPasses);  // one in 512 is counted, at random
  }
  EXPECT_TRUE(is_kept(lock));
  g_go_on = true;
  lock.lock();
  EXPECT_TRUE(has);
  lock.unlock();
  waiter.join();
  sigaction(SIGUSR1, &old, nullptr);
}
#endif

}  // namespace
}  // namespace muster::detail
