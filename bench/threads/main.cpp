// The thread pool beside its peers, in one run: every work is done by each in turn, again and again, so that the
// machine's moods meet all of them alike. What counts are the ratios.

#include <CLI/CLI.hpp>
#include <muster/cpu.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "bench/threads/works.hpp"

namespace {

struct Row {
  std::string work;
  std::string impl;
  std::string unit;
  int workers = 0;
  double min = 0;
  double median = 0;
};

Row row_of(const bench::Work& work, int workers, std::vector<double> costs) {
  std::sort(costs.begin(), costs.end());
  return {work.work, work.impl, work.unit, workers, costs.front(), costs[costs.size() / 2]};
}

// Ours against the best of the others; the plain loop is no peer.
void print(const std::vector<Row>& rows) {
  const Row* ours = nullptr;
  const Row* best = nullptr;
  for (const Row& row : rows) {
    if (row.impl == "muster") {
      ours = &row;
    } else if (row.impl != "serial" && (best == nullptr || row.median < best->median)) {
      best = &row;
    }
  }
  for (const Row& row : rows) {
    std::printf("%-14s %2d  %-8s %12.2f %12.2f  %s", row.work.c_str(), row.workers, row.impl.c_str(), row.median,
                row.min, row.unit.c_str());
    if (&row == ours && best != nullptr) std::printf("  %.2f x %s", ours->median / best->median, best->impl.c_str());
    std::printf("\n");
  }
}

std::vector<Row> measure(int workers, const std::vector<std::string>& wanted, int repeat) {
  std::vector<bench::Work> works;
  for (auto* of :
       {bench::serial_works, bench::muster_works, bench::tbb_works, bench::openmp_works, bench::asio_works}) {
    for (bench::Work& work : of(workers)) works.push_back(std::move(work));
  }
  std::vector<std::string> names;
  for (const bench::Work& work : works) {
    const bool take = wanted.empty() || std::find(wanted.begin(), wanted.end(), work.work) != wanted.end();
    if (take && std::find(names.begin(), names.end(), work.work) == names.end()) names.push_back(work.work);
  }
  std::vector<Row> all;
  for (const std::string& name : names) {
    std::vector<std::vector<double>> costs(works.size());
    for (int time = 0; time <= repeat; ++time) {
      for (std::size_t i = 0; i < works.size(); ++i) {
        if (works[i].work != name) continue;
        const double cost = works[i].once();
        if (time > 0) costs[i].push_back(cost);  // the first is to warm up
      }
    }
    std::vector<Row> rows;
    for (std::size_t i = 0; i < works.size(); ++i) {
      if (!costs[i].empty()) rows.push_back(row_of(works[i], workers, costs[i]));
    }
    print(rows);
    all.insert(all.end(), rows.begin(), rows.end());
  }
  return all;
}

bool write_json(const std::string& file, const std::vector<Row>& rows) {
  nlohmann::json json = nlohmann::json::array();
  for (const Row& row : rows) {
    json.push_back({{"work", row.work},
                    {"impl", row.impl},
                    {"workers", row.workers},
                    {"unit", row.unit},
                    {"min", row.min},
                    {"median", row.median}});
  }
  std::ofstream out(file);
  out << json.dump(1) << '\n';
  out.close();
  return !out.fail();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("muster's thread pool beside oneTBB, OpenMP, Asio and the plain loop, in one run");
  std::vector<int> workers{muster::usable_cpus()};
  std::vector<std::string> wanted;
  std::string json;
  int repeat = 7;
  app.add_option("--workers", workers, "How many workers, e.g. 1,2,4")->delimiter(',')->check(CLI::Range(1, 1024));
  app.add_option("--work", wanted, "Only these works")->delimiter(',');
  app.add_option("--repeat", repeat, "Measure each so often")->check(CLI::PositiveNumber);
  app.add_option("--json", json, "Write the rows to this file");
  CLI11_PARSE(app, argc, argv);

  std::printf("%-14s %2s  %-8s %12s %12s\n", "work", "W", "impl", "median", "min");
  std::vector<Row> rows;
  for (const int count : workers) {
    const std::vector<Row> some = measure(count, wanted, repeat);
    rows.insert(rows.end(), some.begin(), some.end());
  }
  if (json.empty() || write_json(json, rows)) return 0;
  std::fprintf(stderr, "cannot write %s\n", json.c_str());
  return 1;
}
