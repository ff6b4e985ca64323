#include "bench/side_by_side.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <thread>

namespace bench {
namespace {

Row row_of(const Work& work, int workers, std::vector<double> costs) {
  std::sort(costs.begin(), costs.end());
  const std::size_t middle = costs.size() / 2;
  const double median = costs.size() % 2 == 1 ? costs[middle] : (costs[middle - 1] + costs[middle]) / 2;
  return {work.work, work.impl, work.unit, workers, costs.front(), median};
}

void print(const std::vector<Row>& rows, const Benchmark& benchmark) {
  for (const Row& row : rows) {
    const std::string remark = row.impl == kOurs ? benchmark.remark(row, rows) : "";
    std::printf("%-16s %2d  %-15s %12.2f %12.2f  %-7s%s%s\n", row.work.c_str(), row.workers, row.impl.c_str(),
                row.median, row.min, row.unit.c_str(), remark.empty() ? "" : "  ", remark.c_str());
  }
  std::fflush(stdout);
}

using Names = std::vector<std::string>;

bool contains(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Of all works for which `take` holds, each once, in their order.
template <class Take>
Names names_of(const std::vector<Work>& works, Take take) {
  Names names;
  for (const Work& work : works) {
    if (take(work) && !contains(names, work.work)) names.push_back(work.work);
  }
  return names;
}

Names chosen(const std::vector<Work>& works, const Names& wanted) {
  return names_of(works,
                  [&](const Work& work) { return wanted.empty() ? !work.on_request : contains(wanted, work.work); });
}

std::string list(const char* title, const Names& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? title : ", ") + name;
  return text.empty() ? text : text + '\n';
}

std::string list(const std::vector<Work>& works) {
  return list("Works: ", names_of(works, [](const Work& work) { return !work.on_request; })) +
         list("Works that are done only if named: ", names_of(works, [](const Work& work) { return work.on_request; }));
}

bool all_known(const Names& wanted, const std::vector<Work>& works) {
  const Names known = names_of(works, [](const Work&) { return true; });
  for (const std::string& name : wanted) {
    if (contains(known, name)) continue;
    std::fprintf(stderr, "--work: there is no work '%s'\n%s", name.c_str(), list(works).c_str());
    return false;
  }
  return true;
}

bool is_due(const Work& work, int time) { return work.most == 0 || (time > 0 && time <= work.most); }

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Until the threads of what was measured last have fallen asleep: some spin for milliseconds, and would do so on the
// CPU of what is measured next. But not for ever.
void await_rest() {
  for (int look = 0; look < 100; ++look) {
    const double before = cpu_seconds();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    if (cpu_seconds() - before < 0.0002) return;
  }
}

std::vector<Row> measure(const std::vector<Work>& works, const std::string& name, int workers, int repeat) {
  std::vector<std::vector<double>> costs(works.size());
  for (int time = 0; time <= repeat; ++time) {
    for (std::size_t i = 0; i < works.size(); ++i) {
      if (works[i].work != name || !is_due(works[i], time)) continue;
      await_rest();
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

double seconds(const std::function<void()>& body) {
  const auto start = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void check(bool right, const char* what) {
  if (right) return;
  std::fprintf(stderr, "wrong result: %s\n", what);
  std::abort();
}

int run(int argc, char** argv, const Benchmark& benchmark) {
  CLI::App app(benchmark.about);
  std::vector<int> workers = benchmark.workers;
  Names wanted;
  std::string json;
  int repeat = benchmark.repeat;
  app.add_option("--workers", workers, "How many workers, e.g. 1,2,4")->delimiter(',')->check(CLI::Range(1, 1024));
  app.add_option("--work", wanted, "Only these works")->delimiter(',');
  app.add_option("--repeat", repeat, "Measure each so often")->check(CLI::PositiveNumber);
  app.add_option("--json", json, "Write the rows to this file");
  app.footer([&] { return list(benchmark.works(workers.front())); });
  CLI11_PARSE(app, argc, argv);

  std::vector<Row> all;
  for (const int count : workers) {
    const std::vector<Work> works = benchmark.works(count);
    if (!all_known(wanted, works)) return 2;
    if (all.empty()) std::printf("%-16s %2s  %-15s %12s %12s\n", "work", "W", "impl", "median", "min");
    for (const std::string& name : chosen(works, wanted)) {
      const std::vector<Row> rows = measure(works, name, count, repeat);
      print(rows, benchmark);
      all.insert(all.end(), rows.begin(), rows.end());
    }
  }
  if (json.empty() || write_json(json, all)) return 0;
  std::fprintf(stderr, "cannot write %s\n", json.c_str());
  return 1;
}

}  // namespace bench
