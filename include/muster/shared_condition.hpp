#pragma once
// Waiting for something to become true that a lock between processes guards. Python's multiprocessing.Condition.

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <muster/detail/export.hpp>
#include <muster/detail/standard_condition.hpp>
#include <muster/detail/standard_lock.hpp>
#include <muster/duration.hpp>
#include <muster/error.hpp>
#include <muster/shared_lock.hpp>

namespace muster::multiprocessing {

// Goes with a lock: an RLock of its own, or one that is given, which may be shared between conditions and must lie in
// the same piece of memory, since the condition remembers how far away it is. It is that lock, too: acquire, release
// and the standard Lockable are the lock's, and throw OwnerDied as it does.
//
// Who waits may also wake up for no reason, in particular when others were notified: whoever was woken may be killed
// before it has done anything. So wait for a predicate: wait_for(predicate, timeout) is detail::StandardCondition's.
class MUSTER_EXPORT Condition : public detail::StandardLock<Condition>, public detail::StandardCondition<Condition> {
 public:
  Condition() noexcept : Condition(own_) {}
  explicit Condition(Lock& lock) noexcept : distance_(distance_to(&lock)) {}
  explicit Condition(RLock& lock) noexcept : distance_(distance_to(&lock)), is_rlock_(true) {}
  Condition(const Condition&) = delete;
  Condition& operator=(const Condition&) = delete;

  bool acquire(bool blocking = true) { return is_rlock_ ? rlock().acquire(blocking) : plain().acquire(blocking); }
  bool acquire(Duration timeout) { return is_rlock_ ? rlock().acquire(timeout) : plain().acquire(timeout); }
  void release() { is_rlock_ ? rlock().release() : plain().release(); }

  // Gives the lock up (an RLock to its full depth), waits for a notify, and takes the lock back, for which it may wait
  // in turn. False when `timeout` passed first. Throws LockError without the lock, and OwnerDied, with it, when the one
  // that had it last has died.
  MUSTER_EXPORT bool wait(Duration timeout = {});

  // Wakes at least one, or `n`, of those that wait; they go on once they have the lock. Throws LockError without the
  // lock (a Lock, which is nobody's: when it is free), ValueError for a negative n.
  MUSTER_EXPORT void notify(int n = 1);
  MUSTER_EXPORT void notify_all();

 private:
  friend detail::StandardCondition<Condition>;
  std::ptrdiff_t distance_to(const void* lock) const noexcept {
    return static_cast<const char*>(lock) - reinterpret_cast<const char*>(this);
  }
  void* lock_address() noexcept { return reinterpret_cast<char*>(this) + distance_; }
  Lock& plain() noexcept { return *static_cast<Lock*>(lock_address()); }
  RLock& rlock() noexcept { return *static_cast<RLock*>(lock_address()); }

  MUSTER_EXPORT bool wait_until(detail::Nanos deadline);
  bool await_notify(std::uint32_t seen, detail::Nanos deadline) noexcept;
  void require_lock(const char* call);
  void wake(int n) noexcept;

  RLock own_;
  std::ptrdiff_t distance_;
  std::atomic<std::uint32_t> notified_{0};  // how often
  bool is_rlock_ = false;
};

}  // namespace muster::multiprocessing
