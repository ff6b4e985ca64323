#include "bench.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>

#include "arguments.hpp"
#include "bench_file.hpp"
#include "bench_json.hpp"
#include "bench_measure.hpp"
#include "bench_options.hpp"
#include "bench_plot.hpp"
#include "bench_python.hpp"
#include "bench_report.hpp"
#include "terminal.hpp"

namespace muster::cli {
namespace bench {
namespace {

// Standard output is gone or full: no reason to go on. Why, is told at the program's end.
struct OutputLost {};

void print_now(std::string_view text) {
  print(text);
  if (!flush_stdout()) throw OutputLost();
}

Picture picture_of(const std::string& file) { return file.ends_with(".png") ? Picture::kPng : Picture::kSvg; }

// What can go wrong without a measurement goes wrong before it.
class Command {
 public:
  explicit Command(const Options& options)
      : options_(options),
        jobs_(jobs_of(options)),
        plan_{.kinds = kinds_of(options),
              .workers = options.workers,
              .repeat = options.repeat,
              .start_method = options.start_method},
        machine_(this_machine()) {
    if (!options.plot.empty()) {
      require_gnuplot(picture_of(options.plot));
      plot_.emplace(options.plot);
    }
    if (!options.json.empty()) json_.emplace(options.json);
  }

  void run() {
    want_fresh_memory();
    {
      const std::unique_ptr<Python> python = options_.python ? std::make_unique<Python>() : nullptr;
      if (python) python_version_ = python->version();
      print_now(describe_run(machine_, plan_, python_version_));
      for (const Job& job : jobs_) run_job(job, python.get());
    }
    if (json_) leave(*json_, to_json(results_, machine_, plan_, python_version_));
    if (plot_) leave(*plot_, draw(plot_script(results_, machine_, picture_of(plot_->path()))));
  }

 private:
  void run_job(const Job& job, Python* python) {
    print_now(describe_job(job));
    StatusLine status;
    const Watcher watcher{.doing = [&](std::string_view what) { status.show(what); },
                          .measured =
                              [&](const Series& series) {
                                status.clear();
                                print_now(tutorial_line(series));
                              }};
    TaskResult result = measure(job, plan_, python, watcher);
    print_now(table(result) + explain(result, results_, machine_));
    results_.push_back(std::move(result));
  }

  static void leave(const OutputFile& file, std::string_view content) {
    file.write(content);
    print_now(fmt::format("\nwritten: {}\n", as_given(file.path())));
  }

  const Options& options_;
  std::vector<Job> jobs_;
  Plan plan_;
  Machine machine_;
  std::optional<OutputFile> json_;
  std::optional<OutputFile> plot_;
  std::string python_version_;
  std::vector<TaskResult> results_;
};

int run(const Options& options) {
  try {
    Command(options).run();
    return kSuccess;
  } catch (const OutputLost&) {
  } catch (const CLI::Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    write_message("muster bench: not enough memory for the results; a smaller --max-range needs less");
  } catch (const std::exception& error) {
    write_message(fmt::format("muster bench: {}", error.what()));
  }
  return kFailure;
}

}  // namespace
}  // namespace bench

void add_bench(CLI::App& root, Exit& exit) {
  CLI::App* command = root.add_subcommand("bench", "Time every kind of pool at the tutorial's benchmark");
  const auto options = std::make_shared<bench::Options>();
  bench::declare_options(*command, *options);
  command->callback([options, &exit] { exit.status = bench::run(*options); });
}

}  // namespace muster::cli
