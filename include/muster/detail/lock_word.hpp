#pragma once
// A mutual exclusion lock in one word: the inline fast path. In two scopes: for the threads of one process, in 4 bytes,
// and between processes, in 8 bytes that name the process that has it.
//
// Who finds the lock held spins for a moment, marks the word, and sleeps. An unlock that finds the mark wakes one,
// unless one is on its way already; the lock itself is free meanwhile for whoever comes first, since handing it to a
// thread that still sleeps would leave it idle. But not for ever: after 32,000 times the lock is kept for those that
// have waited; and who has waited for a millisecond starves, and then the lock goes to the starving and to nobody else.
// Sleepers are marked and never counted: one that was killed cannot be missed. The algorithm is in
// src/parts/sync/lock_word.cpp, its model beside it.

#include <atomic>
#include <cstdint>

#include <muster/detail/process_mark.hpp>
#include <muster/detail/wait_word.hpp>

namespace muster::detail {

// How an attempt to take a lock ended.
struct Taken {
  bool taken = false;
  std::int32_t died = 0;  // the process that had the lock when it died, 0: none did
  explicit operator bool() const noexcept { return taken; }
};

// The holder as a lock of one process names it: somebody.
struct MUSTER_EXPORT PrivateHolder {
  using Word = std::uint32_t;
  static constexpr Scope kScope = Scope::kPrivate;
  static constexpr Word self() noexcept { return 1; }
};

// And as one between processes does: by process id and start.
struct MUSTER_EXPORT SharedHolder {
  using Word = std::uint64_t;
  static constexpr Scope kScope = Scope::kShared;
  static Word self() noexcept { return process_mark(); }
};

template <class Holder>
class MUSTER_EXPORT LockWord {
 public:
  using Word = typename Holder::Word;
  static constexpr Scope kScope = Holder::kScope;

  constexpr LockWord() = default;
  LockWord(const LockWord&) = delete;
  LockWord& operator=(const LockWord&) = delete;

  // Does not fail while the lock is free and not kept for somebody.
  bool try_lock() noexcept {
    Word seen = word_.load(std::memory_order_relaxed);
    while (is_free(seen) && !is_kept(seen)) {
      if (!word_.compare_exchange_weak(seen, seen | Holder::self(), std::memory_order_acquire,
                                       std::memory_order_relaxed)) {
        continue;
      }
      if (seen != 0) count_pass();
      return true;
    }
    return false;
  }
  void lock() noexcept {
    if (!try_lock()) lock_slow(kForever);
  }
  // Fails when `deadline` passed first. Between processes: takes the lock from a process that has died, and says so.
  Taken lock_until(Nanos deadline) noexcept { return try_lock() ? Taken{.taken = true} : lock_slow(deadline); }

  // False when nobody held the lock; it stays free then.
  bool unlock() noexcept {
    Word seen = word_.load(std::memory_order_relaxed);
    const bool wakes_nobody = (seen & (kSleepers | kComing)) != kSleepers;
    return (wakes_nobody && !is_free(seen) &&
            word_.compare_exchange_strong(seen, seen & kMarks, std::memory_order_release, std::memory_order_relaxed)) ||
           unlock_slow(seen);
  }
  // Whether somebody holds it, or it is kept for somebody.
  bool locked() const noexcept {
    const Word seen = word_.load(std::memory_order_relaxed);
    return !is_free(seen) || is_kept(seen);
  }
  // Whether a thread of this process holds it; of a private lock: whether any does.
  bool is_ours() const noexcept { return (word_.load(std::memory_order_relaxed) & ~kMarks) == Holder::self(); }

 private:
  // The word: its holder, and marks.
  static constexpr Word kSleepers = kFirstFreeBit;      // someone may sleep
  static constexpr Word kStarving = kFirstFreeBit * 2;  // only the starving may take it
  static constexpr Word kComing = kFirstFreeBit * 4;    // one was woken, and has not gone back to sleep
  static constexpr Word kNew = kFirstFreeBit * 8;       // another one has gone to sleep
  // How often somebody who has just come passed those that wait, in units of some; the last one means: no more.
  static constexpr Word kPass = kFirstFreeBit * 16;
  static constexpr Word kPasses = 0x3f * kPass;
  static constexpr Word kMarks = kSleepers | kStarving | kComing | kNew | kPasses;

  struct Wait;

  static bool is_free(Word seen) noexcept { return (seen & ~kMarks) == 0; }
  static bool is_kept(Word seen) noexcept { return (seen & kStarving) != 0 || (seen & kPasses) == kPasses; }
  static bool is_for(Word seen, const Wait& wait) noexcept;
  static Word still(Word seen, const Wait& wait) noexcept;
  MUSTER_EXPORT void count_pass() noexcept;
  MUSTER_EXPORT Taken lock_slow(Nanos deadline) noexcept;
  MUSTER_EXPORT bool unlock_slow(Word seen) noexcept;
  bool take(const Wait& wait) noexcept;
  Taken lock_or_bury() noexcept;
  Taken take_from_the_dead(Word seen) noexcept;
  void sleep(Word seen, Wait& wait) noexcept;
  Taken leave(Wait& wait) noexcept;
  bool wake_and_free(Word seen) noexcept;
  bool free_for_who_comes(Word seen) noexcept;
  int wake(std::uint32_t kinds) const noexcept;

  std::atomic<Word> word_{0};
};

extern template class LockWord<PrivateHolder>;
extern template class LockWord<SharedHolder>;

using PrivateLock = LockWord<PrivateHolder>;
using SharedLock = LockWord<SharedHolder>;

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
