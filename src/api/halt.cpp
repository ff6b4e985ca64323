#include <muster/detail/halt.hpp>

#include <algorithm>
#include <atomic>

#include <muster/error.hpp>

#include "os/os.hpp"

namespace muster::detail {
namespace {

constinit std::atomic<std::uint32_t> g_halted{0};
constinit thread_local bool t_may_be_halted = false;

// Waits by await(until), until it says that it need not any more, at most until `deadline`.
template <class Await>
bool await_or_halt(const Await& await, Nanos deadline, WaitsFor what, const void* which, Scope scope) {
  for (;;) {
    const Nanos until = scope == Scope::kPrivate ? deadline : std::min(deadline, os::now() + kLookAgain);
    bool is_over = false;
    {
      const Waiting waiting(what, which, deadline);
      is_over = await(until);
    }
    halt_point();
    if (is_over || until == deadline) return is_over;
  }
}

}  // namespace

void may_be_halted() noexcept { t_may_be_halted = true; }

void halt_daemons() noexcept { g_halted.store(1, std::memory_order_relaxed); }

void halt_point() noexcept {
  if (!t_may_be_halted) return;
  while (g_halted.load(std::memory_order_relaxed) != 0) os::futex_wait(g_halted, 1, os::Scope::kPrivate);
}

bool await_flag(std::atomic<std::uint32_t>& word, std::uint32_t bits, Nanos deadline, WaitsFor what, const void* which,
                Scope scope) {
  halt_point();
  if ((word.load(std::memory_order_acquire) & bits) != 0) return true;
  const auto await = [&](Nanos until) { return await_bits(word, bits, until, scope) == Await::kReady; };
  return await_or_halt(await, deadline, what, which, scope);
}

bool await_other(std::atomic<std::uint32_t>& word, std::uint32_t seen, Nanos deadline, WaitsFor what, const void* which,
                 Scope scope) {
  const auto await = [&](Nanos until) { return await_change(word, seen, until, scope); };
  return await_or_halt(await, deadline, what, which, scope);
}

bool lock_or_halt(PrivateLock& lock, Nanos deadline, WaitsFor what) {
  halt_point();
  if (deadline == kAtOnce) return lock.try_lock();
  const Waiting waiting(what, &lock, deadline);
  return lock.lock_until(deadline).taken;
}

bool lock_or_halt(SharedLock& lock, Nanos deadline, WaitsFor what) {
  halt_point();
  const Waiting waiting(what, &lock, deadline);
  const Taken taken = lock.lock_until(deadline);
  if (taken.died != 0) throw OwnerDied(taken.died);
  return taken.taken;
}

}  // namespace muster::detail
