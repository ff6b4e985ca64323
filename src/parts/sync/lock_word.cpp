#include <muster/detail/lock_word.hpp>

#include "os/os.hpp"
#include "parts/sync/spin.hpp"

namespace muster::detail {
namespace {

// A section worth a lock of this kind is shorter than this.
constexpr Nanos kSpin = 2'000;

}  // namespace

template <Scope kScope>
bool LockWord<kScope>::lock_slow(Nanos deadline) noexcept {
  const auto taken = [&] { return word_.load(std::memory_order_relaxed) == 0 && try_lock(); };
  if (sync::spin_until(taken, kSpin)) return true;
  // From here on the lock is taken as kHeld|kSleepers: we cannot know whether others sleep behind us, and if they do,
  // our unlock has to wake them.
  constexpr os::Scope kOs = kScope == Scope::kPrivate ? os::Scope::kPrivate : os::Scope::kShared;
  while (word_.exchange(kHeld | kSleepers, std::memory_order_acquire) != 0) {
    if (os::futex_wait(word_, kHeld | kSleepers, kOs, deadline) == os::FutexWait::kTimedOut) {
      return word_.exchange(kHeld | kSleepers, std::memory_order_acquire) == 0;
    }
  }
  return true;
}

template class LockWord<Scope::kPrivate>;
template class LockWord<Scope::kShared>;

}  // namespace muster::detail
