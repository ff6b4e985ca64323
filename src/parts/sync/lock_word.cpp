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
// 2. A word without a holder is 0, or kept for the starving (kStarving), of whom then one is awake.
// 3. Who sleeps has marked the word before: with kSleepers, so that the unlock wakes one sleeper; the starving with
//    kStarving, too. What it compares the word with when it falls asleep has those marks; so an unlock in between changes
//    the word, and the sleeper looks again. Who takes the lock after it has waited puts kSleepers back, and so does who
//    leaves without it: the wake-up that they had may have been the only one.
// 4. The starving get the lock in front of all others: an unlock that sees kStarving sets kComing and wakes one of them
//    while it still has the lock, and then frees the word with kStarving. One that was woken so may find the lock still
//    held and go back to sleep, or leave: it clears kComing first, and the unlock begins anew. If it finds none asleep
//    kStarving is out of date, and goes.
// 5. Who is killed on its way to the lock may take a wake-up with it. No sleep of a patient one is longer than its
//    patience, and then it starves, and may take the lock however it is marked; none of a starving one between
//    processes is longer than kLook.

namespace muster::detail {
namespace {

// A section worth a lock of this kind is shorter than this.
constexpr Nanos kSpin = 2'000;
// Who was passed over for so long gets the lock next.
constexpr Nanos kPatience = 1'000'000;
// How often a sleeper looks whether the process that has the lock is alive.
constexpr Nanos kLook = 50'000'000;

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
  constexpr std::size_t kLast = sizeof(Word) / sizeof(std::uint32_t) - 1;
  constexpr std::size_t kAt = std::endian::native == std::endian::little ? 0 : kLast;
  return reinterpret_cast<const std::atomic<std::uint32_t>*>(&word)[kAt];
}

}  // namespace

std::uint64_t process_mark() noexcept { return os::process_mark(); }

// One attempt to take the lock, from the first sleep on.
template <class Holder>
struct LockWord<Holder>::Wait {
  Nanos deadline;
  Nanos patience = os::now() + kPatience;
  Nanos look = patience;  // whether the holder is alive
  bool starving = false;
};

template <class Holder>
Taken LockWord<Holder>::lock_slow(Nanos deadline) noexcept {
  if (is_past(deadline)) return lock_or_bury();
  // A look before the attempt: an attempt that fails costs the holder time, too.
  const auto is_taken = [this] { return word_.load(std::memory_order_relaxed) == 0 && try_lock(); };
  if (sync::spin_until(is_taken, kSpin)) return {.taken = true};
  Wait wait{.deadline = deadline};
  for (;;) {
    Word seen = word_.load(std::memory_order_relaxed);
    if (take(seen, wait)) return {.taken = true};
    if (wait.starving && os::now() >= wait.look) {
      if (const Taken taken = take_from_the_dead(seen)) return taken;
      wait.look = os::now() + kLook;
    }
    sleep(seen, wait);
    if (is_past(deadline)) return leave(wait);
    wait.starving = wait.starving || os::now() >= wait.patience;
  }
}

// Without waiting.
template <class Holder>
Taken LockWord<Holder>::lock_or_bury() noexcept {
  if (try_lock()) return {.taken = true};
  return take_from_the_dead(word_.load(std::memory_order_relaxed));
}

template <class Holder>
bool LockWord<Holder>::take(Word& seen, const Wait& wait) noexcept {
  while (is_free(seen) && (wait.starving || (seen & kStarving) == 0)) {
    const Word taken = Holder::self() | kSleepers | (seen & kStarving);
    if (word_.compare_exchange_weak(seen, taken, std::memory_order_acquire, std::memory_order_relaxed)) return true;
  }
  return false;
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
  const Word marked = wait.starving ? (seen | kSleepers | kStarving) & ~kComing : seen | kSleepers;
  if (marked != seen && !word_.compare_exchange_strong(seen, marked, std::memory_order_relaxed)) return;
  Nanos until = std::min(wait.deadline, wait.starving ? kForever : wait.patience);
  if (kScope == Scope::kShared && wait.starving) until = std::min(until, wait.look);
  os::futex_wait(futex_of(word_), static_cast<std::uint32_t>(marked), of(kScope), until,
                 wait.starving ? kImpatient : kPatient);
}

// The deadline has passed. Who finds the lock free takes it all the same: others may count on that.
template <class Holder>
Taken LockWord<Holder>::leave(Wait& wait) noexcept {
  Word seen = word_.load(std::memory_order_relaxed);
  for (;;) {
    if (take(seen, wait)) return {.taken = true};
    if (const Taken taken = take_from_the_dead(seen)) return taken;
    const Word left = wait.starving ? (seen | kSleepers) & ~kComing : seen | kSleepers;
    if (word_.compare_exchange_weak(seen, left, std::memory_order_relaxed)) return {};
  }
}

template <class Holder>
bool LockWord<Holder>::unlock_slow(Word seen) noexcept {
  for (;;) {
    if (is_free(seen)) return false;
    if ((seen & kStarving) != 0) {
      if (hand_over(seen)) return true;
      seen = word_.load(std::memory_order_relaxed);
    } else if (word_.compare_exchange_weak(seen, 0, std::memory_order_release, std::memory_order_relaxed)) {
      if ((seen & kSleepers) != 0) wake(os::kAnyKind);
      return true;
    }
  }
}

// Frees the word for a starving one that it wakes, or, where none is asleep, for all. False when the word has changed
// meanwhile. After the change that frees it nothing of the lock is read or written: who has it next may destroy it.
template <class Holder>
bool LockWord<Holder>::hand_over(Word seen) noexcept {
  if (!word_.compare_exchange_strong(seen, seen | kComing, std::memory_order_relaxed)) return false;
  seen |= kComing;
  const bool is_coming = wake(kImpatient) > 0;
  const Word freed = is_coming ? kSleepers | kStarving : 0;
  while (!word_.compare_exchange_weak(seen, freed, std::memory_order_release, std::memory_order_relaxed)) {
    if (is_free(seen) || (seen & kComing) == 0) return false;
  }
  if (!is_coming) wake(os::kAnyKind);
  return true;
}

template <class Holder>
int LockWord<Holder>::wake(std::uint32_t kinds) const noexcept {
  return os::futex_wake(futex_of(word_), 1, of(kScope), kinds);
}

template class LockWord<PrivateHolder>;
template class LockWord<SharedHolder>;

}  // namespace muster::detail
