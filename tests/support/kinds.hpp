#pragma once
// The kinds of pools that keep the contract. A new kind joins by a struct here and a place in the list.

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

using AllKinds = ::testing::Types<Threads, Dummy>;

struct KindNames {
  template <class Kind>
  static std::string GetName(int /*index*/) {  // NOLINT(readability-identifier-naming): gtest's word
    return Kind::kName;
  }
};

}  // namespace muster::testing
