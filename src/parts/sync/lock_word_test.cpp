#include <muster/detail/lock_word.hpp>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <new>
#include <thread>
#include <vector>

#include "os/testing.hpp"

namespace muster::detail {
namespace {

constexpr Nanos kMillisecond = 1'000'000;

template <class T>
class LockWordOf : public ::testing::Test {};
using Scopes = ::testing::Types<LockWord<Scope::kPrivate>, LockWord<Scope::kShared>>;
TYPED_TEST_SUITE(LockWordOf, Scopes, );

TYPED_TEST(LockWordOf, is_held_by_one_at_a_time) {
  TypeParam lock;
  EXPECT_FALSE(lock.locked());
  EXPECT_TRUE(lock.try_lock());
  EXPECT_TRUE(lock.locked());
  EXPECT_FALSE(lock.try_lock());
  EXPECT_TRUE(lock.unlock());
  EXPECT_FALSE(lock.locked());
  EXPECT_TRUE(lock.try_lock());
}

TYPED_TEST(LockWordOf, unlock_while_free_says_so_and_leaves_it_free) {
  TypeParam lock;
  EXPECT_FALSE(lock.unlock());
  EXPECT_FALSE(lock.locked());
  EXPECT_TRUE(lock.try_lock());
}

TYPED_TEST(LockWordOf, waits_no_longer_than_its_deadline) {
  TypeParam lock;
  EXPECT_TRUE(lock.lock_until(0));
  EXPECT_FALSE(lock.lock_until(0));
  const Nanos deadline = now() + 2 * kMillisecond;
  EXPECT_FALSE(lock.lock_until(deadline));
  EXPECT_GE(now(), deadline);
  EXPECT_TRUE(lock.unlock());
  EXPECT_TRUE(lock.lock_until(0));
}

TYPED_TEST(LockWordOf, excludes_threads_from_each_other) {
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
TYPED_TEST(LockWordOf, strands_nobody_when_others_give_up) {
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

struct Shared {
  LockWord<Scope::kShared> lock;
  int count = 0;
};

TEST(SharedLockWord, excludes_processes_from_each_other) {
  const os::Mapping mapping = os::Mapping::memfd(sizeof(Shared));
  auto* shared = new (mapping.data()) Shared;
  std::vector<pid_t> children;
  for (int child = 0; child < 3; ++child) {
    const pid_t pid = fork();
    if (pid == 0) {
      for (int round = 0; round < 10'000; ++round) {
        shared->lock.lock();
        ++shared->count;
        shared->lock.unlock();
      }
      _exit(0);
    }
    children.push_back(pid);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(shared->count, 30'000);
  EXPECT_FALSE(shared->lock.locked());
}

TEST(SharedLockWord, wakes_a_sleeper_in_another_process) {
  const os::Mapping mapping = os::Mapping::memfd(sizeof(Shared));
  auto* shared = new (mapping.data()) Shared;
  shared->lock.lock();
  const pid_t child = fork();
  if (child == 0) {
    shared->lock.lock();
    _exit(shared->count);
  }
  const auto& word = *reinterpret_cast<std::atomic<std::uint32_t>*>(&shared->lock);
  os::testing::await_sleepers(word, 1, os::Scope::kShared);
  shared->count = 7;
  shared->lock.unlock();
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 7);
}

}  // namespace
}  // namespace muster::detail
