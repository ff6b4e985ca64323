#include <muster/threading.hpp>

#include <mutex>

#include "bench/locks/works.hpp"

namespace bench {
namespace {

class Turn {
 public:
  void await(int number) {
    const std::scoped_lock hold(changed_);
    changed_.wait_for([&] { return turn_ == number; });
  }
  void give(int number) {
    const std::scoped_lock hold(changed_);
    turn_ = number;
    changed_.notify();
  }

 private:
  muster::threading::Condition changed_;
  int turn_ = 0;
};

}  // namespace

std::vector<Work> muster_locks(int threads) {
  using namespace muster::threading;
  std::vector<Work> works;
  add_lock<Lock>(works, kOurs, threads);
  works.push_back({"recursive", kOurs, "ns", uncontended<RLock>});
  add_rw_lock<RWLock>(works, kOurs, threads);
  works.push_back({"handover", kOurs, "ns", handover<Turn>});
  return works;
}

}  // namespace bench
