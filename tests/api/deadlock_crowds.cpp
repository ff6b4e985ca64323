// Built with MUSTER_DEADLOCK: many threads, some of which are refused, and none of which waits for ever.

#include <gtest/gtest.h>
#include <muster/threading.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <mutex>
#include <random>
#include <shared_mutex>
#include <thread>
#include <vector>

#include "tests/support/crowd.hpp"
#include "tests/support/seeds.hpp"

namespace muster::testing {
namespace {

using threading::Condition;
using threading::Lock;
using threading::RLock;
using threading::RWLock;

// Whoever takes locks in one order is never refused, however many they are.
TEST(Deadlock, is_never_seen_where_locks_are_taken_in_order) {
  constexpr std::size_t kLocks = 6;
  for_seeds(3, [](std::uint64_t seed) {
    std::array<Lock, kLocks> locks;
    RWLock shared;
    RLock inner;
    Condition changed(inner);
    long sum = 0;
    Crowd crowd(8, [&](int number) {
      std::mt19937_64 random(seed + static_cast<std::uint64_t>(number));
      for (int round = 0; round < 100; ++round) {
        std::vector<std::unique_lock<Lock>> held;
        for (Lock& lock : locks) {
          if (random() % 3 == 0) held.emplace_back(lock);
          if (random() % 8 == 0) std::this_thread::yield();  // that others wait
        }
        const std::uint64_t kind = random() % 4;
        const auto reads = kind < 2 ? std::shared_lock(shared) : std::shared_lock<RWLock>();
        const auto writes = kind == 2 ? std::unique_lock(shared) : std::unique_lock<RWLock>();
        const std::scoped_lock twice(inner, inner);
        ++sum;
        changed.notify();
        if (random() % 16 == 0) changed.wait(Duration(std::chrono::nanoseconds(1)));
      }
    });
    crowd.join();  // a refusal would end the program
    EXPECT_EQ(sum, 8 * 100);
  });
}

// Locks in any order: all end, since of each circle one thread is refused and gives way.
TEST(Deadlock, never_lasts_where_locks_are_taken_in_any_order) {
  constexpr std::size_t kLocks = 3;
  std::atomic<long> refused{0};
  for_seeds(3, [&](std::uint64_t seed) {
    std::array<Lock, kLocks> locks;
    std::array<RLock, kLocks> rlocks;
    std::array<long, kLocks> sums{};
    Crowd(6, [&](int number) {
      std::mt19937_64 random(seed + static_cast<std::uint64_t>(number));
      for (int round = 0; round < 60; ++round) {
        const std::size_t first = random() % kLocks;
        const std::size_t second = (first + 1 + random() % (kLocks - 1)) % kLocks;
        try {
          const std::scoped_lock one(locks[first]);
          std::this_thread::yield();  // that others take theirs
          const std::scoped_lock two(rlocks[second]);
          std::this_thread::yield();
          const std::scoped_lock three(rlocks[first]);
          ++sums[first];
        } catch (const DeadlockError&) {
          ++refused;
        }
      }
    }).join();
    EXPECT_EQ(std::ranges::count_if(locks, &Lock::locked), 0);
    EXPECT_EQ(std::ranges::count_if(rlocks, &RLock::locked), 0);
  });
  std::cout << refused << " refused\n";
}

// Two that meet with one lock each and want the other's: one of them is refused, every time.
TEST(Deadlock, of_two_refuses_one_of_them) {
  for (int round = 0; round < 100; ++round) {
    std::array<Lock, 2> locks;
    threading::Barrier both(2);
    std::atomic<int> refused{0};
    Crowd(2, [&](int number) {
      const auto mine = static_cast<std::size_t>(number);
      const std::scoped_lock guard(locks[mine]);
      both.wait();
      try {
        const std::scoped_lock other(locks[1 - mine]);
      } catch (const DeadlockError&) {
        ++refused;
      }
    }).join();
    EXPECT_EQ(refused, 1);
  }
}

}  // namespace
}  // namespace muster::testing
