#include <muster/detail/lock_word.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <bit>
#include <string>
#include <thread>
#include <vector>

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

// Once it starves nobody else gets the lock: not by try_lock either.
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
  constexpr std::uint32_t kStarving = kFirstFreeBit * 2;
  // Woken in vain it finds out, in the end, that it has waited for a millisecond.
  while ((word & kStarving) == 0) {
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

}  // namespace
}  // namespace muster::detail
