#include "parts/sync/spin.hpp"

namespace muster::sync {
namespace {

std::atomic<int> g_spinners{0};

}  // namespace

int spinning_cpus() noexcept {
  static const int kCpus = os::usable_cpus();
  return kCpus > 1 ? kCpus : 0;
}

SpinSeat::SpinSeat() noexcept : taken_(g_spinners.fetch_add(1, std::memory_order_relaxed) < spinning_cpus()) {
  if (!taken_) g_spinners.fetch_sub(1, std::memory_order_relaxed);
}

SpinSeat::~SpinSeat() {
  if (taken_) g_spinners.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace muster::sync
