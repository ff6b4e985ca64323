#pragma once
// A mutual exclusion lock in 4 bytes: the inline fast path. For the threads of one process.
//
// Who finds the lock held spins for a moment, enrols in the word's count of waiters, and sleeps. An unlock that finds
// waiters wakes one, unless one is on its way already; the lock itself is free for whoever comes first, since handing
// it to a thread that still sleeps would leave it idle meanwhile. But a waiter that was passed over for a millisecond
// counts as starving, and as long as there are starving ones, the lock goes to them and to nobody else. The algorithm
// is in src/parts/sync/lock_word.cpp, its model beside it.

#include <atomic>
#include <cstdint>

#include <muster/detail/wait_word.hpp>

namespace muster::detail {

class MUSTER_EXPORT PrivateLock {
 public:
  constexpr PrivateLock() = default;
  PrivateLock(const PrivateLock&) = delete;
  PrivateLock& operator=(const PrivateLock&) = delete;

  // Does not fail while the lock is free and nobody starves for it.
  bool try_lock() noexcept {
    std::uint32_t seen = 0;
    return word_.compare_exchange_strong(seen, kHeld, std::memory_order_acquire, std::memory_order_relaxed) ||
           ((seen & kHeld) == 0 && barge());
  }
  void lock() noexcept {
    if (!take_at_once()) lock_slow(kForever);
  }
  // False when `deadline` passed first.
  bool lock_until(Nanos deadline) noexcept { return take_at_once() || lock_slow(deadline); }

  // False when nobody held the lock; it stays free then.
  bool unlock() noexcept {
    std::uint32_t seen = kHeld;
    return word_.compare_exchange_strong(seen, 0, std::memory_order_release, std::memory_order_relaxed) ||
           unlock_slow(seen);
  }
  // Whether somebody holds it, or will be the next to.
  bool locked() const noexcept {
    const std::uint32_t seen = word_.load(std::memory_order_relaxed);
    return (seen & kHeld) != 0 || seen >= kStarving;
  }

 private:
  // The word: who has it, and how many want it.
  static constexpr std::uint32_t kHeld = 1;
  static constexpr std::uint32_t kComing = 2;            // a waiter is awake and about to look: no need to wake another
  static constexpr std::uint32_t kWaiter = 4;            // bits 2 to 16 count the waiters,
  static constexpr std::uint32_t kStarving = 1U << 17U;  // bits 17 to 31 those of them that starve
  static constexpr std::uint32_t kWaiters = kStarving - kWaiter;

  bool take_at_once() noexcept {
    std::uint32_t free = 0;
    return word_.compare_exchange_strong(free, kHeld, std::memory_order_acquire, std::memory_order_relaxed);
  }
  static bool is_for(std::uint32_t seen, std::uint32_t share) noexcept;
  bool barge() noexcept;
  bool lock_slow(Nanos deadline) noexcept;
  std::uint32_t enrol() noexcept;
  bool leave(std::uint32_t share) noexcept;
  bool unlock_slow(std::uint32_t seen) noexcept;

  std::atomic<std::uint32_t> word_{0};
};

// Holds a PrivateLock for a scope.
class LockGuard {
 public:
  explicit LockGuard(PrivateLock& lock) noexcept : lock_(lock) { lock_.lock(); }
  ~LockGuard() { lock_.unlock(); }
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;

 private:
  PrivateLock& lock_;
};

}  // namespace muster::detail
