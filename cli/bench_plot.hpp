#pragma once
// Time and speed-up against workers, drawn by gnuplot.

#include <string>
#include <string_view>
#include <vector>

#include "bench_machine.hpp"
#include "bench_measure.hpp"

namespace muster::cli::bench {

enum class Picture { kSvg, kPng };

// Throws std::runtime_error if there is no gnuplot, or none that can draw such a picture.
void require_gnuplot(Picture picture);

// What gnuplot is told: a row for each task, time on the left and speed-up on the right, a colour for each kind of
// pool, and dashes for python3's.
std::string plot_script(const std::vector<TaskResult>& results, const Machine& machine, Picture picture);

// The picture itself. Throws std::runtime_error if gnuplot fails.
std::string draw(const std::string& script);

}  // namespace muster::cli::bench
