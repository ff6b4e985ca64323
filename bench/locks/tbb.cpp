#include <tbb/queuing_mutex.h>
#include <tbb/spin_mutex.h>

#include "bench/locks/works.hpp"

namespace bench {
namespace {

// tbb's queuing lock keeps its place in the queue in an object of the thread's.
class Queuing {
 public:
  void lock() { place().acquire(mutex_); }
  void unlock() { place().release(); }

 private:
  static tbb::queuing_mutex::scoped_lock& place() {
    thread_local tbb::queuing_mutex::scoped_lock own;
    return own;
  }
  tbb::queuing_mutex mutex_;
};

}  // namespace

std::vector<Work> tbb_locks(int threads) {
  std::vector<Work> works;
  add_lock<tbb::spin_mutex>(works, "tbb_spin", threads);
  add_lock<Queuing>(works, "tbb_queuing", threads);
  return works;
}

}  // namespace bench
