#include <muster/init.hpp>

#include "parts/start/template.hpp"
#include "parts/sync/spin.hpp"

namespace muster {

// The arguments are for a start method that executes the program anew.
void init([[maybe_unused]] int argc, [[maybe_unused]] char** argv) {
  sync::spinning_cpus();  // asked once, before there are copies
  start::serve();
}

}  // namespace muster
