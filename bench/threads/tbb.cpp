#include <tbb/blocked_range.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

#include <atomic>
#include <memory>
#include <vector>

#include "bench/threads/works.hpp"

namespace bench {
namespace {

long fork(int n) {
  if (n < 2) return n;
  long other = 0;
  tbb::task_group group;
  group.run([&] { other = fork(n - 1); });
  const long one = fork(n - 2);
  group.wait();
  return one + other;
}

class Tbb {
 public:
  explicit Tbb(int workers)
      : control_(tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(idlers(workers))),
        arena_(workers) {}
  static const char* name() { return "oneTBB"; }
  static constexpr bool kIdles = true;

  void fill(long* to, long n) {
    arena_.execute([&] {
      tbb::parallel_for(tbb::blocked_range<long>(0, n), [to](const tbb::blocked_range<long>& range) {
        for (long i = range.begin(); i < range.end(); ++i) to[i] = square(i);
      });
    });
  }
  std::vector<long> fresh(long n) {
    std::vector<long> results(static_cast<std::size_t>(n));
    fill(results.data(), n);
    return results;
  }
  long post_all(int tasks) {
    Done done;
    arena_.execute([&] {
      tbb::task_group group;
      for (int i = 0; i < tasks; ++i) group.run([&done] { done.fetch_add(1, std::memory_order_relaxed); });
      group.wait();
    });
    return done.load();
  }
  // By enqueue, since in group.wait() the caller would do the task itself.
  long trip(long i) {
    constexpr long kNone = -1;
    answer_.store(kNone, std::memory_order_relaxed);
    arena_.enqueue([this, i] {
      answer_.store(i, std::memory_order_release);
      answer_.notify_one();
    });
    answer_.wait(kNone, std::memory_order_acquire);
    return answer_.load(std::memory_order_relaxed);
  }
  void spread(const Loads& loads, long* to) {
    arena_.execute([&] { tbb::parallel_for(0L, loads.size(), [&loads, to](long i) { to[i] = loads(i); }); });
  }
  long fork_join(int n) {
    return arena_.execute([n] { return fork(n); });
  }

 private:
  // The threads of all arenas together: of several such limits the least holds, and the arena has its own.
  tbb::global_control control_;
  tbb::task_arena arena_;
  std::atomic<long> answer_{0};
};

}  // namespace

std::vector<Work> tbb_works(int workers) {
  static std::unique_ptr<Tbb> tbb;
  tbb.reset();
  tbb = std::make_unique<Tbb>(workers);
  return works_of(*tbb, workers);
}

}  // namespace bench
