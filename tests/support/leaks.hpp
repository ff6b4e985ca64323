#pragma once
// Every test of a program that includes this leaves behind what it found: no thread, no child, no open file, no memfd.

#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "tests/support/holdings.hpp"

namespace muster::testing {

class LeakWatch : public ::testing::EmptyTestEventListener {
 public:
  // Registers a watch for all tests of this program. ThreadSanitizer has a thread of its own from the first one on.
  static bool start() {
    std::thread([] {}).join();
    ::testing::UnitTest::GetInstance()->listeners().Append(new LeakWatch);
    return true;
  }
  void OnTestStart(const ::testing::TestInfo& /*info*/) override { before_ = Holdings::now(); }
  void OnTestEnd(const ::testing::TestInfo& /*info*/) override {
    const std::string left = leaked_since(before_);
    if (!left.empty()) ADD_FAILURE() << "the test left behind:\n" << left;
  }

 private:
  Holdings before_;
};

inline const bool kLeaksWatched = LeakWatch::start();

}  // namespace muster::testing
