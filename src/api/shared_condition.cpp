// Who waits takes the count of notifies with the lock held, and sleeps as long as it stays the same; who notifies holds
// the lock, counts and wakes. So a notify after the lock was given up is never missed. One whose wake-up was lost with
// a process that died looks at the count by itself after a while.

#include <muster/shared_condition.hpp>

#include <algorithm>
#include <exception>
#include <string>

#include <muster/detail/halt.hpp>
#include <muster/detail/wait_word.hpp>

#include "api/interrupt.hpp"
#include "os/os.hpp"
#include "parts/sync/spin.hpp"

namespace muster::multiprocessing {
namespace {

constexpr os::Nanos kSpin = 5'000;

}  // namespace

void Condition::require_lock(const char* call) {
  if (is_rlock_ ? rlock().owned() : plain().locked()) return;
  throw LockError(std::string(call) + "() without holding the lock");
}

bool Condition::wait(Duration timeout) { return wait_until(timeout.deadline()); }

bool Condition::wait_until(detail::Nanos deadline) {
  require_lock("wait");
  const std::uint32_t seen = notified_.load(std::memory_order_relaxed);
  std::size_t depth = 0;
  is_rlock_ ? static_cast<void>(depth = rlock().release_all()) : plain().release();
  detail::halt_point();
  bool notified = false;
  std::exception_ptr why;
  try {
    notified = api::interruptibly(deadline, [&](detail::Nanos until) { return await_notify(seen, until); });
  } catch (const Interrupted&) {
    why = std::current_exception();
  }
  detail::halt_point();
  const os::InterruptsHeld held;  // whoever comes back has the lock
  is_rlock_ ? rlock().acquire_again(depth) : static_cast<void>(plain().acquire());
  if (why) std::rethrow_exception(why);
  return notified;
}

bool Condition::await_notify(std::uint32_t seen, detail::Nanos deadline) noexcept {
  const auto is_notified = [this, seen] { return notified_.load(std::memory_order_relaxed) != seen; };
  if (sync::spin_until(is_notified, kSpin)) return true;
  while (!is_notified()) {
    const os::Nanos now = os::now();
    if (deadline != detail::kForever && deadline <= now) return false;
    os::futex_wait(notified_, seen, os::Scope::kShared, std::min(deadline, now + detail::kLookAgain));
  }
  return true;
}

void Condition::notify(int n) {
  require_lock("notify");
  if (n < 0) throw ValueError("notify() of a negative number of processes: " + std::to_string(n));
  if (n > 0) wake(n);
}

void Condition::notify_all() {
  require_lock("notify_all");
  wake(os::kAll);
}

void Condition::wake(int n) noexcept {
  notified_.fetch_add(1, std::memory_order_relaxed);
  os::futex_wake(notified_, n, os::Scope::kShared);
}

}  // namespace muster::multiprocessing
