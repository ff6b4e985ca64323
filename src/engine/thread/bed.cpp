// Kernels that see whether the CPUs of a virtual machine have been halted take a halted one for one that is not there
// (Linux: vcpu_is_preempted), and put a woken thread on the CPU of whoever woke it, though another is idle. There it
// waits, or takes turns with the waker, until the kernel balances its CPUs, milliseconds later: for as long as many
// maps take. So where that has been seen, whoever wakes a worker keeps it off its own CPU until it has woken up.

#include "engine/thread/bed.hpp"

#include "os/process.hpp"
#include "parts/sync/spin.hpp"

namespace muster::engine::thread {
namespace {

// How many calls more keep the worker off. After that one does not, to see whether it is still needed.
constinit std::atomic<int> g_suspicious_calls{0};
constexpr int kSuspicion = 64;

bool suspect() noexcept {
  const int left = g_suspicious_calls.load(std::memory_order_relaxed);
  if (left > 0) g_suspicious_calls.store(left - 1, std::memory_order_relaxed);  // one more or less does not matter
  return left > 0;
}

}  // namespace

void Bed::call(bool apart) noexcept {
  callers_cpu_ = apart ? os::current_cpu() : -1;
  kept_off_ = apart && suspect() && os::keep_off_this_cpu(thread_, cpus_);
  called_at_ = os::now();
  called_.store(1, std::memory_order_release);
  os::futex_wake(called_, 1, os::Scope::kPrivate);
}

os::Nanos Bed::doze() noexcept {
  const bool slept = called_.load(std::memory_order_acquire) == 0;
  if (slept) wait();
  if (kept_off_) {
    os::allow_again(cpus_);
  } else if (slept && sync::spinning_cpus() > 1 && os::current_cpu() == callers_cpu_) {
    g_suspicious_calls.store(kSuspicion, std::memory_order_relaxed);
  }
  return slept ? called_at_ : 0;
}

// Between tasks and without a lock of anybody's, so the process may be copied meanwhile.
void Bed::wait() noexcept {
  const os::Idle idle;
  while (called_.load(std::memory_order_acquire) == 0) os::futex_wait(called_, 0, os::Scope::kPrivate);
}

}  // namespace muster::engine::thread
