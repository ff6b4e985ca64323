#pragma once
// The kinds of pools that keep the contract. A new kind joins by a struct here and a place in the list. Their programs
// have the main of main_with_server.cpp.

#include <gtest/gtest.h>
#include <muster/pool.hpp>

#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include "tests/support/sanitized.hpp"

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

// Which start method the processes of this run have: the tests are run once for each.
inline StartMethod method_under_test() {
  const char* const name = std::getenv("MUSTER_TEST_START_METHOD");  // NOLINT(concurrency-mt-unsafe)
  if (name == nullptr || std::string_view(name) == "fork") return StartMethod::fork;
  if (std::string_view(name) == "forkserver") return StartMethod::forkserver;
  if (std::string_view(name) == "spawn") return StartMethod::spawn;
  throw std::invalid_argument(std::string("MUSTER_TEST_START_METHOD: no such method: ") + name);
}

struct Processes {
  using Pool = ProcessPool;
  using Options = ProcessOptions;
  static constexpr const char* kName = "processes";
  static constexpr bool kCanKill = true;
  static Options with(Options options) {
    options.start_method = method_under_test();
    return options;
  }
};

// A dummy pool is a pool of threads but for its name: a sanitizer learns nothing new from it.
using AllKinds =
    std::conditional_t<sanitized(), ::testing::Types<Threads, Processes>, ::testing::Types<Threads, Dummy, Processes>>;
using KindsOfThreads = ::testing::Types<Threads, Dummy>;  // whose tasks share the test's memory

struct KindNames {
  template <class Kind>
  static std::string GetName(int /*index*/) {  // NOLINT(readability-identifier-naming): gtest's word
    return Kind::kName;
  }
};

}  // namespace muster::testing
