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
// 3. An unlock that sees kSleepers sets kComing and wakes one while it still has the lock, and then frees the word with
//    its marks; unless kComing is set, since then one is awake and will look. Who was woken clears kComing when it
//    takes the lock, and before it goes back to sleep or leaves without it: if that is before the word is free, the
//    unlock begins anew; if after it, whoever has the lock now will wake another.
// 4. Who starves sets kStarving, and clears kComing with it: so that the next unlock wakes one of the starving. From
//    then on a free word is theirs, and kComing is theirs to clear. kStarving goes when an unlock finds none of them
//    asleep.
// 5. Who has just come, and has not been woken from a sleep yet, passes those that wait only so often (kPasses), until
//    one of them has had the lock; and does not touch kComing. So who was woken gets the lock after so many passes at
//    most, or goes back to sleep in the kernel's queue; and who finds itself passed over there for kPatience starves.
// 6. Who is killed on its way to the lock may take a wake-up with it. No sleep between processes is longer than
//    kLookAgain, and who has slept so long starves, and may take the lock however it is marked.
//
// Orderings: all of this is said of one word, whose changes have one order for everybody, and the kernel compares that
// word; so only what the lock guards needs more than relaxed: who takes the lock acquires what the change that freed it
// has released. Changes in between are read-modify-writes, which keep that release's sequence unbroken.

namespace muster::detail {
namespace {

// Who was passed over for so long gets the lock next.
constexpr Nanos kPatience = 1'000'000;
// How many times a thread passes others before it counts one pass.
constexpr std::uint32_t kTimesAPass = 512;

// Kinds of sleepers.
constexpr std::uint32_t kPatient = 1;
constexpr std::uint32_t kImpatient = 2;

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

// One attempt to take the lock that did not succeed at once.
template <class Holder>
struct LockWord<Holder>::Wait {
  Nanos deadline;
  Nanos patience = os::now() + kPatience;
  Nanos look = patience;   // whether the holder is alive
  bool has_slept = false;  // until a wake, or as long as one may: until then it is one that has just come
  bool starving = false;
};

// The caller has just passed those that wait, and has the lock.
template <class Holder>
void LockWord<Holder>::count_pass() noexcept {
  thread_local std::uint32_t times = 0;
  if (++times % kTimesAPass != 0) return;
  Word seen = word_.load(std::memory_order_relaxed);
  while ((seen & kPasses) != kPasses && !word_.compare_exchange_weak(seen, seen + kPass, std::memory_order_relaxed)) {
  }
}

template <class Holder>
Taken LockWord<Holder>::lock_slow(Nanos deadline) noexcept {
  if (is_past(deadline)) return lock_or_bury();
  Wait wait{.deadline = deadline};
  for (;;) {
    // Who was woken looks once: to spin holds up those that have the lock, and it starves soon enough.
    if (wait.has_slept ? take(wait) : sync::spin_gently_until([this] { return try_lock(); })) return {.taken = true};
    const Word seen = word_.load(std::memory_order_relaxed);
    if (is_for(seen, wait)) continue;
    if (wait.starving && os::now() >= wait.look) {
      if (const Taken taken = take_from_the_dead(seen)) return taken;
      wait.look = os::now() + kLookAgain;
    }
    sleep(seen, wait);
    if (is_past(deadline)) return leave(wait);
    wait.starving = wait.starving || (wait.has_slept && os::now() >= wait.patience);
  }
}

// Without waiting.
template <class Holder>
Taken LockWord<Holder>::lock_or_bury() noexcept {
  if (try_lock()) return {.taken = true};
  return take_from_the_dead(word_.load(std::memory_order_relaxed));
}

template <class Holder>
bool LockWord<Holder>::is_for(Word seen, const Wait& wait) noexcept {
  if (!is_free(seen)) return false;
  return wait.starving || (wait.has_slept ? (seen & kStarving) == 0 : !is_kept(seen));
}

template <class Holder>
bool LockWord<Holder>::take(const Wait& wait) noexcept {
  Word seen = word_.load(std::memory_order_relaxed);
  while (is_for(seen, wait)) {
    const Word taken = Holder::self() | (seen & kStarving) | kSleepers;
    if (word_.compare_exchange_weak(seen, taken, std::memory_order_acquire, std::memory_order_relaxed)) return true;
  }
  return false;
}

// The word when a waiter has looked in vain: it is no longer one that is coming, if it ever was.
template <class Holder>
typename LockWord<Holder>::Word LockWord<Holder>::still(Word seen, const Wait& wait) noexcept {
  const bool is_its = wait.starving || (wait.has_slept && (seen & kStarving) == 0);
  return (is_its ? seen & ~kComing : seen | kNew) | kSleepers;
}

// Between processes only: takes it if its holder has died.
template <class Holder>
Taken LockWord<Holder>::take_from_the_dead(Word seen) noexcept {
  if constexpr (kScope == Scope::kShared) {
    const Word holder = seen & ~kMarks;
    if (holder == 0 || !os::has_died(holder)) return {};
    const Word ours = Holder::self() | kSleepers | (seen & kStarving);
    while (!word_.compare_exchange_weak(seen, ours, std::memory_order_acquire, std::memory_order_relaxed)) {
      if ((seen & ~kMarks) != holder) return {};
    }
    return {.taken = true, .died = static_cast<std::int32_t>(holder & (kFirstFreeBit - 1))};
  }
  return {};
}

// Sleeps unless the word is no longer as seen.
template <class Holder>
void LockWord<Holder>::sleep(Word seen, Wait& wait) noexcept {
  const Word marked = still(seen, wait) | (wait.starving ? kStarving : 0);
  if (marked != seen && !word_.compare_exchange_strong(seen, marked, std::memory_order_relaxed)) return;
  const Nanos until = kScope == Scope::kPrivate ? wait.deadline : std::min(wait.deadline, os::now() + kLookAgain);
  const os::FutexWait end = os::futex_wait(futex_of(word_), static_cast<std::uint32_t>(marked), of(kScope), until,
                                           wait.starving ? kImpatient : kPatient);
  wait.has_slept = wait.has_slept || end == os::FutexWait::kWoken || end == os::FutexWait::kTimedOut;
}

// The deadline has passed. Who finds the lock free takes it all the same: others may count on that.
template <class Holder>
Taken LockWord<Holder>::leave(Wait& wait) noexcept {
  for (;;) {
    if (take(wait)) return {.taken = true};
    Word seen = word_.load(std::memory_order_relaxed);
    if (const Taken taken = take_from_the_dead(seen)) return taken;
    if (word_.compare_exchange_weak(seen, still(seen, wait), std::memory_order_relaxed)) return {};
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
    } else if (word_.compare_exchange_weak(seen, seen & kMarks, std::memory_order_release, std::memory_order_relaxed)) {
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
    const bool some_starve = (begun & kStarving) != 0;
    if (wake(some_starve ? kImpatient : os::kAnyKind) > 0) return free_for_who_comes(begun);
    // Nobody sleeps, or nobody who starves; unless another one has come meanwhile.
    seen = begun;
    const Word none = some_starve ? begun & ~kStarving : 0;
    if (!word_.compare_exchange_strong(seen, none, std::memory_order_release, std::memory_order_relaxed)) continue;
    if (!some_starve) return true;
    seen = none;
  }
}

template <class Holder>
bool LockWord<Holder>::free_for_who_comes(Word seen) noexcept {
  while ((seen & kComing) != 0 && !is_free(seen)) {
    if (word_.compare_exchange_weak(seen, seen & kMarks, std::memory_order_release, std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

template <class Holder>
int LockWord<Holder>::wake(std::uint32_t kinds) const noexcept {
  return os::futex_wake(futex_of(word_), 1, of(kScope), kinds);
}

template class LockWord<PrivateHolder>;
template class LockWord<SharedHolder>;

}  // namespace muster::detail
