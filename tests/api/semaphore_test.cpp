#include <gtest/gtest.h>
#include <muster/threading.hpp>

#include <atomic>
#include <chrono>
#include <climits>
#include <memory>
#include <mutex>
#include <thread>

#include "tests/support/crowd.hpp"
#include "tests/support/leaks.hpp"

namespace muster::testing {
namespace {

using namespace std::chrono_literals;
using threading::BoundedSemaphore;
using threading::Semaphore;

template <class S>
class SemaphoreOf : public ::testing::Test {};
using Kinds = ::testing::Types<Semaphore, BoundedSemaphore>;
TYPED_TEST_SUITE(SemaphoreOf, Kinds, );

TYPED_TEST(SemaphoreOf, has_as_many_permits_as_it_was_given) {
  EXPECT_THROW(TypeParam(-1), ValueError);
  TypeParam one;
  EXPECT_TRUE(one.acquire(false));
  EXPECT_FALSE(one.acquire(false));
  TypeParam none(0);
  EXPECT_FALSE(none.acquire(false));
  EXPECT_FALSE(none.acquire(0s));
  EXPECT_FALSE(none.acquire(-1s));
  TypeParam three(3);
  EXPECT_TRUE(three.acquire() && three.acquire(1h) && three.acquire(false));
  EXPECT_FALSE(three.acquire(1ms));
  three.release(2);
  EXPECT_TRUE(three.acquire() && three.acquire());
  EXPECT_FALSE(three.acquire(false));
}

TYPED_TEST(SemaphoreOf, refuses_to_release_nothing) {
  TypeParam semaphore(2);
  semaphore.acquire();
  EXPECT_THROW(semaphore.release(0), ValueError);
  EXPECT_THROW(semaphore.release(-1), ValueError);
  EXPECT_TRUE(semaphore.acquire(false));
  EXPECT_FALSE(semaphore.acquire(false));
}

TYPED_TEST(SemaphoreOf, lets_so_many_in_at_a_time) {
  TypeParam semaphore(3);
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::atomic<int> refused{0};
  Crowd(8, [&](int number) {
    for (int i = 0; i < 2000; ++i) {
      if (number % 2 == 0) {
        semaphore.acquire();
      } else if (!semaphore.acquire(std::chrono::microseconds(i % 40))) {
        ++refused;
        continue;
      }
      const int now = ++inside;
      for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
      }
      if (i % 16 == 0) std::this_thread::yield();
      --inside;
      semaphore.release();
    }
  }).join();
  EXPECT_LE(most, 3);
  for (int permit = 0; permit < 3; ++permit) EXPECT_TRUE(semaphore.acquire(false));
  EXPECT_FALSE(semaphore.acquire(false));
}

TYPED_TEST(SemaphoreOf, wakes_as_many_as_there_are_permits) {
  TypeParam semaphore(4);
  for (int i = 0; i < 4; ++i) semaphore.acquire();
  std::atomic<int> got{0};
  Crowd crowd(4, [&](int) {
    semaphore.acquire();
    ++got;
  });
  semaphore.release();
  await([&] { return got == 1; });
  semaphore.release(3);
  crowd.join();
  EXPECT_EQ(got, 4);
  EXPECT_FALSE(semaphore.acquire(false));
}

TYPED_TEST(SemaphoreOf, may_be_destroyed_by_who_got_the_last_permit) {
  for (int round = 0; round < 300; ++round) {
    auto semaphore = std::make_unique<TypeParam>(1);
    semaphore->acquire();
    std::thread giver([&raw = *semaphore] { raw.release(); });
    semaphore->acquire();
    semaphore.reset();
    giver.join();
  }
}

TYPED_TEST(SemaphoreOf, holds_a_permit_for_a_scope) {
  TypeParam semaphore(1);
  {
    const std::scoped_lock permit(semaphore);
    EXPECT_FALSE(semaphore.acquire(false));
  }
  EXPECT_TRUE(semaphore.try_lock());
}

TEST(Semaphore, may_grow_until_its_counter_is_full) {
  Semaphore semaphore(0);
  semaphore.release(INT_MAX);
  EXPECT_THROW(semaphore.release(), LockError);
  EXPECT_TRUE(semaphore.acquire(false));
  semaphore.release();
  EXPECT_THROW(semaphore.release(2), LockError);
  static_assert(sizeof(Semaphore) == 4);
}

TEST(BoundedSemaphore, refuses_one_permit_too_many_and_gives_none_then) {
  BoundedSemaphore semaphore(2);
  EXPECT_THROW(semaphore.release(), LockError);
  semaphore.acquire();
  EXPECT_THROW(semaphore.release(2), LockError);
  EXPECT_TRUE(semaphore.acquire(false));
  EXPECT_FALSE(semaphore.acquire(false));
  semaphore.release(2);
  EXPECT_THROW(semaphore.release(), LockError);
}

}  // namespace
}  // namespace muster::testing
