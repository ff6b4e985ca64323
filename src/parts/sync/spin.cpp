#include "parts/sync/spin.hpp"

namespace muster::sync {
namespace {

std::atomic<int> g_spinners{0};

// As many as CPUs; but on a single one nobody spins, since the answer could not come meanwhile.
int seats() noexcept {
  static const int kSeats = os::usable_cpus() > 1 ? os::usable_cpus() : 0;
  return kSeats;
}

}  // namespace

SpinSeat::SpinSeat() noexcept : taken_(g_spinners.fetch_add(1, std::memory_order_relaxed) < seats()) {
  if (!taken_) g_spinners.fetch_sub(1, std::memory_order_relaxed);
}

SpinSeat::~SpinSeat() {
  if (taken_) g_spinners.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace muster::sync
