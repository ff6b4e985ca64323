#pragma once
// The kinds of pool that `muster bench` measures, each with one function a task that runs and times it.

#include <cstddef>
#include <cstdint>
#include <muster/process_options.hpp>
#include <span>
#include <string_view>

#include "bench_tasks.hpp"

namespace muster::cli::bench {

// One measured call. The clock runs as in the tutorial: from when the pool is made until it is closed and joined.
struct Run {
  double seconds = 0;
  double start = 0;  // making the pool, with all its workers, before the clock runs
  std::size_t size = 0;
  std::uint64_t fingerprint = 0;  // taken after the clock
};

struct Setting {
  int workers;
  StartMethod start_method;  // where workers are processes
};

using PoolTimer = Run (*)(const Setting& setting, long items);
using LoopTimer = Run (*)(long items);

struct Kind {
  std::string_view name;              // as in --pool
  std::string_view label;             // as in the tutorial's lines
  bool isolated;                      // its workers are processes
  std::span<const PoolTimer> timers;  // in the order of all_tasks()
};

std::span<const Kind> all_kinds();

// Gives every measurement fresh memory for its results: malloc would otherwise hand the later runs what the earlier
// ones have touched already, and a median over both says nothing.
void want_fresh_memory();

// The same task in a plain loop without any pool, in the order of all_tasks().
std::span<const LoopTimer> loop_timers();

}  // namespace muster::cli::bench
