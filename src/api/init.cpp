#include <muster/init.hpp>

#include "parts/start/template.hpp"
#include "parts/sync/spin.hpp"

namespace muster {

void init(int argc, char** argv) {
  sync::spinning_cpus();  // asked once, before there are copies
  start::divert(argc, argv);
  start::serve();
}

}  // namespace muster
