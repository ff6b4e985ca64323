// The process pool beside Python's, in one run. Beside some works stands a limit: the system calls or the copy that
// they need at least, bare; or the same work by threads. What counts are the ratios; where we are behind, the line says
// so.

#include <muster/init.hpp>

#include <algorithm>
#include <cstdio>
#include <string>

#include "bench/processes/works.hpp"

namespace {

std::vector<bench::Work> all_works(int workers) {
  std::vector<bench::Work> limits = bench::limit_works(workers);  // first: it forks while this program is small
  std::vector<bench::Work> works = bench::muster_works(workers);
  for (bench::Work& work : bench::python_works(workers)) works.push_back(std::move(work));
  for (bench::Work& work : limits) works.push_back(std::move(work));
  return works;
}

bool is_python(const std::string& impl) {
  return std::ranges::find(bench::kPythonPools, impl) != bench::kPythonPools.end();
}

std::string beside_all(const bench::Row& ours, const std::vector<bench::Row>& all) {
  std::string remark;
  for (const bench::Row& other : all) {
    if (other.impl == bench::kOurs) continue;
    const double ratio = ours.median / other.median;
    char text[96];
    std::snprintf(text, sizeof text, ratio < 0.1 ? "%.4f x %s%s" : "%.2f x %s%s", ratio, other.impl.c_str(),
                  is_python(other.impl) && ratio > 1 ? ": BEHIND" : "");
    remark.append(remark.empty() ? "" : "  ").append(text);
  }
  return remark;
}

}  // namespace

int main(int argc, char** argv) {
  muster::init(argc, argv);
  return bench::run(argc, argv,
                    {.about = "muster's process pool beside Python's, in one run",
                     .workers = {2},
                     .repeat = 5,
                     .works = all_works,
                     .remark = beside_all});
}
