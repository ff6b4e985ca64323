#include "api/surroundings.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include <muster/detail/code.hpp>
#include <muster/detail/travel.hpp>
#include <muster/error.hpp>

#include "engine/process/inside.hpp"
#include "os/surroundings.hpp"

namespace muster::api {
namespace {

using detail::RemoteCall;
using Environment = std::map<std::string, std::optional<std::string>>;

// On its way to the workers.
struct Surroundings {
  Environment env;
  std::string cwd;  // empty: as it is
  int nice = 0;
  std::vector<int> cpus;
  std::uint64_t memory = 0;    // 0: no limit
  std::int64_t cpu_time = -1;  // nanoseconds; negative: no limit

  bool ordinary() const noexcept {
    return env.empty() && cwd.empty() && nice == 0 && cpus.empty() && memory == 0 && cpu_time < 0;
  }
};

// ---- in the program -------------------------------------------------------------------------------------------------

[[noreturn]] void refuse(const std::string& option, const std::string& why) { throw ValueError(option + ": " + why); }

Environment checked_variables(const Environment& variables) {
  for (const auto& [name, value] : variables) {
    if (name.empty() || name.find_first_of(std::string("=\0", 2)) != std::string::npos) {
      refuse("env", "\"" + name + "\" cannot be the name of a variable");
    }
    if (value && value->find('\0') != std::string::npos)
      refuse("env", "the value of " + name + " has a zero byte in it");
  }
  return variables;
}

// Whole, since workers may begin elsewhere.
std::string checked_directory(const std::string& path) {
  if (path.empty()) return {};
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) refuse("cwd", path + " is no directory");
  return std::filesystem::absolute(path);
}

std::int64_t checked_time(Duration limit) {
  if (!limit.limited()) return -1;
  if (limit.nanoseconds().count() == 0) refuse("cpu_time_limit", "must be more than nothing");
  return limit.nanoseconds().count();
}

// ---- in a worker ----------------------------------------------------------------------------------------------------

// What the system refuses is a bad value: it is the same for every worker.
template <class Change>
void apply(const std::string& option, const Change& change) {
  try {
    change();
  } catch (const std::system_error& error) {
    refuse(option, error.what());
  }
}

void limit_memory(std::uint64_t bytes) {
  const std::uint64_t taken = os::memory_in_use();
  if (taken >= bytes) {
    refuse("memory_limit", "a worker begins with " + std::to_string(taken) + " bytes, and may not have more than " +
                               std::to_string(bytes));
  }
  os::limit_memory(bytes);
}

void apply(const Surroundings& what) {
  for (const auto& variable : what.env) {
    apply("env", [&] { os::set_variable(variable.first, variable.second); });
  }
  if (!what.cwd.empty()) apply("cwd", [&] { os::change_directory(what.cwd); });
  if (what.nice != 0) apply("nice", [&] { os::add_niceness(what.nice); });
  if (!what.cpus.empty()) {
    const int cpu = what.cpus[engine::process::worker_here() % what.cpus.size()];
    apply("cpus", [&] { os::set_thread_affinity({cpu}); });
  }
  if (what.cpu_time >= 0) {
    apply("cpu_time_limit", [&] { os::prepare_time_limit(what.cpu_time, &engine::process::item_here); });
  }
  if (what.memory > 0) apply("memory_limit", [&] { limit_memory(what.memory); });
}

using Runner = void (*)(RemoteCall&);

void do_nothing(RemoteCall& call) {
  call.item([](detail::Writer&) {});
}

// What is thrown before the initializer runs is taken for its failure.
void begin_worker(RemoteCall& call) {
  const auto surroundings = detail::read_value<Surroundings>(call.input());
  const auto initializer = reinterpret_cast<Runner>(detail::read_function(call.input()));
  apply(surroundings);
  initializer(call);
  if (surroundings.cpu_time >= 0) os::begin_time_limit();  // of tasks, which the initializer is none of
}

}  // namespace

void set_beginning(engine::process::ProcessSettings& settings, const ProcessOptions& options) {
  settings.initializer = options.initializer.runner();
  settings.initializer_input = options.initializer.bytes();
  settings.limits_cpu_time = options.cpu_time_limit.limited();
  const Surroundings wanted{.env = checked_variables(options.env),
                            .cwd = checked_directory(options.cwd),
                            .nice = options.nice,
                            .cpus = options.cpus,
                            .memory = options.memory_limit,
                            .cpu_time = checked_time(options.cpu_time_limit)};
  if (wanted.ordinary()) return;
  const Runner initializer = std::exchange(settings.initializer, &begin_worker);
  detail::HeapWriter to;
  detail::write_value<Surroundings>(to, wanted);
  detail::write_function(to, reinterpret_cast<const void*>(initializer != nullptr ? initializer : &do_nothing));
  settings.initializer_input.insert(settings.initializer_input.begin(), to.bytes().begin(), to.bytes().end());
}

}  // namespace muster::api
