#include <muster/semaphore.hpp>

#include <algorithm>
#include <climits>

#include <muster/detail/halt.hpp>
#include <muster/detail/waits.hpp>

#include "os/os.hpp"
#include "parts/sync/spin.hpp"

namespace muster::threading {

namespace {

// About what a sleep and a wake-up cost.
constexpr os::Nanos kSpin = 5'000;

}  // namespace

std::uint32_t Semaphore::checked(int number, int least, const char* what) {
  if (number < least) {
    throw ValueError(std::string(what) + " must be at least " + std::to_string(least) + ", and is " +
                     std::to_string(number));
  }
  return static_cast<std::uint32_t>(number);
}

// The mark goes with the first release: as many as it wakes will put it back.
void Semaphore::give(std::uint32_t n, std::uint32_t most) {
  std::uint32_t seen = word_.load(std::memory_order_relaxed);
  do {
    if (n > most || (seen & kPermits) > most - n) throw LockError("a semaphore is released more often than it may be");
  } while (
      !word_.compare_exchange_weak(seen, (seen & kPermits) + n, std::memory_order_release, std::memory_order_relaxed));
  // Nothing of the semaphore is read from here on: who has the permit may have destroyed it.
  if ((seen & kMark) != 0)
    os::futex_wake(word_, static_cast<int>(std::min<std::uint32_t>(n, INT_MAX)), os::Scope::kPrivate);
}

bool Semaphore::take_and_mark() noexcept {
  std::uint32_t seen = word_.load(std::memory_order_relaxed);
  while ((seen & kPermits) > 0) {
    if (word_.compare_exchange_weak(seen, (seen - 1) | kMark, std::memory_order_acquire, std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

// Who leaves without a permit leaves the mark, too: it may have been woken instead of another.
bool Semaphore::acquire_slow(detail::Nanos deadline) noexcept {
  detail::halt_point();
  if (deadline != detail::kForever && deadline <= os::now()) return false;
  if (sync::spin_until([this] { return take(); }, kSpin)) return true;
  const detail::Waiting waiting(detail::WaitsFor::kSemaphore, this, deadline);
  for (;;) {
    word_.fetch_or(kMark, std::memory_order_relaxed);
    if (take_and_mark()) return true;
    if (deadline != detail::kForever && deadline <= os::now()) return false;
    os::futex_wait(word_, kMark, os::Scope::kPrivate, deadline);
  }
}

}  // namespace muster::threading
