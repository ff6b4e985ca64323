#pragma once
// A flag that threads wait for. Python's threading.Event.

#include <atomic>

#include <muster/detail/halt.hpp>
#include <muster/detail/wait_word.hpp>
#include <muster/duration.hpp>

namespace muster::threading {

// 4 bytes. What was written before set() is visible to whoever wait() has told so.
class Event {
 public:
  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  bool is_set() const noexcept { return (word_.load(std::memory_order_acquire) & kSet) != 0; }
  // Lets all who wait go on, and all who come until clear().
  void set() noexcept {
    if ((word_.exchange(kSet, std::memory_order_acq_rel) & detail::kSleepers) != 0) {
      detail::wake_all(word_, detail::Scope::kPrivate);
    }
  }
  void clear() noexcept { word_.fetch_and(~kSet, std::memory_order_acq_rel); }
  // Waits until the flag is set; false when `timeout` passed first.
  bool wait(Duration timeout = {}) {
    return detail::await_flag(word_, kSet, timeout.deadline(), detail::WaitsFor::kEvent, this);
  }

 private:
  static constexpr std::uint32_t kSet = 1;
  std::atomic<std::uint32_t> word_{0};
};

}  // namespace muster::threading
