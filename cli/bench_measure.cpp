#include "bench_measure.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "bench_python.hpp"

namespace muster::cli::bench {
namespace {

class Measurement {
 public:
  Measurement(const Job& job, const Plan& plan, Python* python, const Watcher& watcher)
      : plan_(plan),
        python_(python),
        watcher_(watcher),
        result_{.job = job, .loop = {}, .python_loop = {}, .series = {}} {}

  TaskResult run() {
    for (int round = 1; round <= plan_.repeat; ++round) run_loops(round);
    for (const int workers : plan_.workers) run_pools(workers);
    sort();
    return std::move(result_);
  }

 private:
  void run_loops(int round) {
    doing("the plain loop", round);
    const Run run = loop_timers()[result_.job.index](result_.job.items);
    result_.loop.push_back(run.seconds);
    expected_ = run.fingerprint;
    if (python_ == nullptr) return;
    doing("python3's plain loop", round);
    const Run other = python_->loop(result_.job.task, result_.job.items);
    result_.python_loop.push_back(other.seconds);
    check(other, "python3's plain loop");
  }

  void run_pools(int workers) {
    std::vector<Series> group;
    for (const Kind* kind : plan_.kinds) {
      group.push_back({Side::kMuster, kind, workers, {}, {}});
      if (python_ != nullptr) group.push_back({Side::kPython, kind, workers, {}, {}});
    }
    for (int round = 1; round <= plan_.repeat; ++round) {
      for (Series& series : group) run_one(series, round);
    }
    for (Series& series : group) {
      watcher_.measured(series);
      result_.series.push_back(std::move(series));
    }
  }

  void run_one(Series& series, int round) {
    const bool ours = series.side == Side::kMuster;
    const std::string name =
        fmt::format("{}{} with {} workers", ours ? "" : "python3's ", series.kind->label, series.workers);
    doing(name, round);
    const Job& job = result_.job;
    const Run run = ours ? series.kind->timers[job.index]({series.workers, plan_.start_method}, job.items)
                         : python_->pool(*series.kind, job.task, series.workers, job.items);
    check(run, name);
    series.times.push_back(run.seconds);
    series.starts.push_back(run.start);
    series.size = run.size;
  }

  void doing(std::string_view what, int round) {
    watcher_.doing(fmt::format("{}: {}, run {} of {}", result_.job.task.name, what, round, plan_.repeat));
  }

  void check(const Run& run, std::string_view who) {
    if (run.size == static_cast<std::size_t>(result_.job.items) && run.fingerprint == expected_) return;
    throw std::runtime_error(
        fmt::format("{} gave other results for {} than the plain loop", who, result_.job.task.name));
  }

  void sort() {
    const auto order = [](const Series& series) { return std::tuple(series.kind, series.side, series.workers); };
    std::ranges::stable_sort(result_.series, {}, order);
  }

  const Plan& plan_;
  Python* python_;
  const Watcher& watcher_;
  TaskResult result_;
  std::uint64_t expected_ = 0;
};

}  // namespace

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double minimum(const std::vector<double>& values) { return *std::ranges::min_element(values); }

const Series* TaskResult::find(Side side, const Kind& kind, int workers) const {
  for (const Series& one : series) {
    if (one.side == side && one.kind == &kind && one.workers == workers) return &one;
  }
  return nullptr;
}

std::optional<double> TaskResult::over_one(const Series& one) const {
  const Series* single = find(one.side, *one.kind, 1);
  if (single == nullptr) return {};
  return single->time() / one.time();
}

double TaskResult::over_loop(const Series& one) const { return loop_time(one.side) / one.time(); }

std::optional<double> TaskResult::over_python(const Series& one) const {
  const Series* other = one.side == Side::kMuster ? find(Side::kPython, *one.kind, one.workers) : nullptr;
  if (other == nullptr) return {};
  return other->time() / one.time();
}

TaskResult measure(const Job& job, const Plan& plan, Python* python, const Watcher& watcher) {
  return Measurement(job, plan, python, watcher).run();
}

}  // namespace muster::cli::bench
