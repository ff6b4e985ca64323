// The lock's state is one word, and each step below one compare-and-swap of it. Who waits compares the lower half with
// what it has seen when it falls asleep, and every change that may let somebody go on changes that half and then wakes
// all that wait: so no wake-up is lost. After the change that frees the lock nothing of it is read or written, since
// whoever has it next may destroy it; a wake is of an address only.
//
// Nobody is kept out for ever: a writer that waits stops new readers from passing it; a writer that ends admits the
// readers that wait then, and no writer gets the lock until those have had it or given up.

#include <muster/rwlock.hpp>

#include <bit>
#include <cstddef>

#include <muster/detail/halt.hpp>
#include <muster/detail/waits.hpp>

#include "os/os.hpp"
#include "parts/sync/spin.hpp"

namespace muster::threading {
namespace {

constexpr os::Nanos kSpin = 2'000;

bool is_past(detail::Nanos deadline) noexcept { return deadline != detail::kForever && deadline <= os::now(); }

// Where the kernel finds the lower half.
const std::atomic<std::uint32_t>& lower_half(const std::atomic<std::uint64_t>& state) noexcept {
  constexpr std::size_t kAt = std::endian::native == std::endian::little ? 0 : 1;
  return reinterpret_cast<const std::atomic<std::uint32_t>*>(&state)[kAt];
}

}  // namespace

void RWLock::sleep(std::uint64_t seen, detail::Nanos deadline) const noexcept {
  os::futex_wait(lower_half(state_), static_cast<std::uint32_t>(seen), os::Scope::kPrivate, deadline);
}

void RWLock::wake() const noexcept { os::futex_wake(lower_half(state_), os::kAll, os::Scope::kPrivate); }

// Counts the caller among those that wait; gives the state with it.
std::uint64_t RWLock::enrol(std::uint64_t one, std::uint64_t all) noexcept {
  std::uint64_t seen = state_.load(std::memory_order_relaxed);
  for (;;) {
    if ((seen & all) == all) {  // no room to count another: it waits for its turn to wait
      os::yield();
      seen = state_.load(std::memory_order_relaxed);
    } else if (state_.compare_exchange_weak(seen, seen + one, std::memory_order_relaxed)) {
      return seen + one;
    }
  }
}

// The turn changes only when nobody is admitted any more, so a reader that waits or is admitted sees at most one
// change.
std::uint64_t RWLock::admit_waiting(std::uint64_t state) noexcept {
  const std::uint64_t waiting = (state & kWaitingReaders) / kWaitingReader;
  if (waiting == 0) return state;
  return ((state & ~kWaitingReaders) + waiting * kAdmittedOne) ^ kTurn;
}

// ---- writing --------------------------------------------------------------------------------------------------------

bool RWLock::write_slow(detail::Nanos deadline) noexcept(!detail::kDeadlockChecked) {
  detail::halt_point();
  if (is_past(deadline)) return false;
  if (sync::spin_until([this] { return take_to_write(); }, kSpin)) return true;
  const detail::Waiting waiting(detail::WaitsFor::kWrite, this, deadline);
  std::uint64_t seen = enrol(kWaitingWriter, kWaitingWriters);
  for (;;) {
    if ((seen & (kWriter | kReaders | kAdmitted)) == 0) {
      if (state_.compare_exchange_weak(seen, (seen - kWaitingWriter) | kWriter, std::memory_order_acquire,
                                       std::memory_order_relaxed)) {
        return true;
      }
      continue;
    }
    if (is_past(deadline)) return leave_as_writer();
    sleep(seen, deadline);
    seen = state_.load(std::memory_order_relaxed);
  }
}

// The last writer that gives up lets those read that waited only because of it.
bool RWLock::leave_as_writer() noexcept {
  std::uint64_t seen = state_.load(std::memory_order_relaxed);
  for (;;) {
    const bool free = (seen & (kWriter | kReaders | kAdmitted)) == 0;
    std::uint64_t left = (seen - kWaitingWriter) | (free ? kWriter : 0);
    const bool admits = (left & (kWriter | kAdmitted | kWaitingWriters)) == 0 && (left & kWaitingReaders) != 0;
    if (admits) left = admit_waiting(left);
    if (!state_.compare_exchange_weak(seen, left, std::memory_order_acquire, std::memory_order_relaxed)) continue;
    if (admits) wake();
    return free;
  }
}

void RWLock::unlock() {
  detail::note_released(this);
  std::uint64_t seen = state_.load(std::memory_order_relaxed);
  std::uint64_t freed = 0;
  do {
    if ((seen & kWriter) == 0) throw LockError("release of a lock that nobody writes under");
    freed = admit_waiting(seen & ~kWriter);
  } while (!state_.compare_exchange_weak(seen, freed, std::memory_order_release, std::memory_order_relaxed));
  if ((freed & (kAdmitted | kWaitingWriters)) != 0) wake();
}

// ---- reading --------------------------------------------------------------------------------------------------------

bool RWLock::read_slow(detail::Nanos deadline) noexcept(!detail::kDeadlockChecked) {
  detail::halt_point();
  if (is_past(deadline)) return false;
  if (sync::spin_until([this] { return take_to_read(); }, kSpin)) return true;
  const detail::Waiting waiting(detail::WaitsFor::kRead, this, deadline);
  std::uint64_t seen = enrol(kWaitingReader, kWaitingReaders);
  const std::uint64_t turn = seen & kTurn;
  for (;;) {
    const bool admitted = (seen & kTurn) != turn;
    const bool free = (seen & kWriter) == 0 && (admitted || (seen & kWaitingWriters) == 0);
    if (free && (seen & kReaders) != kReaders) {
      const std::uint64_t taken = seen + kReader - (admitted ? kAdmittedOne : kWaitingReader);
      if (state_.compare_exchange_weak(seen, taken, std::memory_order_acquire, std::memory_order_relaxed)) return true;
      continue;
    }
    if (is_past(deadline)) return leave_as_reader(turn);
    sleep(seen, deadline);
    seen = state_.load(std::memory_order_relaxed);
  }
}

// An admitted reader that gives up may have been the last one that others wait for.
bool RWLock::leave_as_reader(std::uint64_t turn) noexcept {
  std::uint64_t seen = state_.load(std::memory_order_relaxed);
  for (;;) {
    const bool admitted = (seen & kTurn) != turn;
    const std::uint64_t left = seen - (admitted ? kAdmittedOne : kWaitingReader);
    if (!state_.compare_exchange_weak(seen, left, std::memory_order_relaxed)) continue;
    if (admitted && (left & (kWaitingReaders | kWaitingWriters)) != 0) wake();
    return false;
  }
}

void RWLock::unlock_shared() {
  detail::note_read(this);
  std::uint64_t seen = state_.load(std::memory_order_relaxed);
  do {
    if ((seen & kReaders) == 0) throw LockError("release of a lock that nobody reads under");
  } while (!state_.compare_exchange_weak(seen, seen - kReader, std::memory_order_release, std::memory_order_relaxed));
  const bool last = (seen & kReaders) == kReader || (seen & kReaders) == kReaders;
  if (last && (seen & (kWaitingReaders | kAdmitted | kWaitingWriters)) != 0) wake();
}

}  // namespace muster::threading
