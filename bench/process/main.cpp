// The process pool beside python3's multiprocessing.Pool, in one run. Beside some works stands a limit: the system
// calls or the copy that they need at least, bare. What counts are the ratios; where we are behind, the line says so.

#include <muster/init.hpp>

#include <cstdio>

#include "bench/process/works.hpp"

namespace {

std::vector<bench::Work> all_works(int workers) {
  std::vector<bench::Work> limits = bench::limit_works(workers);  // first: it forks while this program is small
  std::vector<bench::Work> works = bench::muster_works(workers);
  for (bench::Work& work : bench::python_works(workers)) works.push_back(std::move(work));
  for (bench::Work& work : limits) works.push_back(std::move(work));
  return works;
}

std::string beside_all(const bench::Row& ours, const std::vector<bench::Row>& all) {
  std::string remark;
  for (const bench::Row& other : all) {
    if (other.impl == bench::kOurs) continue;
    const bool python = other.impl == "python3";
    char text[96];
    std::snprintf(text, sizeof text, "%.3f x %s%s", ours.median / other.median,
                  python ? "python3's time" : ("a bare " + other.impl).c_str(),
                  python && ours.median > other.median ? ": BEHIND" : "");
    remark.append(remark.empty() ? "" : "  ").append(text);
  }
  return remark;
}

}  // namespace

int main(int argc, char** argv) {
  muster::init(argc, argv);
  return bench::run(argc, argv,
                    {.about = "muster's process pool beside python3's, in one run",
                     .workers = {2},
                     .repeat = 5,
                     .works = all_works,
                     .remark = beside_all});
}
