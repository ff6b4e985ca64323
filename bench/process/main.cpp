// The process pool beside python3's multiprocessing.Pool, in one run: every work is done by each in turn, again and
// again, so that the machine's moods meet all alike. Beside some works stands a limit: the system calls or the copy
// that they need at least, bare. What counts are the ratios; where we are behind, the line says so.

#include <CLI/CLI.hpp>
#include <muster/init.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "bench/process/works.hpp"

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
  const std::size_t middle = costs.size() / 2;
  const double median = costs.size() % 2 == 1 ? costs[middle] : (costs[middle - 1] + costs[middle]) / 2;
  return {work.work, work.impl, work.unit, workers, costs.front(), median};
}

// Of muster's row against another of the same work.
void print_ratio(const Row& ours, const Row& other) {
  if (other.impl == "python3") {
    const bool ahead = ours.median <= other.median;
    std::printf("  %.2f x python3's time%s", ours.median / other.median, ahead ? "" : ": BEHIND");
  } else {
    std::printf("  %.2f x a bare %s", ours.median / other.median, other.impl.c_str());
  }
}

void print(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    std::printf("%-12s %2d  %-9s %12.2f %12.2f  %-7s", row.work.c_str(), row.workers, row.impl.c_str(), row.median,
                row.min, row.unit.c_str());
    if (row.impl == "muster") {
      for (const Row& other : rows) {
        if (other.impl != "muster") print_ratio(row, other);
      }
    }
    std::printf("\n");
  }
  std::fflush(stdout);
}

std::vector<std::string> names_of(const std::vector<bench::Work>& works, const std::vector<std::string>& wanted) {
  std::vector<std::string> names;
  for (const bench::Work& work : works) {
    const bool take = wanted.empty() || std::find(wanted.begin(), wanted.end(), work.work) != wanted.end();
    if (take && std::find(names.begin(), names.end(), work.work) == names.end()) names.push_back(work.work);
  }
  return names;
}

std::vector<Row> measure(const std::vector<bench::Work>& works, const std::string& name, int workers, int repeat) {
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
  return rows;
}

std::vector<Row> measure_all(int workers, const std::vector<std::string>& wanted, int repeat) {
  std::vector<bench::Work> limits = bench::limit_works(workers);  // first: it forks while this program is small
  std::vector<bench::Work> works = bench::muster_works(workers);
  for (bench::Work& work : bench::python_works(workers)) works.push_back(std::move(work));
  for (bench::Work& work : limits) works.push_back(std::move(work));
  std::vector<Row> all;
  for (const std::string& name : names_of(works, wanted)) {
    const std::vector<Row> rows = measure(works, name, workers, repeat);
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
  muster::init(argc, argv);
  CLI::App app("muster's process pool beside python3's, in one run");
  std::vector<int> workers{2};
  std::vector<std::string> wanted;
  std::string json;
  int repeat = 5;
  app.add_option("--workers", workers, "How many workers, e.g. 1,2,4")->delimiter(',')->check(CLI::Range(1, 1024));
  app.add_option("--work", wanted, "Only these works")->delimiter(',');
  app.add_option("--repeat", repeat, "Measure each so often")->check(CLI::PositiveNumber);
  app.add_option("--json", json, "Write the rows to this file");
  CLI11_PARSE(app, argc, argv);

  std::printf("%-12s %2s  %-9s %12s %12s\n", "work", "W", "impl", "median", "min");
  std::vector<Row> rows;
  for (const int count : workers) {
    const std::vector<Row> some = measure_all(count, wanted, repeat);
    rows.insert(rows.end(), some.begin(), some.end());
  }
  if (json.empty() || write_json(json, rows)) return 0;
  std::fprintf(stderr, "cannot write %s\n", json.c_str());
  return 1;
}
