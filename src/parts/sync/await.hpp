#pragma once
// The wait of muster/detail/wait_word.hpp, for any condition on the word's value.

#include <atomic>
#include <cstdint>

#include <muster/detail/wait_word.hpp>

#include "os/os.hpp"
#include "parts/sync/spin.hpp"

namespace muster::sync {

// About what a sleep and a wake-up cost: spinning longer can only lose.
inline constexpr os::Nanos kSpin = 10'000;

// Waits until `done(value)` holds of `word`; see detail::await_bits. `spin`: for so long before it sleeps.
template <class Done>
detail::Await await(std::atomic<std::uint32_t>& word, Done done, os::Nanos deadline, os::Scope scope,
                    os::Nanos spin = kSpin) {
  using detail::Await;
  const auto ready = [&] { return done(word.load(std::memory_order_acquire)); };
  if (ready()) return Await::kReady;
  if (deadline != os::kForever && deadline <= os::now()) return Await::kTimedOut;
  if (spin > 0 && spin_until(ready, spin)) return Await::kReady;
  for (;;) {
    std::uint32_t value = word.load(std::memory_order_acquire);
    if (done(value)) return Await::kReady;
    if ((value & detail::kSleepers) == 0 &&
        !word.compare_exchange_weak(value, value | detail::kSleepers, std::memory_order_relaxed,
                                    std::memory_order_relaxed)) {
      continue;
    }
    const os::FutexWait end = os::futex_wait(word, value | detail::kSleepers, scope, deadline);
    if (end == os::FutexWait::kTimedOut) return ready() ? Await::kReady : Await::kTimedOut;
  }
}

}  // namespace muster::sync
