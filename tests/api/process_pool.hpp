#pragma once
// What the tests share that are for pools of processes only.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>
#include <muster/pool.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/support/gate.hpp"
#include "tests/support/kinds.hpp"
#include "tests/support/leaks.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/thrown.hpp"

namespace muster::testing {

using namespace std::chrono_literals;

inline int square(int i) { return i * i; }
inline int pid_here(int) { return getpid(); }

// A file that tasks of any process leave a line in.
class Notes {
 public:
  Notes() {
    path_ = (std::filesystem::temp_directory_path() / "muster-notes-XXXXXX").string();
    const int file = mkstemp(path_.data());
    if (file < 0) throw_errno("mkstemp");
    ::close(file);
  }
  ~Notes() { std::filesystem::remove(path_); }
  Notes(const Notes&) = delete;
  Notes& operator=(const Notes&) = delete;
  const std::string& path() const noexcept { return path_; }
  std::vector<int> lines() const {
    std::ifstream file(path_);
    return {std::istream_iterator<int>(file), {}};
  }
  std::size_t count(int number) const {
    const auto all = lines();
    return static_cast<std::size_t>(std::count(all.begin(), all.end(), number));
  }

 private:
  std::string path_;
};

// At once or not at all, also if the process dies right after it.
inline void note(const std::string& path, int number) {
  const int file = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (file < 0) throw_errno("open " + path);
  const std::string line = std::to_string(number) + "\n";
  if (::write(file, line.data(), line.size()) != static_cast<ssize_t>(line.size())) throw_errno("write " + path);
  ::close(file);
}

// Once there are as many as there should be: a worker that dies is replaced a moment later.
inline std::vector<int> all_pids(const ProcessPool& pool) {
  for (;;) {
    std::vector<int> pids = pool.worker_pids();
    if (pids.size() == static_cast<std::size_t>(pool.processes())) {
      std::sort(pids.begin(), pids.end());
      return pids;
    }
    sched_yield();
  }
}

inline bool contains(const std::vector<int>& all, int one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace muster::testing
