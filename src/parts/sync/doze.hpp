#pragma once
// The sleep of one thread until another process has done something for it, in memory that both see.
//
// Who wakes does the thing, and then looks whether the other sleeps; who sleeps says so, and then looks whether there
// is something. All four in sequential consistency, the thing done and the look at it, too: so the sleeper finds the
// thing, or the waker finds the sleeper. Then the word changes before the sleeper is called, and the system compares it
// before it lets anybody sleep. `doze.pml` is the model. As long as nobody sleeps the word is only read, so its cache
// line stays where it is: that is what EventCount cannot do.

#include <atomic>
#include <cstdint>

#include "os/os.hpp"
#include "parts/sync/await.hpp"

namespace muster::sync {

class Doze {
 public:
  // Whether the other was asleep, or about to be.
  bool wake() noexcept {
    if (asleep_.load(std::memory_order_seq_cst) == 0) return false;
    called_at_.store(os::now(), std::memory_order_relaxed);
    if (asleep_.exchange(0, std::memory_order_seq_cst) == 0) return false;
    os::futex_wake(asleep_, os::kAll, os::Scope::kShared);
    return true;
  }

  // When it was called last, by the monotonic clock.
  os::Nanos called_at() const noexcept { return called_at_.load(std::memory_order_relaxed); }

  // Returns when `ready()` holds: of something that is done by others and read in sequential consistency.
  template <class Ready>
  void sleep_until(const Ready& ready) noexcept {
    for (;;) {
      asleep_.store(1, std::memory_order_seq_cst);
      if (ready()) break;
      os::futex_wait(asleep_, 1, os::Scope::kShared);
    }
    asleep_.store(0, std::memory_order_relaxed);
  }

  // The same, after a spin.
  template <class Ready>
  void wait_until(const Ready& ready) noexcept {
    if (!spin_until(ready, kSpin)) sleep_until(ready);
  }

 private:
  std::atomic<std::uint32_t> asleep_{0};
  std::atomic<os::Nanos> called_at_{0};
};

}  // namespace muster::sync
