#include <muster/condition.hpp>

#include <cstdint>
#include <exception>
#include <limits>
#include <string>

#include <muster/detail/halt.hpp>
#include <muster/detail/wait_word.hpp>
#include <muster/detail/waits.hpp>

#include "api/interrupt.hpp"

namespace muster::threading {

using detail::LockGuard;
using detail::Nanos;
using detail::WaitsFor;

// Stands on the stack of who waits, and in the queue until it is notified. The flag is set under the queue's lock, and
// after that the waiter may be gone.
struct Condition::Waiter {
  static constexpr std::uint32_t kNotified = 1;

  std::atomic<std::uint32_t> word{0};
  bool queued = true;
  Waiter* next = nullptr;
  Waiter* previous = nullptr;
};

void Condition::require_lock(const char* call) const {
  if (lock_ != nullptr ? lock_->locked() : rlock_->owned()) return;
  throw LockError(std::string(call) + "() without holding the lock");
}

const void* Condition::lock_address() const noexcept {
  return lock_ != nullptr ? static_cast<const void*>(lock_) : rlock_;
}

std::size_t Condition::release_all() {
  if (rlock_ != nullptr) return rlock_->release_all();
  lock_->release();
  return 1;
}

void Condition::acquire_again(std::size_t depth) {
  const os::InterruptsHeld held;  // whoever comes back from wait has the lock
  if (rlock_ != nullptr) {
    rlock_->acquire_again(depth);
  } else {
    lock_->acquire();
  }
}

bool Condition::wait(Duration timeout) { return wait_until(timeout.deadline()); }

// It is in the queue before the lock is given up, so no notify in between is missed.
bool Condition::wait_until(Nanos deadline) {
  require_lock("wait");
  Waiter waiter;
  enqueue(waiter);
  const detail::Needing needing(lock_ != nullptr ? WaitsFor::kLock : WaitsFor::kRLock, lock_address());
  const std::size_t depth = release_all();
  bool notified = false;
  std::exception_ptr why;
  try {
    notified = detail::await_flag(waiter.word, Waiter::kNotified, deadline, WaitsFor::kCondition, this);
  } catch (...) {
    why = std::current_exception();
  }
  notified = notified || !withdraw(waiter);
  acquire_again(depth);
  if (why == nullptr) return notified;
  if (notified) wake_first(1);  // it is for another then
  std::rethrow_exception(why);
}

void Condition::enqueue(Waiter& waiter) noexcept {
  const LockGuard guard(queue_lock_);
  waiter.previous = last_;
  (last_ != nullptr ? last_->next : first_) = &waiter;
  last_ = &waiter;
}

// False when it was notified in the last moment.
bool Condition::withdraw(Waiter& waiter) noexcept {
  const LockGuard guard(queue_lock_);
  if (!waiter.queued) return false;
  (waiter.previous != nullptr ? waiter.previous->next : first_) = waiter.next;
  (waiter.next != nullptr ? waiter.next->previous : last_) = waiter.previous;
  return true;
}

void Condition::notify(int n) {
  require_lock("notify");
  if (n < 0) throw ValueError("notify() of a negative number of threads: " + std::to_string(n));
  wake_first(static_cast<std::size_t>(n));
}

void Condition::notify_all() {
  require_lock("notify_all");
  wake_first(std::numeric_limits<std::size_t>::max());
}

void Condition::wake_first(std::size_t most) noexcept {
  const LockGuard guard(queue_lock_);
  for (; most > 0 && first_ != nullptr; --most) {
    Waiter& waiter = *first_;
    first_ = waiter.next;
    (first_ != nullptr ? first_->previous : last_) = nullptr;
    waiter.queued = false;
    std::atomic<std::uint32_t>& word = waiter.word;
    // The waiter may be gone after the exchange; a wake of a word that is gone wakes nobody, or for no reason.
    if ((word.exchange(Waiter::kNotified, std::memory_order_acq_rel) & detail::kSleepers) != 0) {
      wake_one(word, detail::Scope::kPrivate);
    }
  }
}

}  // namespace muster::threading
