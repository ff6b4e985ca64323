#include "os/interrupt.hpp"

#include <signal.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "os/linux/descriptor.hpp"

namespace muster::os {
namespace {

// 20 looks a second are soon enough for a person, and cost next to nothing.
constexpr Nanos kBetweenLooks = 50'000'000;
// Two signals that belong to one Ctrl-C (to the process, and to its group) come within less.
constexpr Nanos kUntakenForLong = 1'000'000'000;
constexpr Nanos kNoMark = 0;

// When the signal came that nobody has taken yet.
constinit std::atomic<Nanos> g_mark{kNoMark};
static_assert(std::atomic<Nanos>::is_always_lock_free, "a signal handler writes it");

constinit thread_local bool t_hears = false;
constinit thread_local int t_held = 0;

Nanos monotonic() noexcept {
  timespec time = {};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

// Blocked until the handler returns, then deadly.
void end_by_default(int signal) noexcept {
  ::signal(signal, SIG_DFL);
  raise(signal);
}

void leave_mark(int signal) {
  const int errno_before = errno;
  const Nanos now = monotonic();
  Nanos earlier = kNoMark;
  if (!g_mark.compare_exchange_strong(earlier, now, std::memory_order_relaxed) && now - earlier >= kUntakenForLong) {
    end_by_default(signal);
  }
  errno = errno_before;
}

}  // namespace

void hear_interrupts() {
  struct sigaction action = {};
  if (sigaction(SIGINT, nullptr, &action) != 0) throw_error(errno, "cannot ask for interrupts");
  if (action.sa_handler == SIG_IGN) return;
  action = {};
  action.sa_handler = &leave_mark;
  action.sa_flags = SA_RESTART;  // other calls into the system are nothing of ours
  if (sigaction(SIGINT, &action, nullptr) != 0) throw_error(errno, "cannot ask for interrupts");
  t_hears = true;
}

void forget_interrupts() noexcept {
  t_hears = false;
  g_mark.store(kNoMark, std::memory_order_relaxed);
}

bool hears_interrupts() noexcept { return t_hears && t_held == 0; }

bool interrupted() noexcept { return hears_interrupts() && g_mark.load(std::memory_order_relaxed) != kNoMark; }

bool take_interrupt() noexcept {
  return interrupted() && g_mark.exchange(kNoMark, std::memory_order_relaxed) != kNoMark;
}

Nanos next_look(Nanos deadline) noexcept {
  return hears_interrupts() ? std::min(deadline, now() + kBetweenLooks) : deadline;
}

InterruptsHeld::InterruptsHeld() noexcept { ++t_held; }
InterruptsHeld::~InterruptsHeld() { --t_held; }

}  // namespace muster::os
