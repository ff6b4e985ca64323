#include <muster/init.hpp>

#include "parts/start/template.hpp"

namespace muster {

// The arguments are for a start method that executes the program anew.
void init([[maybe_unused]] int argc, [[maybe_unused]] char** argv) { start::serve(); }

}  // namespace muster
