#include <time.h>

#include "os/os.hpp"

namespace muster::os {
namespace {

Nanos read_clock(clockid_t clock) noexcept {
  timespec time{};
  clock_gettime(clock, &time);
  return Nanos{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

Nanos now() noexcept { return read_clock(CLOCK_MONOTONIC); }

Nanos process_cpu_time() noexcept { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }

}  // namespace muster::os
