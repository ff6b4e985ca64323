#pragma once
// Waiting for something to become true that a lock guards. Python's threading.Condition.

#include <atomic>
#include <cstddef>
#include <optional>
#include <utility>

#include <muster/detail/lock_word.hpp>
#include <muster/detail/standard_condition.hpp>
#include <muster/detail/standard_lock.hpp>
#include <muster/duration.hpp>
#include <muster/error.hpp>
#include <muster/lock.hpp>
#include <muster/rlock.hpp>

namespace muster::threading {

// Goes with a lock: an RLock of its own, or one that is given, which may be shared between conditions and must outlive
// them. It is that lock, too: acquire, release and the standard Lockable are the lock's. wait_for(predicate, timeout)
// is detail::StandardCondition's.
//
// Who waits is woken by a notify that came after it began to wait, or by its timeout, and for no other reason; those
// that wait longest are woken first.
class MUSTER_EXPORT Condition : public detail::StandardLock<Condition>, public detail::StandardCondition<Condition> {
 public:
  Condition() : rlock_(&own_) {}
  explicit Condition(Lock& lock) noexcept : lock_(&lock) {}
  explicit Condition(RLock& lock) noexcept : rlock_(&lock) {}
  Condition(const Condition&) = delete;
  Condition& operator=(const Condition&) = delete;

  bool acquire(bool blocking = true) { return lock_ != nullptr ? lock_->acquire(blocking) : rlock_->acquire(blocking); }
  bool acquire(Duration timeout) { return lock_ != nullptr ? lock_->acquire(timeout) : rlock_->acquire(timeout); }
  void release() { lock_ != nullptr ? lock_->release() : rlock_->release(); }

  // Gives the lock up (an RLock to its full depth), waits for a notify, and takes the lock back, for which it may wait
  // in turn. False when `timeout` passed first. Throws LockError without the lock.
  MUSTER_EXPORT bool wait(Duration timeout = {});

  // Wakes up to `n` that wait; they go on once they have the lock. Throws LockError without the lock (a Lock, which is
  // nobody's: when it is free), ValueError for a negative n.
  MUSTER_EXPORT void notify(int n = 1);
  MUSTER_EXPORT void notify_all();

 private:
  friend detail::StandardCondition<Condition>;
  struct Waiter;

  MUSTER_EXPORT bool wait_until(detail::Nanos deadline);
  void require_lock(const char* call) const;
  const void* lock_address() const noexcept;
  std::size_t release_all();
  void acquire_again(std::size_t depth);
  void enqueue(Waiter& waiter) noexcept;
  bool withdraw(Waiter& waiter) noexcept;
  void wake_first(std::size_t most) noexcept;

  RLock own_;
  Lock* lock_ = nullptr;  // one of the two
  RLock* rlock_ = nullptr;
  detail::PrivateLock queue_lock_;  // guards what follows
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

}  // namespace muster::threading
