// The standard library's locks, and what a lock needs at least: two exchanges of an atomic word.

#include <condition_variable>
#include <mutex>
#include <shared_mutex>

#include "bench/locks/works.hpp"

namespace bench {
namespace {

class Exchanges {
 public:
  void lock() { word_.exchange(1, std::memory_order_acquire); }
  void unlock() { word_.exchange(0, std::memory_order_release); }

 private:
  std::atomic<std::uint32_t> word_{0};
};

class Turn {
 public:
  void await(int number) {
    std::unique_lock hold(lock_);
    changed_.wait(hold, [&] { return turn_ == number; });
  }
  void give(int number) {
    const std::scoped_lock hold(lock_);
    turn_ = number;
    changed_.notify_one();
  }

 private:
  std::mutex lock_;
  std::condition_variable changed_;
  int turn_ = 0;
};

}  // namespace

std::vector<Work> standard_locks(int threads) {
  std::vector<Work> works;
  works.push_back({"uncontended", "exchanges", "ns", uncontended<Exchanges>});
  add_lock<std::mutex>(works, "std", threads);
  works.push_back({"recursive", "std", "ns", uncontended<std::recursive_mutex>});
  add_rw_lock<std::shared_mutex>(works, "std", threads);
  works.push_back({"handover", "std", "ns", handover<Turn>});
  return works;
}

}  // namespace bench
