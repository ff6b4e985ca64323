// std::async: a thread for each task.

#include <cstddef>
#include <future>
#include <vector>

#include "bench/threads/works.hpp"

namespace bench {
namespace {

template <class F>
auto start(F call) {
  return std::async(std::launch::async, call);
}

struct Async {
  int workers;
  static const char* name() { return "std::async"; }
  static constexpr int kAsks = kTasks / 30;  // or the work would take seconds

  static long ask_all(int tasks) {
    std::vector<std::future<long>> asked;
    asked.reserve(static_cast<std::size_t>(tasks));
    for (long i = 0; i < tasks; ++i) asked.push_back(start([i] { return i; }));
    long sum = 0;
    for (auto& result : asked) sum += result.get();
    return sum;
  }
  static long trip(long i) {
    return start([i] { return i; }).get();
  }
  // As one would do it: an equal share of the items for each worker.
  void spread(const Loads& loads, long* to) const {
    std::vector<std::future<void>> shares;
    for (long share = 0; share < workers; ++share) {
      const long begin = loads.size() * share / workers;
      const long end = loads.size() * (share + 1) / workers;
      shares.push_back(start([&loads, to, begin, end] {
        for (long i = begin; i < end; ++i) to[i] = loads(i);
      }));
    }
    for (auto& share : shares) share.get();
  }
};

}  // namespace

std::vector<Work> async_works(int workers) {
  static Async async{};
  async.workers = workers;
  return works_of(async, workers);
}

}  // namespace bench
