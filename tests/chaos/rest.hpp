#pragma once
// How those who disturb a pool wait for the next time.

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <random>
#include <stop_token>

#include "tests/chaos/judge.hpp"

namespace muster::chaos {

class Rest {
 public:
  explicit Rest(Judge& judge) : judge_(judge) {}

  // False when it is time to end.
  bool operator()(const std::stop_token& stop, std::chrono::microseconds time) {
    const auto end = Clock::now() + time;
    std::unique_lock lock(mutex_);
    woken_.wait_until(lock, stop, end, [] { return false; });
    if (stop.stop_requested()) return false;
    judge_.starved(Clock::now() - end);
    return true;
  }

 private:
  Judge& judge_;
  std::mutex mutex_;
  std::condition_variable_any woken_;
};

inline std::chrono::microseconds around(std::mt19937_64& random, std::chrono::microseconds mean) {
  std::exponential_distribution<double> time(1.0 / static_cast<double>(mean.count()));
  return std::chrono::microseconds(static_cast<long>(time(random)));
}

}  // namespace muster::chaos
