#pragma once
// `muster bench`: the tutorial's benchmark, by every kind of pool and with every number of workers.

#include "exit_code.hpp"

namespace CLI {
class App;
}

namespace muster::cli {

// Adds the subcommand to `root`. It runs when the command line is parsed and leaves its status in `exit`.
void add_bench(CLI::App& root, Exit& exit);

}  // namespace muster::cli
