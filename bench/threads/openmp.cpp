#include <vector>

#include "bench/threads/works.hpp"

namespace bench {
namespace {

struct OpenMp {
  int workers;
  static const char* name() { return "OpenMP"; }
  static constexpr bool kIdles = true;

  void fill(long* to, long n) const {
#pragma omp parallel for schedule(static) num_threads(workers)
    for (long i = 0; i < n; ++i) to[i] = square(i);
  }
  std::vector<long> fresh(long n) const {
    std::vector<long> results(static_cast<std::size_t>(n));
    fill(results.data(), n);
    return results;
  }
  void spread(const Loads& loads, long* to) const {
#pragma omp parallel for schedule(dynamic, 1) num_threads(workers)
    for (long i = 0; i < loads.size(); ++i) to[i] = loads(i);
  }
};

}  // namespace

std::vector<Work> openmp_works(int workers) {
  static OpenMp openmp{};
  openmp.workers = workers;
  return works_of(openmp, workers);
}

}  // namespace bench
