#include <gtest/gtest.h>
#include <muster/threading.hpp>

#include <chrono>
#include <mutex>
#include <optional>
#include <thread>

#include "tests/support/crowd.hpp"
#include "tests/support/leaks.hpp"

namespace muster::testing {
namespace {

using namespace std::chrono_literals;
using threading::RLock;

TEST(RLock, is_taken_again_by_its_holder_and_free_after_as_many_releases) {
  RLock lock;
  EXPECT_FALSE(lock.locked());
  EXPECT_FALSE(lock.owned());
  EXPECT_TRUE(lock.acquire());
  EXPECT_TRUE(lock.acquire(false));
  EXPECT_TRUE(lock.acquire(0s));
  EXPECT_TRUE(lock.owned());
  for (int left = 3; left > 0; --left) {
    EXPECT_FALSE(is_free_for_others(lock)) << left;
    EXPECT_TRUE(lock.locked());
    lock.release();
  }
  EXPECT_FALSE(lock.owned());
  EXPECT_TRUE(is_free_for_others(lock));
  static_assert(sizeof(RLock) == 8);
}

TEST(RLock, release_by_stranger_throws) {
  RLock lock;
  EXPECT_THROW(lock.release(), LockError);
  lock.acquire();
  std::thread([&] {
    EXPECT_TRUE(lock.locked());
    EXPECT_FALSE(lock.owned());
    EXPECT_THROW(lock.release(), LockError);
    EXPECT_FALSE(lock.acquire(1ms));
  }).join();
  EXPECT_TRUE(lock.owned());
  lock.release();
  EXPECT_THROW(lock.release(), LockError);
}

// What the thread keeps of a very deep lock does not count for the next one in its place.
TEST(RLock, that_was_destroyed_deep_in_leaves_nothing_behind) {
  constexpr int kDeep = 2000;
  std::optional<RLock> lock;
  lock.emplace();
  for (int depth = 0; depth < kDeep; ++depth) lock->acquire();
  lock.emplace();
  for (int depth = 0; depth < kDeep; ++depth) lock->acquire();
  for (int depth = 0; depth < kDeep; ++depth) lock->release();
  EXPECT_FALSE(lock->owned());
  EXPECT_THROW(lock->release(), LockError);
}

TEST(RLock, counts_deeper_than_any_stack) {
  constexpr int kDeep = 5000;
  RLock lock;
  RLock other;
  for (int depth = 0; depth < kDeep; ++depth) {
    lock.acquire();
    if (depth % 2 == 0) other.acquire();
  }
  for (int depth = 0; depth < kDeep; ++depth) {
    if (depth % 500 == 0) {
      EXPECT_FALSE(is_free_for_others(lock));
    }
    lock.release();
    if (depth % 2 == 0) other.release();
  }
  EXPECT_TRUE(is_free_for_others(lock));
  EXPECT_TRUE(is_free_for_others(other));
  EXPECT_THROW(lock.release(), LockError);
}

TEST(RLock, is_a_standard_lockable) {
  RLock a;
  RLock b;
  {
    const std::scoped_lock both(a, b);
    const std::unique_lock again(a, std::try_to_lock);
    EXPECT_TRUE(again.owns_lock());
    std::unique_lock later(b, std::defer_lock);
    EXPECT_TRUE(later.try_lock_for(1h));
    later.unlock();
    EXPECT_TRUE(later.try_lock_until(std::chrono::system_clock::now() + 1h));
  }
  EXPECT_FALSE(a.locked() || b.locked());
}

TEST(RLock, lets_one_in_at_a_time) {
  RLock lock;
  long count = 0;
  Crowd(4, [&](int number) {
    for (int i = 0; i < 5000; ++i) {
      const std::scoped_lock outer(lock);
      if (number % 2 == 0) {
        const std::scoped_lock inner(lock);
        ++count;
      } else {
        ++count;
      }
    }
  }).join();
  EXPECT_EQ(count, 20'000);
}

TEST(RLock, a_timeout_leaves_it_usable) {
  RLock lock;
  lock.acquire();
  std::thread([&] { EXPECT_FALSE(lock.acquire(10ms)); }).join();
  lock.release();
  std::thread([&] {
    EXPECT_TRUE(lock.acquire(1h));
    lock.release();
  }).join();
}

}  // namespace
}  // namespace muster::testing
