#include <absl/synchronization/mutex.h>

#include "bench/locks/works.hpp"

namespace bench {
namespace {

class Mutex {
 public:
  void lock() { mutex_.Lock(); }
  void unlock() { mutex_.Unlock(); }
  void lock_shared() { mutex_.ReaderLock(); }
  void unlock_shared() { mutex_.ReaderUnlock(); }

 private:
  absl::Mutex mutex_;
};

class Turn {
 public:
  void await(int number) {
    const absl::MutexLock hold(&lock_);
    while (turn_ != number) changed_.Wait(&lock_);
  }
  void give(int number) {
    const absl::MutexLock hold(&lock_);
    turn_ = number;
    changed_.Signal();
  }

 private:
  absl::Mutex lock_;
  absl::CondVar changed_;
  int turn_ = 0;
};

}  // namespace

std::vector<Work> abseil_locks(int threads) {
  std::vector<Work> works;
  add_lock<Mutex>(works, "absl", threads);
  add_rw_lock<Mutex>(works, "absl", threads);
  works.push_back({"handover", "absl", "ns", handover<Turn>});
  return works;
}

}  // namespace bench
