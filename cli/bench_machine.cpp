#include "bench_machine.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <muster/cpu.hpp>
#include <muster/version.hpp>
#include <optional>
#include <string_view>

namespace muster::cli::bench {
namespace {

constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

std::string cpu_model() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  utsname system;
  return uname(&system) == 0 ? system.machine : "unknown CPU";
}

double load() {
  double last_minute = 0;
  return getloadavg(&last_minute, 1) == 1 ? last_minute : 0;
}

// The number after `key` in a file of "key number" lines.
std::optional<std::size_t> field(const std::string& path, std::string_view key) {
  std::ifstream file(path);
  std::string word;
  std::size_t number;
  for (std::string rest; file >> word; std::getline(file, rest)) {
    if (word == key && file >> number) return number;
  }
  return {};
}

std::optional<std::size_t> number_in(const std::string& path) {
  std::ifstream file(path);
  std::size_t number;
  if (file >> number) return number;
  return {};  // no such file, or "max"
}

// What a group may still take; what it holds of the page cache would be given back.
std::size_t left_in(const std::string& folder, const char* limit, const char* held) {
  const auto most = number_in(folder + limit);
  if (!most) return kUnlimited;
  const std::size_t used = field(folder + "memory.stat", held).value_or(0);
  return *most - std::min(used, *most);
}

// The limits of a group and of all the groups that it lies in.
std::size_t left_below(const std::string& root, std::string path, const char* limit, const char* held) {
  std::size_t left = kUnlimited;
  while (true) {
    left = std::min(left, left_in(root + path + "/", limit, held));
    const auto slash = path.rfind('/');
    if (path.empty() || slash == std::string::npos) return left;
    path.erase(slash);
  }
}

std::size_t left_by_groups() {
  std::ifstream file("/proc/self/cgroup");
  std::size_t left = kUnlimited;
  for (std::string line; std::getline(file, line);) {
    const auto memory = line.find(":memory:");
    if (line.starts_with("0::")) {
      left = std::min(left, left_below("/sys/fs/cgroup", line.substr(3), "memory.max", "anon"));
    } else if (memory != std::string::npos) {
      left = std::min(
          left, left_below("/sys/fs/cgroup/memory", line.substr(memory + 8), "memory.limit_in_bytes", "total_rss"));
    }
  }
  return left;
}

}  // namespace

Machine this_machine() {
  return {.version = kVersion,
          .compiler = MUSTER_BENCH_COMPILER,
          .cpu = cpu_model(),
          .cores = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)),
          .usable_cpus = usable_cpus(),
          .load = load()};
}

std::size_t available_memory() {
  const auto kibibytes = field("/proc/meminfo", "MemAvailable:");
  return std::min(kibibytes ? *kibibytes * 1024 : kUnlimited, left_by_groups());
}

}  // namespace muster::cli::bench
