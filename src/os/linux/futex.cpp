#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "os/os.hpp"

namespace muster::os {
namespace {

static_assert(kAnyKind == FUTEX_BITSET_MATCH_ANY);

static_assert(sizeof(std::atomic<std::uint32_t>) == 4 && std::atomic<std::uint32_t>::is_always_lock_free,
              "the kernel reads the word as a plain 32-bit integer");

int scoped(int operation, Scope scope) noexcept {
  return scope == Scope::kPrivate ? operation | FUTEX_PRIVATE_FLAG : operation;
}

timespec to_timespec(Nanos time) noexcept {
  // The kernel calls a negative time invalid; to us it is only very late.
  time = std::max<Nanos>(time, 0);
  timespec result{};
  result.tv_sec = static_cast<time_t>(time / 1'000'000'000);
  result.tv_nsec = static_cast<long>(time % 1'000'000'000);
  return result;
}

// The word is not mapped, or a sandbox forbids the call. To go on as if woken would spin for ever and hide it.
[[noreturn]] void die(int error) noexcept {
  std::fprintf(stderr, "muster: futex wait failed: %s\n", std::strerror(error));
  std::abort();
}

FutexWait outcome(int error) noexcept {
  switch (error) {
    case EAGAIN:
      return FutexWait::kChanged;
    case ETIMEDOUT:
      return FutexWait::kTimedOut;
    case EINTR:
      return FutexWait::kInterrupted;
    case ENOMEM:  // the page could not be brought in just now
      return FutexWait::kWoken;
    default:
      die(error);
  }
}

}  // namespace

FutexWait futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected, Scope scope, Nanos deadline,
                     std::uint32_t kinds) noexcept {
  const int callers_errno = errno;
  const timespec until = to_timespec(deadline);
  // The bitset form because only its deadline is absolute: a wait begun again after a signal grows no longer.
  const long result = syscall(SYS_futex, &word, scoped(FUTEX_WAIT_BITSET, scope), expected,
                              deadline == kForever ? nullptr : &until, nullptr, kinds);
  const FutexWait answer = result == 0 ? FutexWait::kWoken : outcome(errno);
  errno = callers_errno;
  return answer;
}

int futex_wake(const std::atomic<std::uint32_t>& word, int count, Scope scope, std::uint32_t kinds) noexcept {
  if (count <= 0) return 0;  // the kernel would wake one
  const int callers_errno = errno;
  const long woken = syscall(SYS_futex, &word, scoped(FUTEX_WAKE_BITSET, scope), count, nullptr, nullptr, kinds);
  errno = callers_errno;
  return woken > 0 ? static_cast<int>(woken) : 0;
}

}  // namespace muster::os
