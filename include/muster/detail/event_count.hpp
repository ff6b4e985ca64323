#pragma once
// Waiting for somebody else to have done something, without a word of its own for what it was.
//
// Who waits takes seen(), looks whether there is something, and if not waits until the count has moved on. Who has done
// something rings after that. So either the look finds it, or the count has moved and the wait ends at once. Works
// between processes where it lies in shared memory.

#include <atomic>
#include <cstdint>

#include <muster/detail/wait_word.hpp>

namespace muster::detail {

template <Scope kScope>
class EventCount {
 public:
  // Whether somebody was asleep, or about to be.
  bool ring() noexcept {
    if ((word_.fetch_add(kNudge, std::memory_order_seq_cst) & kSleepers) == 0) return false;
    word_.fetch_and(~kSleepers, std::memory_order_relaxed);
    wake_all(word_, kScope);
    return true;
  }
  std::uint32_t seen() const noexcept { return word_.load(std::memory_order_seq_cst); }
  // Waits until ring() was called since `seen`; false when the deadline passed first.
  // Sleeps at once if it is not to `spin`.
  bool wait(std::uint32_t seen, Nanos deadline, bool spin = true) noexcept {
    return await_change(word_, seen, deadline, kScope, spin);
  }

 private:
  std::atomic<std::uint32_t> word_{0};
};

}  // namespace muster::detail
