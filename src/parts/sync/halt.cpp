#include <muster/detail/halt.hpp>

#include <algorithm>
#include <atomic>

#include <muster/error.hpp>

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

bool await_flag(std::atomic<std::uint32_t>& word, std::uint32_t bits, Nanos deadline, Scope scope) {
  halt_point();
  for (;;) {
    const Nanos until = scope == Scope::kPrivate ? deadline : std::min(deadline, os::now() + kLookAgain);
    const bool is_set = await_bits(word, bits, until, scope) == Await::kReady;
    halt_point();
    if (is_set || until == deadline) return is_set;
  }
}

bool lock_or_halt(PrivateLock& lock, Nanos deadline) {
  halt_point();
  return lock.lock_until(deadline).taken;
}

bool lock_or_halt(SharedLock& lock, Nanos deadline) {
  halt_point();
  const Taken taken = lock.lock_until(deadline);
  if (taken.died != 0) throw OwnerDied(taken.died);
  return taken.taken;
}

}  // namespace muster::detail
