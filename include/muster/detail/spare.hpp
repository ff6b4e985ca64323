#pragma once

#include <muster/detail/export.hpp>

namespace muster::detail {

// A process pool that ends leaves one process standing by for the next pool of the start method `forkserver`, and two
// descriptors that lead to it. It costs nothing and ends with the program; this ends it now, and returns when it is
// gone. For who counts what a program holds.
MUSTER_EXPORT void end_spare_process() noexcept;

}  // namespace muster::detail
