#include "du.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <chrono>
#include <climits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <muster/cpu.hpp>

#include "arguments.hpp"
#include "du_report.hpp"
#include "du_walk.hpp"
#include "quoting.hpp"
#include "terminal.hpp"

namespace muster::cli {
namespace {

constexpr const char* kDescription = "The size of files and folders in bytes, counted by several workers at once";

constexpr const char* kFooter = R"(
The sizes are those of GNU du: what `du -sB1` prints, or `du -sb` with
--apparent-size. A file with several names counts once, and with --top in the first of
its folders, in the order of their paths. A symbolic link counts as itself and is not
followed; with a slash behind it, it stands for what it points to. What an earlier PATH
has counted is not counted again.

Examples:
  muster du ~                     how much lies in my home folder
  muster du -x --top 20 /         the 20 largest folders of the root file system
  muster du -j 1 -b photos mail   by one worker, the bytes in the files of both
  muster du --pool processes ~    the same sums by processes: parts of the tree travel

What cannot be read is named, left out and makes the exit status 1. Ctrl-C ends the
command as a SIGINT does, which the shell reports as 130.)";

struct DuOptions {
  std::vector<std::string> paths;
  int workers = muster::usable_cpus();
  int top = 0;
  bool apparent_size = false;
  bool one_file_system = false;
  bool processes = false;
};

// More would only wait for one another, and for the system to make them.
constexpr int kMostWorkers = 1024;

// Refuses what is not a whole number from 1 to `most`.
CLI::Validator up_to(int most) {
  const auto check = [most](const std::string& text) {
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool good = error == std::errc() && end == text.data() + text.size() && number >= 1 && number <= most;
    return good ? std::string() : fmt::format("{} is not a whole number from 1 to {}", shell_quoted(text), most);
  };
  return CLI::Validator(check, "");
}

// As du prints it: of several slashes at the end, one is left.
std::string trimmed(std::string path) {
  while (path.size() > 2 && path.ends_with("//")) path.pop_back();
  return path;
}

class Du {
 public:
  explicit Du(const DuOptions& options)
      : options_(options),
        walk_((options.processes ? walk_by_processes : walk_by_threads)({.apparent_size = options.apparent_size,
                                                                         .one_file_system = options.one_file_system,
                                                                         .by_folder = options.top > 0,
                                                                         .several_paths = options.paths.size() > 1},
                                                                        options.workers, line_)) {}

  int run() {
    const InterruptGuard guard;
    for (const std::string& path : options_.paths) measure(trimmed(as_given(path)));
    if (options_.top > 0) print_table();
    if (InterruptGuard::interrupted()) die_of_interrupt();  // it came too late to matter here
    return failed_ || walk_->failed() ? kFailure : kSuccess;
  }

 private:
  void measure(const std::string& path) {
    if (path.empty()) {
      line_.message("muster du: the name of a PATH is empty");
      failed_ = true;
      return;
    }
    std::optional<std::uint64_t> bytes;
    {
      const Ticker ticker(line_, [this] { return progress(); });
      bytes = walk_->measure(path);
    }
    if (InterruptGuard::interrupted()) give_up(path);
    if (!bytes) return;
    total_ += *bytes;
    print(fmt::format("{}\t{}\n", *bytes, path));
  }

  std::string progress() const {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin_;
    return progress_text(walk_->progress(), passed.count());
  }

  void print_table() {
    const std::vector<FolderRef> folders = largest(walk_->folders(), static_cast<std::size_t>(options_.top));
    if (!folders.empty()) print('\n' + bar_table(folders, total_, terminal_columns(stdout)));
  }

  // What was printed so far stays true: every line stands for a path that was counted to its end.
  [[noreturn]] void give_up(const std::string& path) {
    line_.message("muster du: interrupted in " + shell_quoted(path) + ", which is left out");
    die_of_interrupt();
  }

  const DuOptions& options_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  StatusLine line_;
  std::unique_ptr<Walk> walk_;
  std::uint64_t total_ = 0;
  bool failed_ = false;
};

}  // namespace

void add_du(CLI::App& root, Exit& exit) {
  auto options = std::make_shared<DuOptions>();
  CLI::App* du = root.add_subcommand("du", kDescription);
  du->footer(kFooter);
  du->add_option("PATH", options->paths, "Files and folders to measure")->required()->type_name("");
  du->add_option("-j,--jobs", options->workers, "Workers; by default one for each usable processor")
      ->type_name("N")
      ->check(up_to(kMostWorkers))
      ->capture_default_str();
  du->add_option_function<std::string>(
        "--pool", [options](const std::string& kind) { options->processes = kind == "processes" || kind == "process"; },
        "What the workers are: threads, or processes, which share nothing and send what they find")
      ->type_name("threads|processes")
      ->check(CLI::IsMember({"threads", "processes", "thread", "process"}))
      ->default_str("threads");
  du->add_flag("-b,--apparent-size", options->apparent_size, "Count the bytes in the files, not the space they take");
  du->add_flag("-x,--one-file-system", options->one_file_system, "Leave out what lies on other file systems");
  du->add_option("--top", options->top, "Draw the N largest folders too, each with all that lies below it")
      ->type_name("N")
      ->check(up_to(INT_MAX));
  du->callback([options, &exit] { exit.status = Du(*options).run(); });
}

}  // namespace muster::cli
