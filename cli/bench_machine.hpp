#pragma once
// Where the numbers come from: without it they mean nothing.

#include <cstddef>
#include <string>

namespace muster::cli::bench {

struct Machine {
  std::string version;   // of muster
  std::string compiler;  // with the build type
  std::string cpu;
  int cores;        // online
  int usable_cpus;  // what affinity and quotas leave of them
  double load;      // how many threads of all programs wanted a CPU in the last minute
};

Machine this_machine();

// How many bytes this process may still take, by the machine and by its control groups.
std::size_t available_memory();

}  // namespace muster::cli::bench
