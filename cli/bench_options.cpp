#include "bench_options.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <optional>

#include "bench_machine.hpp"

namespace muster::cli::bench {
namespace {

constexpr int kMostWorkers = 1024;
constexpr int kMostRepeats = 1000;

constexpr const char* kDescription =
    "Time every kind of pool, with every number of workers, at mapping a task over range(n).\n"
    "One line for each, as the tutorial prints it, then a table of medians and speed-ups.";

constexpr const char* kExamples = R"(
Tasks, and the range they are mapped over by default:
  square           10000000   i * i, returned: mostly moving memory
  square-noreturn  10000000   i * i, nothing returned
  sha256              20000   heavy arithmetic: the SHA-256 of 4 KiB
  sleep                 100   waiting, as for a disk or a network: 2 ms an item
With --python the first two take 1000000; python3's workers are always forked.
A larger --max-range is for the first two alone, unless --task names the others.

Threads share the program's memory; processes share nothing, so each item and each result
is sent. That is what they cost here, and it buys that a crash takes down one worker only.

Examples:
  muster bench                                       all tasks, 1 to 8 workers
  muster bench --task square --max-range 10000000    the tutorial's benchmark
  muster bench --task square --python                beside python3's own pools
  muster bench --pool threads --workers 1-4,8,16 --repeat 9
  muster bench --task sha256 --pool threads,processes    what isolation costs
  muster bench --python --plot bench.svg --json bench.json)";

[[noreturn]] void refuse(const std::string& option, const std::string& why) { throw CLI::ValidationError(option, why); }

// The whole of `text` as a number without sign, blanks or fraction.
std::optional<long> whole_number(std::string_view text) {
  long number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return number;
}

long number_between(const std::string& option, std::string_view text, long least, long most) {
  const auto number = whole_number(text);
  if (number && *number >= least && *number <= most) return *number;
  refuse(option, fmt::format("'{}' is not a number from {} to {}", text, least, most));
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

// "1-4,8": ascending, each once.
std::vector<int> parse_workers(const std::string& text) {
  std::vector<int> workers;
  for (const std::string_view part : split(text, ',')) {
    const auto dash = part.find('-', 1);  // a dash in front is a sign, to be refused as a number
    const bool range = dash != std::string_view::npos;
    const long first = number_between("--workers", part.substr(0, dash), 1, kMostWorkers);
    const long last = range ? number_between("--workers", part.substr(dash + 1), 1, kMostWorkers) : first;
    if (last < first) refuse("--workers", fmt::format("'{}' runs backwards", part));
    for (long count = first; count <= last; ++count) workers.push_back(static_cast<int>(count));
  }
  std::ranges::sort(workers);
  workers.erase(std::unique(workers.begin(), workers.end()), workers.end());
  return workers;
}

template <class Named>
std::vector<std::string> names_of(std::span<const Named> things) {
  std::vector<std::string> names;
  for (const Named& thing : things) names.emplace_back(thing.name);
  return names;
}

void add_choice(CLI::App& command, const std::string& option, std::vector<std::string>& chosen,
                const std::vector<std::string>& choices, const std::string& what) {
  const auto known = [option, choices](const std::string& name) {
    if (std::ranges::find(choices, name) != choices.end()) return std::string();
    return fmt::format("'{}' is not one of {}", name, fmt::join(choices, ", "));
  };
  command.add_option(option, chosen, what)
      ->expected(1)
      ->delimiter(',')
      ->take_all()
      ->check(known)
      ->type_name("NAME,...");
}

bool ends_in(const std::string& text, std::string_view end) { return text.size() > end.size() && text.ends_with(end); }

void add_files(CLI::App& command, Options& options) {
  const auto some = [](const std::string& name) { return name.empty() ? "a file name is missing" : std::string(); };
  const auto picture = [](const std::string& name) {
    return ends_in(name, ".svg") || ends_in(name, ".png") ? std::string()
                                                          : fmt::format("'{}' must end in .svg or .png", name);
  };
  command.add_option("--json", options.json, "Write all numbers to this file")->check(some)->type_name("FILE");
  command.add_option("--plot", options.plot, "Draw time and speed-up against workers, with gnuplot")
      ->check(picture)
      ->type_name("FILE.svg|png");
}

constexpr std::pair<std::string_view, StartMethod> kStartMethods[] = {
    {"fork", StartMethod::fork},
    {"forkserver", StartMethod::forkserver},
};

void add_start_method(CLI::App& command, Options& options) {
  const auto choose = [&options](const std::string& text) {
    const auto* const found = std::ranges::find(kStartMethods, text, [](const auto& one) { return one.first; });
    if (found == std::end(kStartMethods)) {
      refuse("--start-method", fmt::format("'{}' is not one of fork, forkserver", text));
    }
    options.start_method = found->second;
  };
  command
      .add_option_function<std::string>(
          "--start-method", choose,
          "What worker processes are copies of: this program as it is then (fork), or as it was at its start "
          "(forkserver, the default)")
      ->type_name("NAME");
}

std::string memory_text(double bytes) { return fmt::format("{:.1f} GiB", bytes / (1U << 30U)); }

// Better an answer now than the kernel's, which kills.
void check_memory(const Options& options, const Job& job) {
  const std::size_t bytes = std::max(job.task.bytes, options.python ? job.task.python_bytes : 0);
  const double needed = static_cast<double>(bytes) * static_cast<double>(job.items);
  const auto available = static_cast<double>(available_memory());
  if (needed <= available) return;
  refuse("--max-range", fmt::format("the results of {} over range({}){} would take about {}, and {} are available",
                                    job.task.name, job.items, options.python ? ", in python3 too," : "",
                                    memory_text(needed), memory_text(available)));
}

long items_of(const Options& options, const Task& task) {
  const long usual = options.python ? task.items_beside_python : task.items;
  if (options.max_range == 0) return usual;
  const bool named = !options.tasks.empty();
  const bool light = task.items == Square::kTask.items;
  if (!named && !light) return std::min(options.max_range, usual);
  if (options.max_range > task.most) {
    refuse("--max-range", fmt::format("{} takes at most {}: {}", task.name, task.most, task.why_most));
  }
  return options.max_range;
}

}  // namespace

void declare_options(CLI::App& command, Options& options) {
  command.description(kDescription);
  command.footer(kExamples);
  add_choice(command, "--task", options.tasks, names_of(all_tasks()), "Which tasks to map, by default all (see below)");
  add_choice(command, "--pool", options.pools, names_of(all_kinds()),
             "Which kinds of pool, by default all: threads, dummy, processes");
  command
      .add_option_function<std::string>(
          "--workers", [&options](const std::string& text) { options.workers = parse_workers(text); },
          "How many workers: numbers and ranges, by default 1-8")
      ->type_name("N,N-M");
  command
      .add_option_function<std::string>(
          "--max-range",
          [&options](const std::string& text) {
            options.max_range = number_between("--max-range", text, 1, kMostSquares);
          },
          "Map over range(N), by default what suits the task (see below)")
      ->type_name("N");
  command
      .add_option_function<std::string>(
          "--repeat",
          [&options](const std::string& text) {
            options.repeat = static_cast<int>(number_between("--repeat", text, 1, kMostRepeats));
          },
          "Measure each N times and take the median, by default 3")
      ->type_name("N");
  add_start_method(command, options);
  command.add_flag("--python", options.python, "Measure python3's own pools beside ours, in turns");
  add_files(command, options);
}

std::string_view name_of(StartMethod method) {
  return std::ranges::find(kStartMethods, method, [](const auto& one) { return one.second; })->first;
}

std::vector<Job> jobs_of(const Options& options) {
  std::vector<Job> jobs;
  for (std::size_t index = 0; index < all_tasks().size(); ++index) {
    const Task& task = all_tasks()[index];
    if (!options.tasks.empty() && std::ranges::find(options.tasks, task.name) == options.tasks.end()) continue;
    jobs.push_back({task, index, items_of(options, task)});
    check_memory(options, jobs.back());
  }
  return jobs;
}

std::vector<const Kind*> kinds_of(const Options& options) {
  std::vector<const Kind*> kinds;
  for (const Kind& kind : all_kinds()) {
    const bool named = std::ranges::find(options.pools, kind.name) != options.pools.end();
    if (named || options.pools.empty()) kinds.push_back(&kind);
  }
  return kinds;
}

}  // namespace muster::cli::bench
