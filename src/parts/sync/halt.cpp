#include <muster/detail/halt.hpp>

#include <atomic>

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

bool lock_or_halt(PrivateLock& lock, Nanos deadline) noexcept {
  halt_point();
  return lock.lock_until(deadline).taken;
}

}  // namespace muster::detail
