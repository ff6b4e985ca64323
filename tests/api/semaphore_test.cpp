#include <gtest/gtest.h>
#include <muster/threading.hpp>

#include <atomic>
#include <chrono>
#include <climits>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "tests/support/crowd.hpp"
#include "tests/support/leaks.hpp"
#include "tests/support/who_waits.hpp"

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
  EXPECT_THROW(TypeParam(INT_MIN), ValueError);
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

// Only the first of the releases finds the mark of the sleepers.
TYPED_TEST(SemaphoreOf, wakes_one_for_each_of_several_releases_in_a_row) {
  constexpr int kThreads = 4;
  for (int round = 0; round < 50; ++round) {
    TypeParam semaphore(kThreads);
    for (int permit = 0; permit < kThreads; ++permit) semaphore.acquire();
    Crowd crowd(kThreads, [&](int) { semaphore.acquire(); });
    await_waiting(kThreads);
    for (int permit = 0; permit < kThreads; ++permit) semaphore.release();
    crowd.join();
    ASSERT_FALSE(semaphore.acquire(false));
  }
}

// CPython's test_acquire_contended and test_multirelease.
TYPED_TEST(SemaphoreOf, lets_as_many_in_as_were_released_at_once_or_one_by_one) {
  for (const bool at_once : {false, true}) {
    TypeParam semaphore(7);
    semaphore.acquire();
    std::atomic<int> got{0};
    Crowd crowd(10, [&](int) {
      for (int time = 0; time < 2; ++time) {
        EXPECT_TRUE(semaphore.acquire());
        ++got;
      }
    });
    int permits = 6;
    for (const int more : {7, 6, 1}) {
      await([&] { return got >= permits; });
      EXPECT_FALSE(semaphore.acquire(false));
      EXPECT_EQ(got, permits);
      permits += more;
      if (at_once) {
        semaphore.release(more);
      } else {
        for (int i = 0; i < more; ++i) semaphore.release();
      }
    }
    crowd.join();
    EXPECT_EQ(got, 20);
  }
}

TYPED_TEST(SemaphoreOf, gives_no_permit_to_two_that_do_not_wait) {
  TypeParam semaphore(4);
  semaphore.acquire();
  std::atomic<int> got{0};
  Crowd(5, [&](int) {
    for (int time = 0; time < 2; ++time) got += semaphore.acquire(false) ? 1 : 0;
  }).join();
  EXPECT_EQ(got, 3);
}

TYPED_TEST(SemaphoreOf, has_one_permit_at_first_and_the_next_thread_waits) {
  TypeParam semaphore;
  semaphore.acquire();
  std::atomic<bool> over{false};
  std::thread next([&] {
    semaphore.acquire();
    semaphore.release();
    over = true;
  });
  await_waiting(1);
  EXPECT_FALSE(over);
  semaphore.release();
  next.join();
  EXPECT_TRUE(semaphore.acquire(false));
}

TYPED_TEST(SemaphoreOf, is_as_before_after_waits_that_were_given_up) {
  TypeParam semaphore(2);
  EXPECT_TRUE(semaphore.acquire(5ms) && semaphore.acquire(5ms));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(semaphore.acquire(20ms));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 20ms);
  semaphore.release();
  EXPECT_TRUE(semaphore.acquire(5ms));
  EXPECT_FALSE(semaphore.acquire(5ms));
}

TYPED_TEST(SemaphoreOf, gives_its_permits_back_however_their_scopes_are_left) {
  TypeParam semaphore(2);
  const auto in_two_scopes = [&](bool fails) {
    const std::scoped_lock outer(semaphore);
    EXPECT_TRUE(semaphore.acquire(false));
    semaphore.release();
    const std::scoped_lock inner(semaphore);
    EXPECT_FALSE(semaphore.acquire(false));
    if (fails) throw std::runtime_error("on purpose");
  };
  in_two_scopes(false);
  EXPECT_THROW(in_two_scopes(true), std::runtime_error);
  EXPECT_TRUE(semaphore.acquire(false) && semaphore.acquire(false));
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

TEST(BoundedSemaphore, counts_the_permits_that_any_thread_takes_and_releases) {
  for (int limit = 1; limit < 10; ++limit) {
    BoundedSemaphore semaphore(limit);
    Crowd(limit, [&](int) { semaphore.acquire(); }).join();
    EXPECT_FALSE(semaphore.acquire(false));
    Crowd(limit, [&](int) { semaphore.release(); }).join();
    EXPECT_THROW(semaphore.release(), LockError);
  }
}

}  // namespace
}  // namespace muster::testing
