// The sentences under a table. Each is chosen and filled in by what was measured; none is known beforehand.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "bench_report.hpp"

namespace muster::cli::bench {
namespace {

constexpr double kNoise = 1.1;  // what differs by less is called the same

std::string duration_text(double seconds) {
  if (seconds < 1e-6) return fmt::format("{:.3g} ns", seconds * 1e9);
  if (seconds < 1e-3) return fmt::format("{:.3g} us", seconds * 1e6);
  return fmt::format("{:.3g} ms", seconds * 1e3);
}

std::string workers_text(int workers) { return fmt::format("{} worker{}", workers, workers == 1 ? "" : "s"); }

template <class Wanted>
const Series* fastest(const TaskResult& result, Wanted wanted) {
  const Series* best = nullptr;
  for (const Series& series : result.series) {
    if (wanted(series) && (best == nullptr || series.time() < best->time())) best = &series;
  }
  return best;
}

const Series* fastest_of(const TaskResult& result, Side side) {
  return fastest(result, [side](const Series& series) { return series.side == side; });
}

std::string about_items(const TaskResult& result) {
  const double items = static_cast<double>(result.job.items);
  std::string text =
      fmt::format("An item costs {} in the plain loop", duration_text(result.loop_time(Side::kMuster) / items));
  if (!result.python_loop.empty()) {
    text += fmt::format(", {} in python3's", duration_text(result.loop_time(Side::kPython) / items));
  }
  return text + ".\n";
}

// How many times as fast as `other`. A difference counts only if the medians and the best runs agree on it.
double gain(const Series& one, const Series& other) {
  const double by_median = other.time() / one.time();
  const double by_minimum = minimum(other.times) / minimum(one.times);
  return by_median > 1 ? std::max(1.0, std::min(by_median, by_minimum))
                       : std::min(1.0, std::max(by_median, by_minimum));
}

const char* choose(double ratio, const char* more, const char* same, const char* less) {
  return ratio >= kNoise ? more : ratio > 1 / kNoise ? same : less;
}

// Workers pay if they beat the plain loop and, where that was measured, one worker alone.
std::string about_workers(const TaskResult& result) {
  const Series* best = fastest_of(result, Side::kMuster);
  if (best == nullptr) return {};
  const Series* one = result.find(Side::kMuster, *best->kind, 1);
  const bool several = one != nullptr && best->workers > 1;
  const double over_loop = result.over_loop(*best);
  const double worth = several ? std::min(over_loop, gain(*best, *one)) : over_loop;
  std::string text =
      fmt::format("{}: the fastest, {} with {}, is {}x as fast as the plain loop",
                  choose(worth, "Workers pay here", "Workers change little here", "Workers do not pay here"),
                  best->kind->label, workers_text(best->workers), ratio_text(over_loop));
  if (several) text += fmt::format(" and {}x as fast as with one worker", ratio_text(*result.over_one(*best)));
  return text + ".\n";
}

std::string about_cores(const TaskResult& result, const Machine& machine) {
  const Series* best = fastest_of(result, Side::kMuster);
  if (best == nullptr) return {};
  const auto of_kind = [&](const Series& series) { return series.side == Side::kMuster && series.kind == best->kind; };
  const Series* within =
      fastest(result, [&](const Series& series) { return of_kind(series) && series.workers <= machine.usable_cpus; });
  const Series* beyond =
      fastest(result, [&](const Series& series) { return of_kind(series) && series.workers > machine.usable_cpus; });
  if (within == nullptr || beyond == nullptr) return {};
  const double worth = gain(*beyond, *within);
  const bool waits = worth >= kNoise && result.job.task.waits;
  return fmt::format("More workers than usable CPUs ({}) {}: {} of {} are {}x as fast as {}{}.\n", machine.usable_cpus,
                     choose(worth, "help", "change little", "cost time"), beyond->workers, beyond->kind->label,
                     ratio_text(within->time() / beyond->time()), within->workers,
                     waits ? ", since an item that waits needs no CPU" : "");
}

const Series* fastest_isolated(const TaskResult& result, bool isolated) {
  return fastest(result, [isolated](const Series& series) {
    return series.side == Side::kMuster && series.kind->isolated == isolated;
  });
}

// What one item costs in a worker beyond the plain loop; nothing where one worker was not measured or noise hides it.
std::optional<double> cost_of_handing_over(const TaskResult& result, const Kind& kind) {
  const Series* one = result.find(Side::kMuster, kind, 1);
  const double loop = minimum(result.loop);
  if (one == nullptr || minimum(one->times) < kNoise * loop) return {};
  return (minimum(one->times) - loop) / static_cast<double>(result.job.items);
}

// Processes share nothing: what that costs, and from where on it is lost in the work itself.
std::string about_isolation(const TaskResult& result) {
  const Series* threads = fastest_isolated(result, false);
  const Series* processes = fastest_isolated(result, true);
  if (processes == nullptr) return {};
  std::string text;
  if (threads != nullptr) {
    const double ratio = gain(*processes, *threads);
    text += fmt::format("{}: {} with {} takes {}x the time of {} with {}.\n",
                        choose(ratio, "Processes are ahead of threads here", "Isolation costs little here",
                               "Isolation has a price here"),
                        processes->kind->label, workers_text(processes->workers),
                        ratio_text(processes->time() / threads->time()), threads->kind->label,
                        workers_text(threads->workers));
  }
  if (const auto cost = cost_of_handing_over(result, *processes->kind)) {
    text += fmt::format(
        "Sent to a process and back, with its share of the pool's end, an item costs {} more than in the plain loop: "
        "processes pay off where items cost more than that.\n",
        duration_text(*cost));
  }
  text += fmt::format("To start {} takes {} where they are processes", workers_text(processes->workers),
                      duration_text(median(processes->starts)));
  const Series* same = threads != nullptr ? result.find(Side::kMuster, *threads->kind, processes->workers) : nullptr;
  if (same != nullptr) text += fmt::format(", {} where they are threads", duration_text(median(same->starts)));
  return text + ".\n";
}

std::string ahead_or_behind(double ratio) {
  return ratio >= 1 ? fmt::format("ahead by {}x", ratio_text(ratio))
                    : fmt::format("behind by {}x", ratio_text(1 / ratio));
}

std::string about_python(const TaskResult& result) {
  std::vector<double> ratios;
  for (const Series& series : result.series) {
    if (const auto ratio = result.over_python(series)) ratios.push_back(*ratio);
  }
  const Series* ours = fastest_of(result, Side::kMuster);
  const Series* theirs = fastest_of(result, Side::kPython);
  if (ratios.empty() || ours == nullptr || theirs == nullptr) return {};
  const auto [least, most] = std::ranges::minmax(ratios);
  const auto ahead = std::ranges::count_if(ratios, [](double ratio) { return ratio > 1; });
  return fmt::format(
      "Against python3's pool of the same kind and size muster is ahead in {} of {} rows: {}x to {}x as fast.\n"
      "Fastest against fastest ({} {:.6f} s, python3's {} with {} {:.6f} s) it is {}.\n",
      ahead, ratios.size(), ratio_text(least), ratio_text(most), ours->kind->label, ours->time(), theirs->kind->label,
      workers_text(theirs->workers), theirs->time(), ahead_or_behind(theirs->time() / ours->time()));
}

// The tutorial's remark that to return nothing is more efficient.
std::string about_returning(const TaskResult& result, const std::vector<TaskResult>& earlier) {
  if (result.job.task.name != SquareNoreturn::kTask.name) return {};
  const auto returning =
      std::ranges::find(earlier, Square::kTask.name, [](const TaskResult& one) { return one.job.task.name; });
  if (returning == earlier.end() || returning->job.items != result.job.items) return {};
  const Series* with = fastest_of(*returning, Side::kMuster);
  const Series* without = fastest_of(result, Side::kMuster);
  if (with == nullptr || without == nullptr) return {};
  const double ratio = with->time() / without->time();
  return fmt::format(
      "To return nothing is {}: {:.6f} s at best, {:.6f} s with results.\n",
      ratio >= 1 ? fmt::format("{}x as fast", ratio_text(ratio)) : fmt::format("{}x as slow", ratio_text(1 / ratio)),
      without->time(), with->time());
}

}  // namespace

std::string explain(const TaskResult& result, const std::vector<TaskResult>& earlier, const Machine& machine) {
  return std::string(1, '\n') + about_items(result) + about_workers(result) + about_cores(result, machine) +
         about_isolation(result) + about_returning(result, earlier) + about_python(result);
}

}  // namespace muster::cli::bench
