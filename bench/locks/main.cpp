// The locks beside the standard library's, the C library's, abseil's and oneTBB's, in one run, by 1, 2, 4, ... threads.
// What counts are the ratios.

#include <algorithm>
#include <cstdio>
#include <thread>

#include "bench/locks/works.hpp"

namespace {

std::vector<bench::Work> all_works(int threads) {
  std::vector<bench::Work> works;
  for (auto* of :
       {bench::muster_locks, bench::standard_locks, bench::abseil_locks, bench::tbb_locks, bench::shared_locks}) {
    for (bench::Work& work : of(threads)) works.push_back(std::move(work));
  }
  return works;
}

std::string beside_each(const bench::Row& ours, const std::vector<bench::Row>& all) {
  std::string remark;
  for (const bench::Row& other : all) {
    if (other.impl == bench::kOurs || other.median == 0) continue;
    char text[64];
    std::snprintf(text, sizeof text, "%s%.2f x %s", remark.empty() ? "" : ", ", ours.median / other.median,
                  other.impl.c_str());
    remark += text;
  }
  return remark;
}

}  // namespace

int main(int argc, char** argv) {
  // Until a program has had a second thread, the C library's locks are not locks at all.
  std::thread([] {}).join();
  return bench::run(argc, argv,
                    {.about = "muster's locks beside the standard library's, abseil's and oneTBB's, in one run",
                     .workers = {1, 2, 4, 8, 16},
                     .repeat = 7,
                     .works = all_works,
                     .remark = beside_each});
}
