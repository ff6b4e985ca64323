#pragma once
// Event, for the threads of a process and between processes.

#include <atomic>
#include <cstdint>

#include <muster/detail/halt.hpp>
#include <muster/detail/wait_word.hpp>
#include <muster/duration.hpp>

namespace muster::detail {

// What was written before set() is visible to whoever wait() has told so.
template <Scope kScope>
class BasicEvent {
 public:
  BasicEvent() = default;
  BasicEvent(const BasicEvent&) = delete;
  BasicEvent& operator=(const BasicEvent&) = delete;

  bool is_set() const noexcept { return (word_.load(std::memory_order_acquire) & kSet) != 0; }
  // Lets all who wait go on, even if clear() follows at once, and all who come until clear().
  void set() noexcept {
    std::uint32_t value = word_.load(std::memory_order_relaxed);
    while (!word_.compare_exchange_weak(value, (value | kSet) & ~kSleepers, std::memory_order_acq_rel,
                                        std::memory_order_relaxed)) {
    }
    if ((value & kSleepers) != 0) wake_all(word_, kScope);
  }
  void clear() noexcept {
    std::uint32_t value = word_.load(std::memory_order_relaxed);
    while ((value & kSet) != 0 &&
           !word_.compare_exchange_weak(value, cleared(value), std::memory_order_acq_rel, std::memory_order_relaxed)) {
    }
  }
  // Waits until the flag is set; false when `timeout` passed first.
  bool wait(Duration timeout = {}) {
    halt_point();
    const std::uint32_t seen = word_.load(std::memory_order_acquire);
    return (seen & kSet) != 0 || await_other(word_, seen, timeout.deadline(), WaitsFor::kEvent, this, kScope);
  }

 private:
  // The word: whether the flag is set, whether someone may sleep, and in all other bits how often it has been cleared.
  // Who waits saw it clear, and goes on when it differs: it is set now, or has been since. Only a waiter that does not
  // run while the flag is set and cleared 2^30 times, or a multiple of it, would not notice.
  static constexpr std::uint32_t kSet = 1;
  static constexpr std::uint32_t kOneClear = 2;
  // Nobody sleeps while the flag is set: who set it has woken all, or is about to. Counts across the sleepers' bit.
  static constexpr std::uint32_t cleared(std::uint32_t value) noexcept {
    return (((value & ~kSet) | kSleepers) + kOneClear) & ~kSleepers;
  }

  std::atomic<std::uint32_t> word_{0};
};

}  // namespace muster::detail
