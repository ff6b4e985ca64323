#pragma once
// A lock that its holder may take again. Python's threading.RLock.

#include <atomic>
#include <chrono>
#include <cstdint>

#include <muster/detail/halt.hpp>
#include <muster/detail/lock_word.hpp>
#include <muster/detail/thread_id.hpp>
#include <muster/detail/waits.hpp>
#include <muster/duration.hpp>
#include <muster/error.hpp>

namespace muster::threading {

// Held by a thread, as often as it has taken it; only that thread may release it. 8 bytes. A standard Lockable and
// TimedLockable, too. As fair as Lock.
class RLock {
 public:
  RLock() = default;
  RLock(const RLock&) = delete;
  RLock& operator=(const RLock&) = delete;
#ifdef MUSTER_DEADLOCK
  ~RLock() { detail::note_gone(this); }
#endif

  // Waits for the lock unless this thread holds it. With `blocking` false, or after `timeout`, it gives up; says
  // whether it got it.
  bool acquire(bool blocking = true) {
    if (!blocking) return try_lock();
    lock();
    return true;
  }
  bool acquire(Duration timeout) {
    if (try_lock()) return true;
    if (!detail::lock_or_halt(word_, timeout.deadline(), detail::WaitsFor::kRLock)) return false;
    own();
    return true;
  }
  // Throws LockError when this thread does not hold the lock.
  void release() {
    const std::uint32_t holder = holder_.load(std::memory_order_relaxed);
    if (holder == first_of(detail::thread_id())) {
      detail::note_released(this);
      holder_.store(0, std::memory_order_relaxed);
      word_.unlock();
    } else {
      release_one(holder);
    }
  }
  // Whether somebody holds it, as of a moment ago.
  bool locked() const noexcept { return word_.locked(); }
  // Whether this thread does.
  bool owned() const noexcept { return is_by(holder_.load(std::memory_order_relaxed), detail::thread_id()); }

  void lock() {
    if (try_lock()) return;
    detail::lock_or_halt(word_, detail::kForever, detail::WaitsFor::kRLock);
    own();
  }
  bool try_lock() {
    if (again()) return true;
    if (!word_.try_lock()) return false;
    own();
    return true;
  }
  template <class Rep, class Period>
  bool try_lock_for(std::chrono::duration<Rep, Period> timeout) {
    return acquire(Duration(timeout));
  }
  template <class Clock, class Length>
  bool try_lock_until(std::chrono::time_point<Clock, Length> deadline) {
    return acquire(Duration(deadline - Clock::now()));
  }
  void unlock() { release(); }

 private:
  friend class Condition;

  // holder_: the thread that holds the lock, and how often. Only that thread ever finds its own id there, so it need
  // not be more than relaxed. What the depth's bits cannot count is kept by the thread (lock.cpp).
  static constexpr std::uint32_t kDepthBits = 10;
  static constexpr std::uint32_t kMostDepth = (1U << kDepthBits) - 1;
  static constexpr std::uint32_t first_of(std::uint32_t thread) noexcept { return thread << kDepthBits | 1U; }
  static constexpr bool is_by(std::uint32_t holder, std::uint32_t thread) noexcept {
    return holder >> kDepthBits == thread;
  }

  // Takes it once more if this thread holds it.
  bool again() {
    const std::uint32_t holder = holder_.load(std::memory_order_relaxed);
    if (!is_by(holder, detail::thread_id())) return false;
    if ((holder & kMostDepth) == kMostDepth) {
      add_depth(1);
    } else {
      holder_.store(holder + 1, std::memory_order_relaxed);
    }
    return true;
  }
  void own() noexcept {
    detail::note_held(this);
    holder_.store(first_of(detail::thread_id()), std::memory_order_relaxed);
  }
  MUSTER_EXPORT void add_depth(std::size_t more);
  MUSTER_EXPORT void release_one(std::uint32_t holder);
  // For a wait on a Condition: gives the lock up, however deep, and takes it back as deep.
  MUSTER_EXPORT std::size_t release_all();
  MUSTER_EXPORT void acquire_again(std::size_t depth);

  detail::PrivateLock word_;
  std::atomic<std::uint32_t> holder_{0};
};

}  // namespace muster::threading
