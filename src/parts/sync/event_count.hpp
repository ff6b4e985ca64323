#pragma once
// Waiting for somebody else to have done something, without a word of its own for what it was.
//
// Who waits takes seen(), looks whether there is something, and if not waits until the count has moved on. Who has done
// something rings after that. So either the look finds it, or the count has moved and the wait ends at once. Works
// between processes where it lies in shared memory.

#include <atomic>
#include <cstdint>

#include "parts/sync/await.hpp"

namespace muster::sync {

template <detail::Scope kScope>
class EventCount {
 public:
  void ring() noexcept {
    if ((word_.fetch_add(detail::kNudge, std::memory_order_seq_cst) & detail::kSleepers) == 0) return;
    word_.fetch_and(~detail::kSleepers, std::memory_order_relaxed);
    wake_all(word_, kScope);
  }
  std::uint32_t seen() const noexcept { return word_.load(std::memory_order_seq_cst); }
  // Waits until ring() was called since `seen`; false when the deadline passed first.
  bool wait(std::uint32_t seen, os::Nanos deadline) noexcept {
    const auto changed = [seen](std::uint32_t value) { return ((value ^ seen) & ~detail::kSleepers) != 0; };
    const auto scope = kScope == detail::Scope::kShared ? os::Scope::kShared : os::Scope::kPrivate;
    return await(word_, changed, deadline, scope) == detail::Await::kReady;
  }

 private:
  std::atomic<std::uint32_t> word_{0};
};

}  // namespace muster::sync
