#pragma once
// What `muster bench` prints: a line for each measurement as it comes, then a table and what it says.

#include <string>
#include <string_view>
#include <vector>

#include "bench_machine.hpp"
#include "bench_measure.hpp"

namespace muster::cli::bench {

// Without this the numbers mean nothing: version, compiler, CPU, how often each was measured; `python` may be empty.
std::string describe_run(const Machine& machine, const Plan& plan, std::string_view python);

std::string describe_job(const Job& job);

// As the tutorial prints it; the time is the median.
std::string tutorial_line(const Series& series);

std::string table(const TaskResult& result);

// A few sentences on what the table shows, all of them computed from it. `earlier`: the results of the tasks before.
std::string explain(const TaskResult& result, const std::vector<TaskResult>& earlier, const Machine& machine);

// "12.3": as many digits as mean something.
std::string ratio_text(double ratio);

}  // namespace muster::cli::bench
