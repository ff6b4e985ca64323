#pragma once
// `muster du`: the size of folders, counted by a pool of threads.

#include "exit_code.hpp"

namespace CLI {
class App;
}

namespace muster::cli {

// Adds the subcommand to `root`. It runs when the command line is parsed and leaves its status in `exit`.
void add_du(CLI::App& root, Exit& exit);

}  // namespace muster::cli
