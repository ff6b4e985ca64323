#pragma once
// A mutual exclusion lock in 4 bytes: the inline fast path. Works for threads and, in shared memory, for processes.

#include <atomic>
#include <cstdint>

#include <muster/detail/wait_word.hpp>

namespace muster::detail {

template <Scope kScope>
class MUSTER_EXPORT LockWord {
 public:
  constexpr LockWord() = default;
  LockWord(const LockWord&) = delete;
  LockWord& operator=(const LockWord&) = delete;

  bool try_lock() noexcept {
    // A strong exchange: try_lock must not fail while the lock is free.
    std::uint32_t free = 0;
    return word_.compare_exchange_strong(free, kHeld, std::memory_order_acquire, std::memory_order_relaxed);
  }
  void lock() noexcept {
    if (!try_lock()) lock_slow(kForever);
  }
  // False when `deadline` passed first.
  bool lock_until(Nanos deadline) noexcept { return try_lock() || lock_slow(deadline); }

  // False when nobody held the lock; it stays free then.
  bool unlock() noexcept {
    const std::uint32_t before = word_.exchange(0, std::memory_order_release);
    if ((before & kSleepers) != 0) wake_one(word_, kScope);
    return before != 0;
  }
  bool locked() const noexcept { return word_.load(std::memory_order_relaxed) != 0; }

 private:
  static constexpr std::uint32_t kHeld = 1;

  bool lock_slow(Nanos deadline) noexcept;

  // 0 free, kHeld held, kHeld|kSleepers held and someone may sleep.
  // A needless kSleepers costs one wake call; a missing one strands a sleeper.
  std::atomic<std::uint32_t> word_{0};
};

extern template class LockWord<Scope::kPrivate>;
extern template class LockWord<Scope::kShared>;

using PrivateLock = LockWord<Scope::kPrivate>;

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
