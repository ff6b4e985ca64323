#pragma once
// How many threads are inside at a time, at most.

#include <atomic>
#include <thread>

namespace muster::testing {

class Busy {
 public:
  class Scope {
   public:
    explicit Scope(Busy& busy) noexcept : busy_(busy) {
      const int inside = busy_.inside_.fetch_add(1) + 1;
      int most = busy_.most_.load();
      while (inside > most && !busy_.most_.compare_exchange_weak(most, inside)) {
      }
      std::this_thread::yield();  // so that others have a chance to come in, if they may
    }
    ~Scope() { busy_.inside_.fetch_sub(1); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Busy& busy_;
  };
  int most() const noexcept { return most_.load(); }

 private:
  std::atomic<int> inside_{0};
  std::atomic<int> most_{0};
};

}  // namespace muster::testing
