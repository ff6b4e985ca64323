#include "parts/sync/spin.hpp"

namespace muster::sync {
namespace {

constinit std::atomic<int> g_spinners{0};
constinit std::atomic<int> g_cpus{0};  // 0: not asked yet

}  // namespace

// Two that ask first at the same time both find out. A static object would make one wait for the other, in a copy of
// the process for a thread that is not there.
int spinning_cpus() noexcept {
  int cpus = g_cpus.load(std::memory_order_relaxed);
  if (cpus == 0) {
    cpus = os::usable_cpus();
    g_cpus.store(cpus, std::memory_order_relaxed);
  }
  return cpus > 1 ? cpus : 0;
}

SpinSeat::SpinSeat() noexcept : taken_(g_spinners.fetch_add(1, std::memory_order_relaxed) < spinning_cpus()) {
  if (!taken_) g_spinners.fetch_sub(1, std::memory_order_relaxed);
}

SpinSeat::~SpinSeat() {
  if (taken_) g_spinners.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace muster::sync
