#pragma once
// How long it pays to spin before a sleep, learned from the sleeps that were. What a wake-up takes differs by a hundred
// times from one machine to the next: 3 us where the CPU is awake, 100 us where a virtual one has to be woken first.
// Who was wanted again within the time that sleeping cost spins longer next time; whoever slept for long did well to
// sleep. Then a wait costs at most about twice what the best choice would have cost (Karlin, Li, Manasse, Owicki:
// Empirical studies of competitive spinning for a shared-memory multiprocessor, 1991), and two who answer each other at
// once do not fall into sleeps that are longer than any spin, each because of the other's.

#include <algorithm>

#include "os/os.hpp"
#include "parts/sync/await.hpp"

namespace muster::sync {

// Of one waiter; used by one thread at a time.
class SpinBudget {
 public:
  static constexpr os::Nanos kMost = 200'000;  // (KVM's guests poll as long before they halt)

  os::Nanos nanos() const noexcept { return nanos_; }
  // The waiter slept, after it had spun in vain or at once. It was called `wait` after it had begun to wait, and was
  // awake `latency` after that.
  void learn(os::Nanos wait, os::Nanos latency) noexcept {
    const os::Nanos cost = std::clamp(2 * latency, kSpin, kMost);  // its own, and that of who has to wake it
    nanos_ = wait < cost ? std::clamp(2 * wait, kSpin, cost) : kSpin;
  }

 private:
  os::Nanos nanos_ = kSpin;
};

}  // namespace muster::sync
