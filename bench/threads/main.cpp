// The thread pool beside its peers, in one run. What counts are the ratios.

#include <muster/cpu.hpp>

#include <cstdio>

#include "bench/threads/works.hpp"

namespace {

std::vector<bench::Work> all_works(int workers) {
  std::vector<bench::Work> works;
  for (auto* of : {bench::serial_works, bench::by_hand_works, bench::muster_works, bench::tbb_works,
                   bench::openmp_works, bench::asio_works, bench::async_works}) {
    for (bench::Work& work : of(workers)) works.push_back(std::move(work));
  }
  return works;
}

std::string beside(const bench::Row& ours, const bench::Row& other) {
  if (other.median == 0) return (ours.median == 0 ? "none, as " : "more than none of ") + other.impl;
  char text[64];
  std::snprintf(text, sizeof text, "%.2f x %s", ours.median / other.median, other.impl.c_str());
  return text;
}

// Ours against the best of the others, against oneTBB where another is best, and against the limit where it is known.
// The plain loop is no peer.
std::string beside_best(const bench::Row& ours, const std::vector<bench::Row>& all) {
  const bench::Row* best = nullptr;
  const bench::Row* tbb = nullptr;
  const bench::Row* limit = nullptr;
  for (const bench::Row& row : all) {
    if (row.impl == "by hand") limit = &row;
    const bool peer = row.impl != bench::kOurs && row.impl != "serial" && &row != limit;
    if (peer && (best == nullptr || row.median < best->median)) best = &row;
    if (row.impl == "oneTBB") tbb = &row;
  }
  if (best == nullptr) return "";
  return beside(ours, *best) + (tbb == nullptr || tbb == best ? "" : ", " + beside(ours, *tbb)) +
         (limit == nullptr ? "" : "; " + beside(ours, *limit));
}

}  // namespace

int main(int argc, char** argv) {
  return bench::run(
      argc, argv,
      {.about = "muster's thread pool beside oneTBB, OpenMP, Asio, std::async and the plain loop, in one run",
       .workers = {muster::usable_cpus()},
       .repeat = 7,
       .works = all_works,
       .remark = beside_best});
}
