#pragma once
// Measuring: what is run in which order, and what the runs come to.

#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "bench_kinds.hpp"
#include "bench_options.hpp"

namespace muster::cli::bench {

class Python;

double median(std::vector<double> values);
double minimum(const std::vector<double>& values);

enum class Side { kMuster, kPython };

// One kind of pool with one number of workers, measured again and again.
struct Series {
  Side side;
  const Kind* kind;
  int workers;
  std::vector<double> times;
  std::vector<double> starts;
  std::size_t size = 0;

  double time() const { return median(times); }
};

// All that was measured of one task.
struct TaskResult {
  Job job;
  std::vector<double> loop;         // the plain loop in C++
  std::vector<double> python_loop;  // and in python3; empty without it
  std::vector<Series> series;       // by kind, then side, then workers

  const Series* find(Side side, const Kind& kind, int workers) const;
  double loop_time(Side side) const { return median(side == Side::kMuster ? loop : python_loop); }
  // How many times as fast as: one worker of the same kind, nothing if that was not measured; the plain loop of its own
  // side; the same kind and workers in python3, nothing if there are none.
  std::optional<double> over_one(const Series& series) const;
  double over_loop(const Series& series) const;
  std::optional<double> over_python(const Series& series) const;
};

struct Plan {
  std::vector<const Kind*> kinds;
  std::vector<int> workers;
  int repeat;
  StartMethod start_method;
};

struct Watcher {
  std::function<void(std::string_view)> doing;  // what is measured from now on
  std::function<void(const Series&)> measured;  // when a series is complete
};

// Goes through the workers, and for each of them `repeat` times through all kinds and both sides, so that a
// machine that becomes faster or slower does so for all. `python` may be null. Throws std::runtime_error when
// a pool gives other results than the plain loop.
TaskResult measure(const Job& job, const Plan& plan, Python* python, const Watcher& watcher);

}  // namespace muster::cli::bench
