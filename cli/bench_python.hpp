#pragma once
// python3's own pools, measured by a python3 that stays alive and answers one request at a time.

#include <memory>
#include <string>
#include <string_view>

#include "bench_kinds.hpp"

namespace muster::cli::bench {

extern const char* const kPythonScript;

class Child;

class Python {
 public:
  // Starts python3 and asks for its version. Throws std::runtime_error if there is none that works.
  Python();
  ~Python();

  std::string_view version() const { return version_; }
  // Each blocks until python3 has done the work; throws std::runtime_error if it fails or dies.
  Run loop(const Task& task, long items);
  Run pool(const Kind& kind, const Task& task, int workers, long items);

 private:
  std::string ask(const std::string& request);
  std::string read_line();

  std::unique_ptr<Child> child_;
  std::string received_;
  std::string version_;
};

}  // namespace muster::cli::bench
