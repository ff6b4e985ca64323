#pragma once
// All that was measured, for other programs.

#include <string>
#include <string_view>
#include <vector>

#include "bench_machine.hpp"
#include "bench_measure.hpp"

namespace muster::cli::bench {

// One object: "machine", "tasks" with their plain loops, and "rows", one for each line that was printed. What
// was not measured is null. `python` is its version, empty without it.
std::string to_json(const std::vector<TaskResult>& results, const Machine& machine, const Plan& plan,
                    std::string_view python);

}  // namespace muster::cli::bench
