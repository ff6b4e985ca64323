#include "parts/sync/spin.hpp"

namespace muster::sync {
namespace {

std::atomic<int> g_spinners{0};

// As many as CPUs; but on a single one nobody spins, since the answer could not come meanwhile. Asked when the program
// starts: later the asking thread may be a pinned one.
const int g_seats = os::usable_cpus() > 1 ? os::usable_cpus() : 0;

}  // namespace

int spinning_cpus() noexcept { return g_seats; }

SpinSeat::SpinSeat() noexcept : taken_(g_spinners.fetch_add(1, std::memory_order_relaxed) < g_seats) {
  if (!taken_) g_spinners.fetch_sub(1, std::memory_order_relaxed);
}

SpinSeat::~SpinSeat() {
  if (taken_) g_spinners.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace muster::sync
