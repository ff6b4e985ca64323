#pragma once

#include <atomic>
#include <thread>

namespace muster::testing {

// How many were here at the same time, at most.
class Peak {
 public:
  void visit() {
    const int here = ++now_;
    int before = most_;
    while (before < here && !most_.compare_exchange_weak(before, here)) {
    }
    std::this_thread::yield();
    --now_;
  }
  int most() const { return most_; }

 private:
  std::atomic<int> now_{0};
  std::atomic<int> most_{0};
};

}  // namespace muster::testing
