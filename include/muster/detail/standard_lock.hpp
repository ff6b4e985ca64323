#pragma once
// What the standard asks of a Lockable and TimedLockable, by Python's acquire and release.

#include <chrono>

#include <muster/duration.hpp>

namespace muster::detail {

// A base of `Own`, which has acquire(bool blocking), acquire(Duration timeout) and release().
template <class Own>
class StandardLock {
 public:
  void lock() { own().acquire(true); }
  bool try_lock() { return own().acquire(false); }
  template <class Rep, class Period>
  bool try_lock_for(std::chrono::duration<Rep, Period> timeout) {
    return own().acquire(Duration(timeout));
  }
  template <class Clock, class Length>
  bool try_lock_until(std::chrono::time_point<Clock, Length> deadline) {
    return own().acquire(Duration(deadline));
  }
  void unlock() { own().release(); }

 private:
  Own& own() noexcept { return static_cast<Own&>(*this); }
};

}  // namespace muster::detail
