#include <muster/detail/lock_word.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>

#include "os/os.hpp"
#include "os/process.hpp"
#include "parts/sync/spin.hpp"

// Invariants, checked by lock_word.pml, there also with processes that die at any step:
//
// 1. Only who turns the word from free to its own name, by one compare-and-swap, has the lock; or from the name of a
//    process that has died.
// 2. Who sleeps has seen the word held, or kept for others, has marked it with kSleepers, and compares it when falling
//    asleep. So an unlock in between is noticed, and a later one sees kSleepers, which goes only when an unlock finds
//    nobody asleep.
// 3. An unlock that sees kSleepers sets kComing and wakes one (or more) while it still has the lock, and then frees the
// word with
//    its marks; unless kComing is set, since then one is awake and will look. Who was woken clears kComing when it
//    takes the lock, and before it goes back to sleep or leaves without it: if that is before the word is free, the
//    unlock begins anew; if after it, whoever has the lock now will wake another.
// 4. Before its first sleep a waiter joins a group: the one in front, or, while the lock is kept for that one, the
//    other. The word has the number of waiters in each; who takes the lock or leaves is taken off. Who takes the lock
//    while others are in front is counted (kPasses). When there is no more to count with, or one of them has waited for
//    kPatience, the lock is kept: a free word is for the group in front, an unlock wakes some of it, and kComing is
//    theirs to clear; who decides so while the lock is held clears it, since the unlock may be about to wake another.
//    With the last one of the group the lock is everybody's again, and the other group in front. So who has joined is
//    passed kPasses times at most, and then once by each of its group; if it joined behind another one, that comes on
//    top.
// 5. Who finds a number at its most is not counted. If it is woken and finds the lock kept, it may take it once: those
//    in front may all be asleep.
// 6. Who is killed on its way to the lock may take a wake-up with it, and is not taken off. No sleep between processes
//    is longer than kLookAgain, and who finds the lock kept all that time and nobody coming takes it, and everybody is
//    taken off. So it is in a forked copy of a process, where the threads are not that were counted.
//
// Orderings: all of this is said of one word, whose changes have one order for everybody, and the kernel compares that
// word; so only what the lock guards needs more than relaxed: who takes the lock acquires what the change that freed it
// has released. Changes in between are read-modify-writes, which keep that release's sequence unbroken.

namespace muster::detail {
namespace {

// Who was passed over for so long gets the lock next.
constexpr Nanos kPatience = 1'000'000;
// Between processes one pass in so many is counted.
constexpr std::uint32_t kTimesAPass = 512;
// While the lock is kept an unlock wakes so many: one to take it, and one to be there when that one is done.
constexpr int kAhead = 2;

bool is_past(Nanos deadline) noexcept { return deadline != kForever && deadline <= os::now(); }

constexpr os::Scope of(Scope scope) noexcept {
  return scope == Scope::kPrivate ? os::Scope::kPrivate : os::Scope::kShared;
}

// The half of the word in which its marks and the process's id are: what the kernel compares.
template <class Word>
const std::atomic<std::uint32_t>& futex_of(const std::atomic<Word>& word) noexcept {
  constexpr bool kIsSecond = std::endian::native == std::endian::big && sizeof(Word) > sizeof(std::uint32_t);
  return reinterpret_cast<const std::atomic<std::uint32_t>*>(&word)[kIsSecond ? 1 : 0];
}

}  // namespace

std::uint64_t process_mark() noexcept { return os::process_mark(); }

// Which ones must not depend on who takes what in turns: a thread that takes two locks by turns would count one only.
bool SharedHolder::counts_pass() noexcept {
  thread_local std::uint32_t random = 0x9e3779b9;  // Marsaglia's xorshift
  random ^= random << 13U;
  random ^= random >> 17U;
  random ^= random << 5U;
  return random % kTimesAPass == 0;
}

// One attempt to take the lock that did not succeed at once.
template <class Holder>
struct LockWord<Holder>::Wait {
  static constexpr unsigned kNone = 2;

  Nanos deadline;
  Nanos patience = os::now() + kPatience;
  Nanos look = patience;  // whether the holder is alive
  bool woken = false;     // or has slept for as long as one may; and has not looked in vain since
  bool in_vain = false;   // the lock was kept all that time, and nobody came
  unsigned group = kNone;

  bool is_in_front(Word seen) const noexcept { return group == front(seen); }
  // Whether it may be the one that was woken, so that kComing is its to clear.
  bool may_be_coming(Word seen) const noexcept {
    return woken && (!is_kept(seen) || group == kNone || is_in_front(seen));
  }
};

template <class Holder>
Taken LockWord<Holder>::lock_slow(Nanos deadline) noexcept {
  Wait wait{.deadline = deadline};
  if (is_past(deadline)) return take_or_bury(wait);
  for (;;) {
    // Who was woken looks once: to spin holds up those that have the lock.
    if (wait.woken ? take(wait) : take_soon(wait)) return {.taken = true};
    const Word seen = word_.load(std::memory_order_relaxed);
    if (is_for(seen, wait)) continue;
    if (kScope == Scope::kShared && wait.woken && os::now() >= wait.look) {
      if (const Taken taken = take_from_the_dead(seen, wait)) return taken;
      wait.look = os::now() + kLookAgain;
    }
    sleep(seen, wait);
    if (is_past(deadline)) return leave(wait);
  }
}

// Without waiting.
template <class Holder>
Taken LockWord<Holder>::take_or_bury(const Wait& wait) noexcept {
  if (take(wait)) return {.taken = true};
  return take_from_the_dead(word_.load(std::memory_order_relaxed), wait);
}

template <class Holder>
bool LockWord<Holder>::is_for(Word seen, const Wait& wait) noexcept {
  return is_free(seen) && (!is_kept(seen) || wait.may_be_coming(seen) || wait.is_in_front(seen) || wait.in_vain);
}

template <class Holder>
bool LockWord<Holder>::take(const Wait& wait) noexcept {
  Word seen = word_.load(std::memory_order_relaxed);
  while (is_for(seen, wait)) {
    if (word_.compare_exchange_weak(seen, taken(seen, wait), std::memory_order_acquire, std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

// Looks for a moment; but while the lock is kept for others, those need the CPU.
template <class Holder>
bool LockWord<Holder>::take_soon(const Wait& wait) noexcept {
  bool taken = false;
  sync::spin_gently_until([&] {
    taken = take(wait);
    const Word seen = word_.load(std::memory_order_relaxed);
    return taken || (is_kept(seen) && !wait.is_in_front(seen));
  });
  return taken;
}

// The word when a waiter has got the lock.
template <class Holder>
typename LockWord<Holder>::Word LockWord<Holder>::taken(Word seen, const Wait& wait) noexcept {
  if (wait.in_vain && is_kept(seen)) return Holder::self() | kSleepers;
  const Word left = without(wait.may_be_coming(seen) ? seen & ~kComing : seen, wait) & ~kHolder;
  return (left | Holder::self()) + pass(left);
}

// When one has looked in vain: it is no longer the one that is coming, if it ever was.
template <class Holder>
typename LockWord<Holder>::Word LockWord<Holder>::still(Word seen, const Wait& wait) noexcept {
  return (wait.may_be_coming(seen) ? seen & ~kComing : seen | kNew) | kSleepers;
}

// When one is taken off its group. The last one of those in front leaves the lock to everybody.
template <class Holder>
typename LockWord<Holder>::Word LockWord<Holder>::without(Word seen, const Wait& wait) noexcept {
  if (wait.group == Wait::kNone || (seen & all(wait.group)) == 0) return seen;
  seen -= one(wait.group);
  const bool was_last = wait.is_in_front(seen) && (seen & all(wait.group)) == 0;
  return was_last ? (seen & ~kPasses) ^ kSecond : seen;
}

// The group that a waiter can join.
template <class Holder>
unsigned LockWord<Holder>::open_group(Word seen) noexcept {
  const unsigned group = is_kept(seen) ? 1 - front(seen) : front(seen);
  return (seen & all(group)) == all(group) ? Wait::kNone : group;
}

// Between processes only: takes it if its holder has died.
template <class Holder>
Taken LockWord<Holder>::take_from_the_dead(Word seen, const Wait& wait) noexcept {
  if constexpr (kScope == Scope::kShared) {
    const Word holder = seen & kHolder;
    if (holder == 0 || !os::has_died(holder)) return {};
    while (!word_.compare_exchange_weak(seen, taken(seen & ~kComing, wait) | kSleepers, std::memory_order_acquire,
                                        std::memory_order_relaxed)) {
      if ((seen & kHolder) != holder) return {};
    }
    return {.taken = true, .died = static_cast<std::int32_t>(holder & ((Word{1} << kProcessIdBits) - 1))};
  }
  return {};
}

// Sleeps unless the word is no longer as seen.
template <class Holder>
void LockWord<Holder>::sleep(Word seen, Wait& wait) noexcept {
  const unsigned group = wait.group == Wait::kNone ? open_group(seen) : wait.group;
  Word marked = still(seen, wait);
  if (group != wait.group) marked += one(group);
  if (!is_kept(seen) && is_due(seen, wait)) marked = (marked | kPasses) & ~kComing;
  if (marked != seen && !word_.compare_exchange_strong(seen, marked, std::memory_order_relaxed)) return;
  wait.group = group;
  const Nanos again = some_may_be_missing() ? os::now() + kLookAgain : kForever;
  const os::FutexWait end = os::futex_wait(futex_of(word_), static_cast<std::uint32_t>(marked), of(kScope),
                                           std::min(wait.deadline, again), 1U << group);
  wait.woken = end == os::FutexWait::kWoken || end == os::FutexWait::kTimedOut;
  wait.in_vain = end == os::FutexWait::kTimedOut && again < wait.deadline && is_free(marked) &&
                 word_.load(std::memory_order_relaxed) == marked;
}

// Whether it has waited for so long that the lock is to be kept for its group.
template <class Holder>
bool LockWord<Holder>::is_due(Word seen, const Wait& wait) noexcept {
  return wait.is_in_front(seen) && (seen & all(wait.group)) != 0 && os::now() >= wait.patience;
}

// Whether not everybody who is counted need be there, or ever come.
template <class Holder>
bool LockWord<Holder>::some_may_be_missing() noexcept {
  return kScope == Scope::kShared || os::generation() != 0;
}

// The deadline has passed. Who finds the lock free takes it all the same: others may count on that.
template <class Holder>
Taken LockWord<Holder>::leave(const Wait& wait) noexcept {
  for (;;) {
    if (const Taken taken = take_or_bury(wait)) return taken;
    Word seen = word_.load(std::memory_order_relaxed);
    if (is_for(seen, wait)) continue;
    if (word_.compare_exchange_weak(seen, without(still(seen, wait), wait), std::memory_order_relaxed)) return {};
  }
}

// After the change that frees the word nothing of the lock is read or written: who has it next may destroy it.
template <class Holder>
bool LockWord<Holder>::unlock_slow(Word seen) noexcept {
  for (;;) {
    if (is_free(seen)) return false;
    if ((seen & kSleepers) != 0 && (seen & kComing) == 0) {
      if (wake_and_free(seen)) return true;
      seen = word_.load(std::memory_order_relaxed);
    } else if (word_.compare_exchange_weak(seen, seen & ~kHolder, std::memory_order_release,
                                           std::memory_order_relaxed)) {
      return true;
    }
  }
}

// False when the one that was woken has looked meanwhile, in vain.
template <class Holder>
bool LockWord<Holder>::wake_and_free(Word seen) noexcept {
  for (;;) {
    const Word begun = (seen | kComing) & ~kNew;
    if (!word_.compare_exchange_strong(seen, begun, std::memory_order_relaxed)) {
      if (is_free(seen)) return false;
      continue;
    }
    const int woken = is_kept(begun) ? wake(kAhead, 1U << front(begun)) : wake(1, os::kAnyKind);
    if (woken > 0) return free_for_who_comes(begun);
    // Nobody sleeps, or nobody for whom the lock is kept; unless another one has come meanwhile.
    const Word left = begun & ~(kHolder | kComing | (is_kept(begun) ? 0 : kSleepers));
    seen = begun;
    if (word_.compare_exchange_strong(seen, left, std::memory_order_release, std::memory_order_relaxed)) return true;
  }
}

template <class Holder>
bool LockWord<Holder>::free_for_who_comes(Word seen) noexcept {
  while ((seen & kComing) != 0 && !is_free(seen)) {
    if (word_.compare_exchange_weak(seen, seen & ~kHolder, std::memory_order_release, std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

template <class Holder>
int LockWord<Holder>::wake(int count, std::uint32_t kinds) const noexcept {
  return os::futex_wake(futex_of(word_), count, of(kScope), kinds);
}

template class LockWord<PrivateHolder>;
template class LockWord<SharedHolder>;

}  // namespace muster::detail
