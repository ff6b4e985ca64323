#pragma once
// What the user asked of `muster bench`.

#include <string>
#include <vector>

#include "bench_kinds.hpp"
#include "bench_tasks.hpp"

namespace CLI {
class App;
}

namespace muster::cli::bench {

struct Options {
  std::vector<std::string> tasks;  // empty: all
  std::vector<std::string> pools;  // empty: all
  std::vector<int> workers{1, 2, 3, 4, 5, 6, 7, 8};
  long max_range = 0;  // 0: each task's own
  int repeat = 3;
  StartMethod start_method = StartMethod::forkserver;
  bool python = false;
  std::string json;
  std::string plot;
};

// Names the options on the command line, fills `options` when it is parsed, and refuses what makes no sense.
void declare_options(CLI::App& command, Options& options);

// What `options` mean together. All throw CLI::ValidationError, a usage error, if they contradict each other.
struct Job {
  Task task;
  std::size_t index;  // in all_tasks()
  long items;
};
std::vector<Job> jobs_of(const Options& options);
std::vector<const Kind*> kinds_of(const Options& options);

// As --start-method calls it.
std::string_view name_of(StartMethod method);

}  // namespace muster::cli::bench
