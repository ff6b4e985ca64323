#include <muster/detail/basic_semaphore.hpp>

#include <algorithm>
#include <climits>
#include <string>

#include <muster/detail/halt.hpp>
#include <muster/detail/waits.hpp>

#include "api/interrupt.hpp"
#include "os/os.hpp"
#include "parts/sync/spin.hpp"

namespace muster::detail {
namespace {

// About what a sleep and a wake-up cost.
constexpr os::Nanos kSpin = 5'000;

constexpr os::Scope of(Scope scope) noexcept {
  return scope == Scope::kPrivate ? os::Scope::kPrivate : os::Scope::kShared;
}

}  // namespace

template <Scope kScope>
std::uint32_t BasicSemaphore<kScope>::checked(int number, int least, const char* what) {
  if (number < least) {
    throw ValueError(std::string(what) + " must be at least " + std::to_string(least) + ", and is " +
                     std::to_string(number));
  }
  return static_cast<std::uint32_t>(number);
}

// The mark goes with the first release: those that it wakes will put it back. Until then, others give permits and wake
// nobody: who takes one with the mark passes on what it leaves (take_and_mark).
template <Scope kScope>
void BasicSemaphore<kScope>::give(std::uint32_t n, std::uint32_t most) {
  std::uint32_t seen = word_.load(std::memory_order_relaxed);
  do {
    if (n > most || (seen & kPermits) > most - n) throw LockError("a semaphore is released more often than it may be");
  } while (
      !word_.compare_exchange_weak(seen, (seen & kPermits) + n, std::memory_order_release, std::memory_order_relaxed));
  // Nothing of the semaphore is read from here on: who has the permit may have destroyed it.
  if ((seen & kMark) != 0) os::futex_wake(word_, static_cast<int>(std::min<std::uint32_t>(n, INT_MAX)), of(kScope));
}

// Nothing of the semaphore is read after the permit is taken, as above.
template <Scope kScope>
bool BasicSemaphore<kScope>::take_and_mark() noexcept {
  std::uint32_t seen = word_.load(std::memory_order_relaxed);
  while ((seen & kPermits) > 0) {
    if (word_.compare_exchange_weak(seen, (seen - 1) | kMark, std::memory_order_acquire, std::memory_order_relaxed)) {
      if ((seen & kPermits) > 1) os::futex_wake(word_, 1, of(kScope));
      return true;
    }
  }
  return false;
}

template <Scope kScope>
bool BasicSemaphore<kScope>::acquire_slow(Nanos deadline) {
  halt_point();
  if (deadline != kForever && deadline <= os::now()) return false;
  if (sync::spin_until([this] { return take(); }, kSpin)) return true;
  const detail::Waiting waiting(detail::WaitsFor::kSemaphore, this, deadline);
  return api::interruptibly(deadline, [this](Nanos until) { return await_permit(until); });
}

// Who leaves without a permit leaves the mark, too: it may have been woken instead of another.
template <Scope kScope>
bool BasicSemaphore<kScope>::await_permit(Nanos deadline) noexcept {
  for (;;) {
    word_.fetch_or(kMark, std::memory_order_relaxed);
    if (take_and_mark()) return true;
    if (deadline != kForever && deadline <= os::now()) return false;
    // Between processes one that was woken may die before it has put the mark back.
    os::futex_wait(word_, kMark, of(kScope),
                   kScope == Scope::kShared ? std::min(deadline, os::now() + kLookAgain) : deadline);
  }
}

template class BasicSemaphore<Scope::kPrivate>;
template class BasicSemaphore<Scope::kShared>;

}  // namespace muster::detail
