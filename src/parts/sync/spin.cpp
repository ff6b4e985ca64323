#include "parts/sync/spin.hpp"

#include <algorithm>

namespace muster::sync {
namespace {

constinit std::atomic<int> g_spinners{0};
constinit std::atomic<int> g_most{-1};  // -1: not asked yet

}  // namespace

// Two that ask first at the same time both find out. A static object would make one wait for the other, in a copy of
// the process for a thread that is not there.
int spinning_cpus() noexcept {
  int most = g_most.load(std::memory_order_relaxed);
  if (most < 0) {
    const int cpus = os::usable_cpus();
    most = cpus > 1 ? cpus : 0;
    g_most.store(most, std::memory_order_relaxed);
  }
  return most;
}

void limit_spinners(int most) noexcept { g_most.store(std::min(most, spinning_cpus()), std::memory_order_relaxed); }

SpinSeat::SpinSeat() noexcept : taken_(g_spinners.fetch_add(1, std::memory_order_relaxed) < spinning_cpus()) {
  if (!taken_) g_spinners.fetch_sub(1, std::memory_order_relaxed);
}

SpinSeat::~SpinSeat() {
  if (taken_) g_spinners.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace muster::sync
