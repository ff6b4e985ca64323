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
  // Lets all who wait go on, and all who come until clear().
  void set() noexcept {
    if ((word_.exchange(kSet, std::memory_order_acq_rel) & kSleepers) != 0) {
      wake_all(word_, kScope);
    }
  }
  void clear() noexcept { word_.fetch_and(~kSet, std::memory_order_acq_rel); }
  // Waits until the flag is set; false when `timeout` passed first.
  bool wait(Duration timeout = {}) {
    return await_flag(word_, kSet, timeout.deadline(), WaitsFor::kEvent, this, kScope);
  }

 private:
  static constexpr std::uint32_t kSet = 1;
  std::atomic<std::uint32_t> word_{0};
};

}  // namespace muster::detail
