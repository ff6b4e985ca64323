#pragma once
// The simplest lock. Python's threading.Lock.

#include <muster/detail/halt.hpp>
#include <muster/detail/lock_word.hpp>
#include <muster/detail/waits.hpp>
#include <muster/duration.hpp>
#include <muster/error.hpp>

namespace muster::threading {

// Held by nobody in particular: whoever likes may release it. 4 bytes. Also a standard Lockable and TimedLockable, so
// std::scoped_lock and std::unique_lock work on it. Not taken in turn; but who was passed over for a millisecond gets
// it next. A release makes a system call only if somebody sleeps.
class Lock {
 public:
  Lock() = default;
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
#ifdef MUSTER_DEADLOCK
  ~Lock() { detail::note_gone(this); }
#endif

  // Waits for the lock. With `blocking` false, or after `timeout`, it gives up; says whether it got it.
  bool acquire(bool blocking = true) noexcept(!detail::kDeadlockChecked) {
    return detail::note_held(this, word_.try_lock() || (blocking && detail::lock_or_halt(word_, detail::kForever)));
  }
  bool acquire(Duration timeout) noexcept(!detail::kDeadlockChecked) {
    return detail::note_held(this, word_.try_lock() || detail::lock_or_halt(word_, timeout.deadline()));
  }
  // Throws LockError when nobody holds the lock.
  void release() {
    detail::note_released(this);
    if (!word_.unlock()) throw LockError("release() of a lock that nobody holds");
  }
  // Whether somebody holds it, as of a moment ago.
  bool locked() const noexcept { return word_.locked(); }

  void lock() noexcept(!detail::kDeadlockChecked) { acquire(); }
  bool try_lock() noexcept { return detail::note_held(this, word_.try_lock()); }
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
  detail::PrivateLock word_;
};

}  // namespace muster::threading
