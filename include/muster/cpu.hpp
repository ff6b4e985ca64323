#pragma once

#include <muster/detail/export.hpp>

namespace muster {

// How many CPUs this process may use: its affinity mask, cut by the cgroup quota (rounded up); 1 if unknown. What a
// pool's default size is.
MUSTER_EXPORT int usable_cpus() noexcept;

}  // namespace muster
