#include "bench_report.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace muster::cli::bench {
namespace {

std::string title_of(const Series& series) {
  return fmt::format("{}{}", series.side == Side::kPython ? "python3 " : "", series.kind->label);
}

std::string times(std::optional<double> ratio) { return ratio ? ratio_text(*ratio) + "x" : "-"; }

std::string row(const TaskResult& result, const Series& series) {
  std::string text = fmt::format("{:<20} {:>7} {:>11.6f} {:>11.6f} {:>11.6f} {:>10} {:>10}", title_of(series),
                                 series.workers, series.time(), minimum(series.times), median(series.starts),
                                 times(result.over_one(series)), times(result.over_loop(series)));
  if (!result.python_loop.empty()) text += fmt::format(" {:>10}", times(result.over_python(series)));
  return text + "\n";
}

std::string loop_row(std::string_view title, const std::vector<double>& seconds) {
  return fmt::format("{:<20} {:>7} {:>11.6f} {:>11.6f}\n", title, "", median(seconds), minimum(seconds));
}

std::string plural(long count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

}  // namespace

std::string ratio_text(double ratio) {
  if (ratio < 0.1) return fmt::format("{:.{}f}", ratio, ratio < 0.001 ? 6 : 4);  // never as a power of ten
  return fmt::format("{:.{}f}", ratio, ratio < 10 ? 2 : ratio < 100 ? 1 : 0);
}

std::string describe_run(const Machine& machine, const Plan& plan, std::string_view python) {
  std::string text = fmt::format("muster {}, {}\n{}, {}, {} usable\n", machine.version, machine.compiler, machine.cpu,
                                 plural(machine.cores, "core"), machine.usable_cpus);
  if (machine.load > 0.5 * machine.cores) {
    text +=
        fmt::format("the load is {:.1f} before the start: other programs run, and these times will tell of them too\n",
                    machine.load);
  }
  if (!python.empty()) text += fmt::format("python3 is {}, in turns with muster\n", python);
  if (plan.repeat > 1) text += fmt::format("each costTime is the median of {} runs\n", plan.repeat);
  if (std::ranges::any_of(plan.kinds, &Kind::isolated)) {
    text += fmt::format("start method of processes: {}{}\n", name_of(plan.start_method),
                        python.empty() ? "" : "; python3's: fork");
  }
  return text +
         fmt::format("in the tables, how many times as fast as: one worker, the plain loop of the same language{}\n",
                     python.empty() ? "" : ", python3's pool");
}

std::string describe_job(const Job& job) {
  return fmt::format("\n{}: {}, for every i in range({})\n", job.task.name, job.task.what, job.items);
}

std::string tutorial_line(const Series& series) {
  return fmt::format("{:<12} {}, costTime: {:.6f}s ret.size: {}{}\n", series.kind->label, series.workers, series.time(),
                     series.size, series.side == Side::kPython ? "  (python3)" : "");
}

std::string table(const TaskResult& result) {
  const bool python = !result.python_loop.empty();
  std::string text = fmt::format("\n{:<20} {:>7} {:>11} {:>11} {:>11} {:>10} {:>10}{}\n", "seconds", "workers",
                                 "median", "min", "start", "x 1 worker", "x loop", python ? "  x python3" : "");
  text += loop_row("plain loop", result.loop);
  if (python) text += loop_row("python3 plain loop", result.python_loop);
  for (const Series& series : result.series) text += row(result, series);
  return text;
}

}  // namespace muster::cli::bench
