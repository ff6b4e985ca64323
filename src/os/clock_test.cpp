#include <gtest/gtest.h>

#include <thread>

#include "os/os.hpp"

namespace muster::os {
namespace {

TEST(Clock, never_goes_back) {
  Nanos before = now();
  for (int i = 0; i < 10'000; ++i) {
    const Nanos after = now();
    ASSERT_GE(after, before);
    before = after;
  }
}

TEST(Clock, is_the_one_that_steady_clock_reads) {
  const auto steady = [] {
    return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
  };
  const Nanos before = steady();
  const Nanos time = now();
  EXPECT_LE(before, time);
  EXPECT_LE(time, steady());
}

TEST(Clock, cpu_time_counts_all_threads) {
  const Nanos before = process_cpu_time();
  std::thread([&] {
    // Ends only because this thread's own work is counted.
    while (process_cpu_time() - before < 1'000'000) continue;
  }).join();
  EXPECT_GE(process_cpu_time() - before, 1'000'000);
}

}  // namespace
}  // namespace muster::os
