// The lock's state is one word, and each step below one compare-and-swap of it. After the change that frees the lock
// nothing of it is read or written, since whoever has it next may destroy it; a wake is of an address only.
//
// Invariants, checked by rwlock.pml:
//
// 1. Readers that wait do so because of a writer, or because of one that starves. A writer that ends makes readers of
//    all that wait, whether they are awake yet or not, and changes the turn, by which they know. The turn changes no
//    second time before each of them has seen it: until then they keep the writers out.
// 2. While the lock is free and there are writers that wait, one of them is awake, or will be: if some starve, whoever
//    freed the lock has woken a starving one; else it has woken one, or it saw kComing. A waiter takes kComing away
//    only when it takes the lock, or has seen it held and is about to sleep or to leave; and what it compares when it
//    falls asleep is the state without kComing. So whoever frees the lock in between changes what is compared, and the
//    waiter does not sleep but looks again.
// 3. Who leaves without the lock leaves it held, or a starving writer to come. If it was the last that starved, it
//    wakes the readers that waited because of it. (It does not make readers of them: the turn would change too early.)
//
// Nobody is kept out for ever: while a writer starves, no new reader and no other writer takes the lock, and the
// starving are woken in the order in which they fell asleep. A reader that waits has the lock when the next writer
// ends.

#include <muster/rwlock.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>

#include <muster/detail/halt.hpp>
#include <muster/detail/waits.hpp>

#include "api/interrupt.hpp"
#include "os/os.hpp"
#include "parts/sync/spin.hpp"

namespace muster::threading {
namespace {

constexpr os::Nanos kSpin = 2'000;
// A writer that was passed over for so long gets the lock next.
constexpr os::Nanos kPatience = 1'000'000;

// Kinds of sleepers.
constexpr std::uint32_t kPatient = 1;
constexpr std::uint32_t kImpatient = 2;
constexpr std::uint32_t kReadersOfOneTurn = 4;
constexpr std::uint32_t kReadersOfTheOther = 8;

std::uint32_t kind_of_reader(std::uint64_t turn) noexcept { return turn == 0 ? kReadersOfOneTurn : kReadersOfTheOther; }

bool is_past(detail::Nanos deadline) noexcept { return deadline != detail::kForever && deadline <= os::now(); }

// Where the kernel finds the lower half.
const std::atomic<std::uint32_t>& lower_half(const std::atomic<std::uint64_t>& state) noexcept {
  constexpr std::size_t kAt = std::endian::native == std::endian::little ? 0 : 1;
  return reinterpret_cast<const std::atomic<std::uint32_t>*>(&state)[kAt];
}

void sleep(const std::atomic<std::uint64_t>& state, std::uint64_t seen, std::uint32_t kind, os::Nanos until) noexcept {
  os::futex_wait(lower_half(state), static_cast<std::uint32_t>(seen), os::Scope::kPrivate, until, kind);
}

}  // namespace

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

// ---- handing on -----------------------------------------------------------------------------------------------------

// What a state that nobody holds any more becomes in the same step.
std::uint64_t RWLock::pass_on(std::uint64_t freed) noexcept {
  const std::uint64_t waiting = (freed & kWaitingReaders) / kWaitingReader;
  if (waiting != 0) return ((freed & ~kWaitingReaders) + waiting * kReader) ^ kTurn;
  return (freed & kWaitingWriters) != 0 ? freed | kComing : freed;
}

// Wakes whom a writer waits for that ended in the state `seen`.
void RWLock::wake_next(std::uint64_t seen) const noexcept {
  if ((seen & kStarvingWriters) != 0) {
    os::futex_wake(lower_half(state_), 1, os::Scope::kPrivate, kImpatient);
  } else if ((seen & kWaitingWriters) != 0 && (seen & kComing) == 0) {
    os::futex_wake(lower_half(state_), 1, os::Scope::kPrivate, kPatient);
  }
}

void RWLock::wake_readers(std::uint64_t turn) const noexcept {
  os::futex_wake(lower_half(state_), os::kAll, os::Scope::kPrivate, kind_of_reader(turn));
}

// ---- writing --------------------------------------------------------------------------------------------------------

// Whether the lock is free for a waiting writer who has this share of the state.
bool RWLock::is_for_writer(std::uint64_t seen, std::uint64_t share) noexcept {
  return (seen & kHeld) == 0 && ((seen & kStarvingWriters) == 0 || (share & kStarvingWriters) != 0);
}

bool RWLock::write_slow(detail::Nanos deadline) {
  detail::halt_point();
  if (is_past(deadline)) return false;
  if (sync::spin_until([this] { return take_to_write(); }, kSpin)) return true;
  const detail::Waiting waiting(detail::WaitsFor::kWrite, this, deadline);
  return api::interruptibly(deadline, [this](detail::Nanos until) { return await_as_writer(until); });
}

bool RWLock::await_as_writer(detail::Nanos deadline) noexcept {
  std::uint64_t share = kWaitingWriter;
  std::uint64_t seen = enrol(kWaitingWriter, kWaitingWriters);
  const os::Nanos patience = os::now() + kPatience;
  for (;;) {
    const bool starving = (share & kStarvingWriters) != 0;
    if (is_for_writer(seen, share)) {
      const std::uint64_t taken = ((seen - share) | kWriter) & ~kComing;
      if (state_.compare_exchange_weak(seen, taken, std::memory_order_acquire, std::memory_order_relaxed)) return true;
    } else if (is_past(deadline)) {
      return leave_as_writer(share);
    } else if (!starving && is_past(patience)) {
      if (!state_.compare_exchange_weak(seen, seen + kStarvingWriter, std::memory_order_relaxed)) continue;
      share += kStarvingWriter;
      seen += kStarvingWriter;
    } else {
      sleep_as_writer(seen, share, starving ? deadline : std::min(deadline, patience));
      seen = state_.load(std::memory_order_relaxed);
    }
  }
}

void RWLock::sleep_as_writer(std::uint64_t seen, std::uint64_t share, detail::Nanos until) noexcept {
  if ((seen & kHeld) != 0 && (seen & kComing) != 0) {
    if (!state_.compare_exchange_weak(seen, seen & ~kComing, std::memory_order_relaxed)) return;
    seen &= ~kComing;
  }
  sleep(state_, seen, (share & kStarvingWriters) != 0 ? kImpatient : kPatient, until);
}

// Who finds the lock free takes it all the same: others may count on that.
bool RWLock::leave_as_writer(std::uint64_t share) noexcept {
  std::uint64_t seen = state_.load(std::memory_order_relaxed);
  std::uint64_t left = 0;
  bool take = false;
  do {
    take = is_for_writer(seen, share);
    left = (seen - share) | (take ? kWriter : 0);
    if ((left & kHeld) != 0) left &= ~kComing;
  } while (!state_.compare_exchange_weak(seen, left, std::memory_order_acquire, std::memory_order_relaxed));
  const bool bars = (left & (kWriter | kStarvingWriters)) != 0;
  const bool barred = (seen & kStarvingWriters) != 0;
  if (barred && !bars && (left & kWaitingReaders) != 0) wake_readers(left & kTurn);
  return take;
}

void RWLock::unlock() {
  detail::note_released(this);
  std::uint64_t seen = state_.load(std::memory_order_relaxed);
  do {
    if ((seen & kWriter) == 0) throw LockError("release of a lock that nobody writes under");
  } while (!state_.compare_exchange_weak(seen, pass_on(seen & ~kWriter), std::memory_order_release,
                                         std::memory_order_relaxed));
  if ((seen & kWaitingReaders) != 0) {
    wake_readers(seen & kTurn);
  } else {
    wake_next(seen);
  }
}

// ---- reading --------------------------------------------------------------------------------------------------------

bool RWLock::read_slow(detail::Nanos deadline) {
  detail::halt_point();
  if (is_past(deadline)) return false;
  if (sync::spin_until([this] { return take_to_read(); }, kSpin)) return true;
  const detail::Waiting waiting(detail::WaitsFor::kRead, this, deadline);
  return api::interruptibly(deadline, [this](detail::Nanos until) { return await_as_reader(until); });
}

bool RWLock::await_as_reader(detail::Nanos deadline) noexcept {
  std::uint64_t seen = enrol(kWaitingReader, kWaitingReaders);
  const std::uint64_t turn = seen & kTurn;
  for (;;) {
    if ((seen & kTurn) != turn) return true;
    if ((seen & (kWriter | kStarvingWriters)) == 0 && (seen & kReaders) != kReaders) {
      const std::uint64_t taken = seen + kReader - kWaitingReader;
      if (state_.compare_exchange_weak(seen, taken, std::memory_order_acquire)) return true;
      continue;
    }
    if (is_past(deadline)) return leave_as_reader(turn);
    sleep(state_, seen, kind_of_reader(turn), deadline);
    seen = state_.load(std::memory_order_acquire);  // it may be a reader already
  }
}

bool RWLock::leave_as_reader(std::uint64_t turn) noexcept {
  std::uint64_t seen = state_.load(std::memory_order_acquire);
  while ((seen & kTurn) == turn) {
    if (state_.compare_exchange_weak(seen, seen - kWaitingReader, std::memory_order_acquire)) return false;
  }
  return true;
}

void RWLock::unlock_shared() {
  detail::note_read(this);
  std::uint64_t seen = state_.load(std::memory_order_relaxed);
  bool last = false;
  std::uint64_t left = 0;
  do {
    if ((seen & kReaders) == 0) throw LockError("release of a lock that nobody reads under");
    last = (seen & kReaders) == kReader;
    left = seen - kReader;
    if (last && (left & kWaitingWriters) != 0) left |= kComing;
  } while (!state_.compare_exchange_weak(seen, left, std::memory_order_release, std::memory_order_relaxed));
  if (last) wake_next(seen);
}

}  // namespace muster::threading
