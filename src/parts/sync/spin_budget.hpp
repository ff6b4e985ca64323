#pragma once
// How long it pays to spin before a sleep, learned from the sleeps that were. What a wake-up takes differs by a hundred
// times from one machine to the next: 5 us where the CPU is awake, 100 us where a virtual one has to be woken first. So
// whoever was woken soon after it fell asleep spins longer next time; whoever slept for long did well to sleep. Then a
// wait costs at most twice what the best choice would have cost (Karlin, Li, Manasse, Owicki: Empirical studies of
// competitive spinning for a shared-memory multiprocessor, 1991), and two who answer each other at once do not fall
// into sleeps that are longer than any spin, each because of the other's.

#include <algorithm>

#include "os/os.hpp"
#include "parts/sync/await.hpp"

namespace muster::sync {

// Of one waiter; used by one thread at a time.
class SpinBudget {
 public:
  // What no sleep should cost: who is not awake by then has other reasons. (KVM's guests poll as long before they
  // halt.)
  static constexpr os::Nanos kMost = 200'000;

  os::Nanos nanos() const noexcept { return nanos_; }
  // The waiter slept, after it had spun so long in vain or at once, and was woken `wait` after it had begun to wait.
  void learn(os::Nanos wait) noexcept { nanos_ = wait < kMost ? std::clamp(2 * wait, kSpin, kMost) : kSpin; }

 private:
  os::Nanos nanos_ = kSpin;
};

}  // namespace muster::sync
