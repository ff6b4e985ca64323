#include <omp.h>

#include <vector>

#include "bench/threads/works.hpp"

namespace bench {
namespace {

struct OpenMp {
  static const char* name() { return "OpenMP"; }

  static void fill(long* to, long n) {
#pragma omp parallel for schedule(static)
    for (long i = 0; i < n; ++i) to[i] = square(i);
  }
  static std::vector<long> fresh(long n) {
    std::vector<long> results(static_cast<std::size_t>(n));
    fill(results.data(), n);
    return results;
  }
};

}  // namespace

std::vector<Work> openmp_works(int workers) {
  static OpenMp openmp;
  omp_set_num_threads(workers);
  return works_of(openmp);
}

}  // namespace bench
