#pragma once
// The contract that every kind of pool keeps, in several files by topic. Tasks here are functions, captureless lambdas
// and muster::bind of them, so that they can travel to another process. What needs shared memory, and what only
// processes can do, is in the files that are named so.

#include <gtest/gtest.h>
#include <muster/pool.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/gate.hpp"
#include "tests/support/kinds.hpp"
#include "tests/support/leaks.hpp"
#include "tests/support/thrown.hpp"

namespace muster::testing {

using namespace std::chrono_literals;

template <class Kind>
class PoolContract : public ::testing::Test {};

TYPED_TEST_SUITE(PoolContract, AllKinds, KindNames);

// What holds for pools whose tasks share the test's memory.
template <class Kind>
class SharedPoolContract : public ::testing::Test {};

TYPED_TEST_SUITE(SharedPoolContract, KindsOfThreads, KindNames);

template <class Kind>
using PoolOf = typename Kind::Pool;

inline int square(int i) { return i * i; }
inline int twice(int i) { return 2 * i; }
inline void nothing(int) {}
inline int picky(int i) {
  if (i % 10 == 3) throw std::invalid_argument("refused " + std::to_string(i));
  return i;
}

// Cannot be copied.
struct Owned {
  std::unique_ptr<int> number;
  int value() const { return *number; }
};
inline Owned owned(int i) { return {std::make_unique<int>(i)}; }

template <class Range>
std::vector<int> numbers(Range&& range) {
  std::vector<int> all;
  for (auto&& item : range) all.push_back(static_cast<int>(item));
  return all;
}

inline std::vector<int> counted(int end) {
  std::vector<int> all;
  for (int i = 0; i < end; ++i) all.push_back(i);
  return all;
}

}  // namespace muster::testing
