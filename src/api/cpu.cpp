#include <muster/cpu.hpp>

#include "os/os.hpp"

namespace muster {

int usable_cpus() noexcept { return os::usable_cpus(); }

}  // namespace muster
