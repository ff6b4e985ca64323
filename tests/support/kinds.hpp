#pragma once
// The kinds of pools that keep the contract. A new kind joins by a struct here and a place in the list. Their programs
// have the main of main_with_server.cpp.

#include <gtest/gtest.h>
#include <muster/pool.hpp>

#include <string>

namespace muster::testing {

struct Threads {
  using Pool = ThreadPool;
  using Options = PoolOptions;
  static constexpr const char* kName = "threads";
  static constexpr bool kCanKill = false;  // a time limit ends the task itself
  // A pool's options, with what makes it one of this kind.
  static Options with(Options options) { return options; }
};

struct Dummy {
  using Pool = dummy::Pool;
  using Options = PoolOptions;
  static constexpr const char* kName = "dummy";
  static constexpr bool kCanKill = false;
  static Options with(Options options) { return options; }
};

// A pool of processes that start in one way, whatever the default is.
template <StartMethod method>
class PoolStartedBy : public ProcessPool {
 public:
  explicit PoolStartedBy(int processes = 0) : PoolStartedBy(ProcessOptions{.processes = processes}) {}
  explicit PoolStartedBy(ProcessOptions options) : ProcessPool(started(options)) {}

 private:
  static const ProcessOptions& started(ProcessOptions& options) {
    options.start_method = method;
    return options;
  }
};

struct Forked {
  using Pool = PoolStartedBy<StartMethod::fork>;
  using Options = ProcessOptions;
  static constexpr const char* kName = "fork";
  static constexpr bool kCanKill = true;
  static Options with(Options options) { return options; }
};

struct Served {
  using Pool = PoolStartedBy<StartMethod::forkserver>;
  using Options = ProcessOptions;
  static constexpr const char* kName = "forkserver";
  static constexpr bool kCanKill = true;
  static Options with(Options options) { return options; }
};

using AllKinds = ::testing::Types<Threads, Dummy, Forked, Served>;
using KindsOfThreads = ::testing::Types<Threads, Dummy>;  // whose tasks share the test's memory
using KindsOfProcesses = ::testing::Types<Forked, Served>;

struct KindNames {
  template <class Kind>
  static std::string GetName(int /*index*/) {  // NOLINT(readability-identifier-naming): gtest's word
    return Kind::kName;
  }
};

}  // namespace muster::testing
