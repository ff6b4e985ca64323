#include "bench_json.hpp"

#include <nlohmann/json.hpp>
#include <optional>

namespace muster::cli::bench {
namespace {

using Json = nlohmann::ordered_json;

Json or_null(std::optional<double> value) { return value ? Json(*value) : Json(); }

Json times_to_json(const std::vector<double>& times) {
  if (times.empty()) return nullptr;
  return {{"times", times}, {"min", minimum(times)}, {"median", median(times)}};
}

Json task_to_json(const TaskResult& result) {
  return {{"task", result.job.task.name},
          {"what", result.job.task.what},
          {"max_range", result.job.items},
          {"plain_loop", times_to_json(result.loop)},
          {"python3_plain_loop", times_to_json(result.python_loop)}};
}

// python3's workers are forked in any case.
Json start_method_of(const Series& series, const Plan& plan) {
  if (!series.kind->isolated) return nullptr;
  return name_of(series.side == Side::kPython ? StartMethod::fork : plan.start_method);
}

Json row_to_json(const TaskResult& result, const Series& series, const Plan& plan) {
  return {{"by", series.side == Side::kPython ? "python3" : "muster"},
          {"kind", series.kind->label},
          {"task", result.job.task.name},
          {"max_range", result.job.items},
          {"workers", series.workers},
          {"size", series.size},
          {"unit", "s"},
          {"times", series.times},
          {"min", minimum(series.times)},
          {"median", series.time()},
          {"start_times", series.starts},
          {"start_method", start_method_of(series, plan)},
          {"over_one_worker", or_null(result.over_one(series))},
          {"over_plain_loop", result.over_loop(series)},
          {"over_python3", or_null(result.over_python(series))}};
}

Json machine_to_json(const Machine& machine, std::string_view python) {
  return {{"muster", machine.version},
          {"compiler", machine.compiler},
          {"cpu", machine.cpu},
          {"cores", machine.cores},
          {"usable_cpus", machine.usable_cpus},
          {"load", machine.load},
          {"python3", python.empty() ? Json() : Json(python)}};
}

}  // namespace

std::string to_json(const std::vector<TaskResult>& results, const Machine& machine, const Plan& plan,
                    std::string_view python) {
  Json tasks = Json::array();
  Json rows = Json::array();
  for (const TaskResult& result : results) {
    tasks.push_back(task_to_json(result));
    for (const Series& series : result.series) rows.push_back(row_to_json(result, series, plan));
  }
  const Json all = {{"machine", machine_to_json(machine, python)}, {"tasks", tasks}, {"rows", rows}};
  return all.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace muster::cli::bench
