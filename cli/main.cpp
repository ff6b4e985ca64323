// The command `muster`: help, version, exit status, and the way to the subcommands.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <sstream>
#include <string>
#include <vector>

#include <muster/init.hpp>
#include <muster/version.hpp>

#include "arguments.hpp"
#include "bench.hpp"
#include "du.hpp"
#include "exit_code.hpp"
#include "quoting.hpp"
#include "terminal.hpp"

namespace muster::cli {
namespace {

constexpr const char* kDescription =
    "muster calls the workers together: pools of threads and processes, on work that you can watch.";

constexpr const char* kFooter = R"(
Examples:
  muster bench --task square      what each kind of pool costs, by the number of workers
  muster du --top 10 /usr         the ten largest folders below /usr

`muster COMMAND --help` says more. Exit status: 0 success, 1 something failed, 2 usage.)";

// CLI11 itself says no more than that a command is missing.
std::string what_is_wrong(const CLI::App& app, const CLI::Error& reason) {
  const std::vector<std::string> unknown = app.remaining();
  if (!app.get_subcommands().empty() || unknown.empty()) return reason.what();
  const bool option = unknown.front().starts_with('-');
  return std::string("there is no ") + (option ? "option " : "command ") + shell_quoted(unknown.front());
}

std::string usage_error(const CLI::App* app, const CLI::Error& reason) {
  const auto commands = app->get_subcommands();
  const std::string command = commands.empty() ? "muster" : "muster " + commands.front()->get_name();
  return command + ": " + what_is_wrong(*app, reason) + "\nTry `" + command + " --help`.";
}

// CLI11 has a status of its own for every kind of mistake; its help and version end with 0.
int explain(const CLI::App& app, const CLI::ParseError& reason) {
  std::ostringstream out;
  std::ostringstream err;
  const int status = app.exit(reason, out, err);
  print(out.str());
  if (!err.str().empty()) write_message(err.str());
  return status == 0 ? kSuccess : kUsageError;
}

int parse_and_run(int argc, char** argv) {
  CLI::App app(kDescription, "muster");
  Exit exit;
  app.footer(kFooter);
  app.failure_message(usage_error);
  app.set_version_flag("--version", std::string("muster ") + kVersion);
  app.require_subcommand(1);
  add_bench(app, exit);
  add_du(app, exit);
  if (argc <= 1) {
    write_message(app.help());
    return kUsageError;
  }
  try {
    std::vector<std::string> arguments = disarmed_arguments(argc, argv);
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
    app.parse(arguments);
  } catch (const CLI::ParseError& reason) {
    return explain(app, reason);
  }
  return exit.status;
}

int run(int argc, char** argv) {
  try {
    muster::init(argc, argv);  // before any thread: pools of processes start their workers from here
    return parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    write_message(std::string("muster: ") + error.what());
    return kFailure;
  }
}

}  // namespace
}  // namespace muster::cli

int main(int argc, char** argv) {
  using namespace muster::cli;
  open_standard_streams();
  const int status = run(argc, argv);
  return !close_stdout() && status == kSuccess ? kFailure : status;
}
