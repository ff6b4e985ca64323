#include <muster/detail/lock_word.hpp>

#include <algorithm>

#include "os/os.hpp"
#include "parts/sync/spin.hpp"

// Invariants, checked by lock_word.pml:
//
// 1. Only who turns the word from not held to held, by one compare-and-swap, has the lock.
// 2. While the lock is not held and there are waiters, one of them is awake, or will be: if some starve, the last
//    unlock has woken a starving one; else it has woken one, or it saw kComing. A waiter takes kComing away only when
//    it takes the lock or is about to sleep by a word that it has seen held (or kept for the starving, of whom then one
//    is awake); and what it compares the word with when it falls asleep is the word without kComing. So an unlock in
//    between, or a wake that found nobody asleep yet, changes the word, and the waiter does not sleep but looks again.
// 3. A waiter leaves without the lock only when it is not for it, by 2. nobody relies on its being awake then.

namespace muster::detail {
namespace {

// A section worth a lock of this kind is shorter than this.
constexpr Nanos kSpin = 2'000;
// Who was passed over for so long gets the lock next.
constexpr Nanos kPatience = 1'000'000;

// Kinds of sleepers.
constexpr std::uint32_t kPatient = 1;
constexpr std::uint32_t kImpatient = 2;

}  // namespace

// Whether the lock is free for a waiter who has this share of the word; 0: for somebody who has just come.
bool PrivateLock::is_for(std::uint32_t seen, std::uint32_t share) noexcept {
  return (seen & kHeld) == 0 && (seen < kStarving || share >= kStarving);
}

bool PrivateLock::barge() noexcept {
  std::uint32_t seen = word_.load(std::memory_order_relaxed);
  while (is_for(seen, 0)) {
    if (word_.compare_exchange_weak(seen, seen | kHeld, std::memory_order_acquire, std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

bool PrivateLock::lock_slow(Nanos deadline) noexcept {
  if (deadline != kForever && deadline <= os::now()) return barge();
  if (sync::spin_until([this] { return barge(); }, kSpin)) return true;
  std::uint32_t share = kWaiter;
  std::uint32_t seen = enrol();
  const Nanos patience = os::now() + kPatience;
  for (;;) {
    if (is_for(seen, share)) {
      const std::uint32_t taken = ((seen | kHeld) - share) & ~kComing;
      if (word_.compare_exchange_weak(seen, taken, std::memory_order_acquire, std::memory_order_relaxed)) return true;
      continue;
    }
    const bool starving = share >= kStarving;
    if (!starving && os::now() >= patience) {
      if (!word_.compare_exchange_weak(seen, seen + kStarving, std::memory_order_relaxed)) continue;
      share += kStarving;
      seen += kStarving;
      continue;
    }
    if ((seen & kComing) != 0) {
      if (!word_.compare_exchange_weak(seen, seen & ~kComing, std::memory_order_relaxed)) continue;
      seen &= ~kComing;
    }
    os::futex_wait(word_, seen, os::Scope::kPrivate, starving ? deadline : std::min(deadline, patience),
                   starving ? kImpatient : kPatient);
    if (deadline != kForever && deadline <= os::now()) return leave(share);
    seen = word_.load(std::memory_order_relaxed);
  }
}

// Counts the caller as a waiter; gives the word with it.
std::uint32_t PrivateLock::enrol() noexcept {
  std::uint32_t seen = word_.load(std::memory_order_relaxed);
  for (;;) {
    if ((seen & kWaiters) == kWaiters) {  // no room to count another: it waits for its turn to wait
      os::yield();
      seen = word_.load(std::memory_order_relaxed);
    } else if (word_.compare_exchange_weak(seen, seen + kWaiter, std::memory_order_relaxed)) {
      return seen + kWaiter;
    }
  }
}

// The deadline has passed. Who finds the lock free takes it all the same: others may count on that.
bool PrivateLock::leave(std::uint32_t share) noexcept {
  std::uint32_t seen = word_.load(std::memory_order_relaxed);
  for (;;) {
    const bool take = is_for(seen, share);
    const std::uint32_t left = ((take ? seen | kHeld : seen) - share) & ~kComing;
    if (word_.compare_exchange_weak(seen, left, std::memory_order_acquire, std::memory_order_relaxed)) return take;
  }
}

bool PrivateLock::unlock_slow(std::uint32_t seen) noexcept {
  for (;;) {
    if ((seen & kHeld) == 0) return false;
    const bool some_starve = seen >= kStarving;
    const bool wake = some_starve || ((seen & kWaiters) != 0 && (seen & kComing) == 0);
    const std::uint32_t free = (seen & ~kHeld) | (wake && !some_starve ? kComing : 0);
    if (!word_.compare_exchange_weak(seen, free, std::memory_order_release, std::memory_order_relaxed)) continue;
    if (wake) os::futex_wake(word_, 1, os::Scope::kPrivate, some_starve ? kImpatient : os::kAnyKind);
    return true;
  }
}

}  // namespace muster::detail
