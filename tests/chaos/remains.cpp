#include "tests/chaos/remains.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "tests/support/sanitized.hpp"

namespace muster::chaos {
namespace {

namespace fs = std::filesystem;

constexpr double kMostGrowthMb = 16;

std::uint64_t resident_bytes() {
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

struct Found {
  int parent = 0;
  std::string name;
};

// Processes that run this very file.
std::map<int, Found> of_this_program() {
  std::map<int, Found> found;
  std::error_code gone;
  const fs::path ours = fs::read_symlink("/proc/self/exe");
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string number = entry.path().filename();
    int pid = 0;
    if (std::from_chars(number.data(), number.data() + number.size(), pid).ec != std::errc{}) continue;
    if (fs::read_symlink(entry.path() / "exe", gone) != ours) continue;
    std::ifstream stat(entry.path() / "stat");
    std::string text;
    std::getline(stat, text);
    const std::size_t open = text.find('(');
    const std::size_t close = text.rfind(')');
    if (close == std::string::npos || close + 4 >= text.size()) continue;
    found[pid] = {std::atoi(text.c_str() + close + 4), text.substr(open + 1, close - open - 1)};  // NOLINT
  }
  return found;
}

// Below this process, whatever lies between; but for the server, which stays as long as the program.
bool is_ours(const std::map<int, Found>& all, int pid) {
  for (auto at = all.find(pid); at != all.end(); at = all.find(at->second.parent)) {
    if (at->second.parent == getpid()) return true;
  }
  return false;
}

std::string processes_left() {
  std::string left;
  const auto all = of_this_program();
  for (const auto& [pid, found] : all) {
    if (pid == getpid() || found.name == "muster/server" || !is_ours(all, pid)) continue;
    left += fmt::format("process {} {}\n", pid, found.name);
  }
  return left;
}

// A process that was told to end is gone a moment later.
std::string processes_left_for_good() {
  constexpr int kLooks = 2000;
  std::string left;
  for (int look = 0; look < kLooks; ++look) {
    left = processes_left();
    if (left.empty()) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return left;
}

}  // namespace

void Remains::after_round(double share) {
  constexpr double kWarm = 0.2;
  if (!before_) before_ = testing::Holdings::now();
  bytes_ = resident_bytes();
  if (share < kWarm || warm_bytes_ == 0) warm_bytes_ = std::max(warm_bytes_, bytes_);
}

double Remains::growth_mb() const {
  return (static_cast<double>(bytes_) - static_cast<double>(warm_bytes_)) / (1U << 20U);
}

void Remains::demand_nothing_left() const {
  if (before_) {
    const std::string left = testing::leaked_since(*before_) + processes_left_for_good();
    if (!left.empty()) throw std::runtime_error("this is left behind:\n" + left);
  }
  if (!testing::sanitized() && growth_mb() > kMostGrowthMb) {
    throw std::runtime_error(fmt::format("memory grew by {:.1f} MB", growth_mb()));
  }
}

}  // namespace muster::chaos
