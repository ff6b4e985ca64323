// Pools of processes whose workers die in all ways and at any time, for as long as it is wanted: every task is
// answered, a death costs one task at most, and nothing is left behind.

#include <fmt/format.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <random>
#include <string>
#include <vector>

#include <muster/init.hpp>

#include "tests/chaos/board.hpp"
#include "tests/chaos/judge.hpp"
#include "tests/chaos/methods.hpp"
#include "tests/chaos/remains.hpp"
#include "tests/chaos/round.hpp"
#include "tests/chaos/watchdog.hpp"

namespace muster::chaos {
namespace {

struct Options {
  double minutes = 1;
  std::uint64_t seed = std::random_device{}();
  std::vector<std::string> methods;
};

std::string above_zero(const std::string& text) {
  double number = 0;
  const bool fine = CLI::detail::lexical_cast(text, number) && number > 0 && number < 1e6;
  return fine ? "" : text + " is no number of minutes";
}

void add_options(CLI::App& app, Options& options) {
  app.failure_message([](const CLI::App*, const CLI::Error& error) {
    return fmt::format("chaos: {}\nTry `./dev chaos --help`.\n", error.what());
  });
  std::vector<std::string> names;
  for (const Method& method : kMethods) names.emplace_back(method.name);
  app.add_option("--minutes", options.minutes, "how long, at least one round of each start method")
      ->check(CLI::Validator(above_zero, "NUMBER"));
  app.add_option("--seed", options.seed, "where the choices begin: that of a failure plays its round first");
  app.add_option("--method", options.methods, "start methods to try; all that there are if none is named")
      ->check(CLI::IsMember(names));
}

std::vector<Method> chosen(const Options& options) {
  std::vector<Method> methods;
  for (const Method& method : kMethods) {
    const bool named = std::ranges::find(options.methods, method.name) != options.methods.end();
    if (named || options.methods.empty()) methods.push_back(method);
  }
  return methods;
}

double seconds_since(Clock::time_point begun) { return std::chrono::duration<double>(Clock::now() - begun).count(); }

class Show {
 public:
  explicit Show(Options options) : options_(std::move(options)), methods_(chosen(options_)) {}

  void run() {
    fmt::print("chaos: --seed {}\n", options_.seed);
    std::fflush(stdout);
    do {
      play_next();
    } while (rounds_ < methods_.size() || seconds_since(begun_) < 60 * options_.minutes);
    report();
    remains_.demand_nothing_left();
  }

  std::string again() const {
    return fmt::format("./dev chaos --method {} --seed {}", methods_[rounds_ % methods_.size()].name, seed());
  }

 private:
  std::uint64_t seed() const { return options_.seed + rounds_; }

  void play_next() {
    const Watchdog watchdog(again());
    play_round(methods_[rounds_ % methods_.size()], seed(), board_, judge_);
    ++rounds_;
    remains_.after_round(seconds_since(begun_) / (60 * options_.minutes));
    show_progress();
  }

  void show_progress() {
    const double pause = terminal_ ? 1 : 10;
    if (seconds_since(shown_) < pause) return;
    shown_ = Clock::now();
    fmt::print("{}{:6.0f} s: {} rounds, {} deaths, {} tasks, {} lost, told of within {:.1f} ms{}",
               terminal_ ? "\r\033[K" : "", seconds_since(begun_), rounds_, board_.counted(), judge_.tasks(),
               judge_.lost(), judge_.longest_ms(), terminal_ ? "" : "\n");
    std::fflush(stdout);
  }

  void report() const {
    std::string names;
    for (const Method& method : methods_) names.append(names.empty() ? "" : ", ").append(method.name);
    if (terminal_) fmt::print("\r\033[K");
    fmt::print("{} rounds by {} in {:.0f} s\n", rounds_, names, seconds_since(begun_));
    for (std::size_t death = 0; death < kDeaths; ++death) {
      fmt::print("  {:<22}{:>12}\n", name_of(static_cast<Death>(death)), board_.counted(static_cast<Death>(death)));
    }
    const std::array rows{
        std::pair{"deaths", board_.counted()},    std::pair{"tasks", judge_.tasks()},
        std::pair{"  right", judge_.right()},     std::pair{"  lost", judge_.lost()},
        std::pair{"  threw", judge_.thrown()},    std::pair{"  ran out of time", judge_.late()},
        std::pair{"  dropped", judge_.dropped()},
    };
    for (const auto& [name, count] : rows) fmt::print("{:<24}{:>12}\n", name, count);
    fmt::print("{:<24}{:>9.1f} ms\n{:<24}{:>9.1f} MB\n", "longest time to settle", judge_.longest_ms(),
               "memory grew by", remains_.growth_mb());
  }

  const Options options_;
  const std::vector<Method> methods_;
  const bool terminal_ = isatty(STDOUT_FILENO) == 1;
  Board& board_ = Board::make();
  Judge judge_{board_};
  Remains remains_;
  const Clock::time_point begun_ = Clock::now();
  Clock::time_point shown_ = begun_;
  std::uint64_t rounds_ = 0;
};

int run(Options options) {
  Show show(std::move(options));
  try {
    show.run();
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "\nchaos: {}\nto see it again: {}\n", error.what(), show.again());
    return 1;
  }
}

int parse_and_run(int argc, char** argv) {
  CLI::App app("Pools of processes whose workers die in all ways and at any time.", "chaos");
  Options options;
  add_options(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& reason) {
    return app.exit(reason) == 0 ? 0 : 2;
  }
  return run(std::move(options));
}

}  // namespace
}  // namespace muster::chaos

int main(int argc, char** argv) {
  try {
    muster::init(argc, argv);
    return muster::chaos::parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "chaos: {}\n", error.what());
    return 1;
  }
}
