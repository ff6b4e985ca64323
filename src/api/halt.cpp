#include <muster/detail/halt.hpp>

#include <algorithm>
#include <atomic>

#include <muster/error.hpp>

#include "api/interrupt.hpp"
#include "os/os.hpp"

namespace muster::detail {
namespace {

constinit std::atomic<std::uint32_t> g_halted{0};
constinit thread_local bool t_may_be_halted = false;

}  // namespace

void may_be_halted() noexcept { t_may_be_halted = true; }

void halt_daemons() noexcept { g_halted.store(1, std::memory_order_relaxed); }

void halt_point() noexcept {
  if (!t_may_be_halted) return;
  while (g_halted.load(std::memory_order_relaxed) != 0) os::futex_wait(g_halted, 1, os::Scope::kPrivate);
}

bool await_flag(std::atomic<std::uint32_t>& word, std::uint32_t bits, Nanos deadline, WaitsFor what,
                const void* which) {
  halt_point();
  if ((word.load(std::memory_order_acquire) & bits) != 0) return true;
  bool is_set = false;
  {
    const Waiting waiting(what, which, deadline);
    is_set = api::interruptibly(
        deadline, [&](Nanos until) { return await_bits(word, bits, until, Scope::kPrivate) == Await::kReady; });
  }
  halt_point();
  return is_set;
}

bool await_other(std::atomic<std::uint32_t>& word, std::uint32_t seen, Nanos deadline, WaitsFor what, const void* which,
                 Scope scope) {
  const auto wait = [&](Nanos end) {
    for (;;) {
      const Nanos until = scope == Scope::kPrivate ? end : std::min(end, os::now() + kLookAgain);
      if (await_change(word, seen, until, scope)) return true;
      if (until == end) return false;
    }
  };
  bool is_over = false;
  {
    const Waiting waiting(what, which, deadline);
    is_over = api::interruptibly(deadline, wait);
  }
  halt_point();
  return is_over;
}

bool lock_or_halt(PrivateLock& lock, Nanos deadline, WaitsFor what) {
  halt_point();
  if (deadline == kAtOnce) return lock.try_lock();
  const Waiting waiting(what, &lock, deadline);
  return api::interruptibly(deadline, [&](Nanos until) { return lock.lock_until(until).taken; });
}

bool lock_or_halt(SharedLock& lock, Nanos deadline, WaitsFor what) {
  halt_point();
  const Waiting waiting(what, &lock, deadline);
  return api::interruptibly(deadline, [&](Nanos until) {
    const Taken taken = lock.lock_until(until);
    if (taken.died != 0) throw OwnerDied(taken.died);
    return taken.taken;
  });
}

}  // namespace muster::detail
