#pragma once
// A mutual exclusion lock in one word: the inline fast path. In two scopes: for the threads of one process, in 4 bytes,
// and between processes, in 8 bytes that name the process that has it.
//
// Who finds the lock held spins for a moment, enters the word as one that waits, and sleeps. An unlock wakes one,
// unless one is on its way already; the lock itself is free meanwhile for whoever comes first, since handing it to a
// thread that still sleeps would leave it idle. But not for ever: after 32,767 times, or when a waiter finds that it
// has waited for a millisecond, the lock is kept for all that are entered by then. Each of them gets it before anybody
// else does (between processes, where one may be killed while it is entered, unless the lock lies idle for 50 ms). The
// algorithm is in src/parts/sync/lock_word.cpp, its model beside it.

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

// How the word of a lock is laid out: its holder in the lowest bits, two numbers of waiters, and marks, of which those
// that sleepers compare are in the lower half. Within a process the holder is just somebody.
struct MUSTER_EXPORT PrivateHolder {
  using Word = std::uint32_t;
  static constexpr Scope kScope = Scope::kPrivate;
  static constexpr unsigned kNumbersAt = 1;  // the lowest bit of the two numbers,
  static constexpr unsigned kNumberBits = 6;
  static constexpr unsigned kMarksAt = 13;  // and of the marks, which reach up to the 31st
  static constexpr Word self() noexcept { return 1; }
  static constexpr bool counts_pass() noexcept { return true; }
};

// Between processes it is named by process id and start.
struct MUSTER_EXPORT SharedHolder {
  using Word = std::uint64_t;
  static constexpr Scope kScope = Scope::kShared;
  static constexpr unsigned kNumbersAt = 32;  // so sleepers do not compare them
  static constexpr unsigned kNumberBits = 5;
  static constexpr unsigned kMarksAt = kProcessIdBits;
  static Word self() noexcept { return process_mark(); }
  static bool counts_pass() noexcept;  // one in some, at random: there are few bits to count with
};

template <class Holder>
class MUSTER_EXPORT LockWord {
 public:
  using Word = typename Holder::Word;
  static constexpr Scope kScope = Holder::kScope;

  constexpr LockWord() = default;
  LockWord(const LockWord&) = delete;
  LockWord& operator=(const LockWord&) = delete;

  // Does not fail while the lock is free and not kept for others.
  bool try_lock() noexcept {
    Word seen = word_.load(std::memory_order_relaxed);
    while (is_free(seen) && !is_kept(seen)) {
      if (word_.compare_exchange_weak(seen, (seen | Holder::self()) + pass(seen), std::memory_order_acquire,
                                      std::memory_order_relaxed)) {
        return true;
      }
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
            word_.compare_exchange_strong(seen, seen & ~kHolder, std::memory_order_release,
                                          std::memory_order_relaxed)) ||
           unlock_slow(seen);
  }
  // Whether somebody holds it, or it is kept for somebody.
  bool locked() const noexcept {
    const Word seen = word_.load(std::memory_order_relaxed);
    return !is_free(seen) || is_kept(seen);
  }
  // Whether a thread of this process holds it; of a private lock: whether any does.
  bool is_ours() const noexcept { return (word_.load(std::memory_order_relaxed) & kHolder) == Holder::self(); }

 private:
  static constexpr Word kMark = Word{1} << Holder::kMarksAt;
  static constexpr Word kSleepers = kMark;    // someone may sleep
  static constexpr Word kComing = kMark * 2;  // one was woken, and has not gone back to sleep
  static constexpr Word kNew = kMark * 4;     // another one has gone to sleep
  static constexpr Word kSecond = kMark * 8;  // the second group of waiters is in front, not the first
  static constexpr Word kPass = kMark * 16;   // how often waiters of the group in front were passed over;
  static constexpr Word kPasses = static_cast<Word>((std::uint64_t{1} << 32U) - kPass);  // at most
  // The numbers of waiters in the two groups: both, and of one of them one waiter, and all.
  static constexpr Word kWaiters = ((Word{1} << (2 * Holder::kNumberBits)) - 1) << Holder::kNumbersAt;
  static constexpr Word one(unsigned group) noexcept {
    return Word{1} << (Holder::kNumbersAt + group * Holder::kNumberBits);
  }
  static constexpr Word all(unsigned group) noexcept { return ((Word{1} << Holder::kNumberBits) - 1) * one(group); }
  static constexpr Word kHolder = ~(kSleepers | kComing | kNew | kSecond | kPasses | kWaiters);

  struct Wait;

  static bool is_free(Word seen) noexcept { return (seen & kHolder) == 0; }
  // Whether it is for the group in front only.
  static bool is_kept(Word seen) noexcept { return (seen & kPasses) == kPasses; }
  static unsigned front(Word seen) noexcept { return (seen & kSecond) != 0 ? 1 : 0; }
  // What is added to the word by who takes the lock past others.
  static Word pass(Word seen) noexcept {
    return (seen & all(front(seen))) != 0 && !is_kept(seen) && Holder::counts_pass() ? kPass : 0;
  }
  MUSTER_EXPORT Taken lock_slow(Nanos deadline) noexcept;
  MUSTER_EXPORT bool unlock_slow(Word seen) noexcept;
  static bool is_for(Word seen, const Wait& wait) noexcept;
  static Word taken(Word seen, const Wait& wait) noexcept;
  static Word still(Word seen, const Wait& wait) noexcept;
  static Word without(Word seen, const Wait& wait) noexcept;
  static unsigned open_group(Word seen) noexcept;
  static bool is_due(Word seen, const Wait& wait) noexcept;
  static bool some_may_be_missing() noexcept;
  bool take(const Wait& wait) noexcept;
  bool take_soon(const Wait& wait) noexcept;
  Taken take_or_bury(const Wait& wait) noexcept;
  Taken take_from_the_dead(Word seen, const Wait& wait) noexcept;
  void sleep(Word seen, Wait& wait) noexcept;
  Taken leave(const Wait& wait) noexcept;
  bool wake_and_free(Word seen) noexcept;
  bool free_for_who_comes(Word seen) noexcept;
  int wake(int count, std::uint32_t kinds) const noexcept;

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
