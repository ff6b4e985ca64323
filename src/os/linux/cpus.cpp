// How many CPUs there are for us. The affinity mask (cpusets included) says where we may run; cgroup quotas say for
// how much of the time. A quota binds everything below its group, so the tightest one on the way from our group up to
// the hierarchy's root counts.

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <exception>
#include <system_error>

#include "os/linux/read_file.hpp"
#include "os/os.hpp"

namespace muster::os {
namespace {

// ---- affinity ----

constexpr std::size_t kMostCpus = std::size_t{1} << 20;

std::vector<int> members(const std::vector<cpu_set_t>& mask) {
  std::vector<int> cpus;
  const std::size_t bytes = mask.size() * sizeof(cpu_set_t);
  for (std::size_t cpu = 0; cpu < bytes * 8; ++cpu) {
    if (CPU_ISSET_S(cpu, bytes, mask.data())) cpus.push_back(static_cast<int>(cpu));
  }
  return cpus;
}

std::vector<cpu_set_t> mask_of(const std::vector<int>& cpus) {
  std::vector<cpu_set_t> mask(1);
  for (const int number : cpus) {
    const auto cpu = static_cast<std::size_t>(number);  // a negative number becomes too large
    if (cpu >= kMostCpus) throw std::system_error(EINVAL, std::generic_category(), "no such CPU");
    mask.resize(std::max(mask.size(), cpu / CPU_SETSIZE + 1));
    CPU_SET_S(cpu, mask.size() * sizeof(cpu_set_t), mask.data());
  }
  return mask;
}

// ---- cgroup quotas ----

constexpr std::int64_t kNoLimit = INT64_MAX;

// One line of /proc/self/cgroup that matters: our group in the v2 hierarchy, or in v1's for the cpu controller.
struct Group {
  bool v2;
  std::string path;
};

// A place where such a hierarchy, or the part of it below `root`, can be read.
struct Mount {
  bool v2;
  std::string root;
  std::string point;
};

// Cuts the text up to `end` off the front of `text`.
std::string_view take(std::string_view& text, char end) {
  const std::size_t size = std::min(text.find(end), text.size());
  const std::string_view front = text.substr(0, size);
  text.remove_prefix(std::min(size + 1, text.size()));
  return front;
}

bool lists_cpu(std::string_view commas) {
  while (!commas.empty()) {
    if (take(commas, ',') == "cpu") return true;
  }
  return false;
}

// mountinfo writes blank, tab, newline and backslash as \ooo.
std::string unescape(std::string_view text) {
  std::string plain;
  while (!text.empty()) {
    unsigned code = 0;
    const bool escaped = text.size() >= 4 && text[0] == '\\' &&
                         std::from_chars(&text[1], &text[1] + 3, code, 8).ptr == &text[1] + 3 && code < 256;
    plain += escaped ? static_cast<char>(code) : text[0];
    text.remove_prefix(escaped ? 4 : 1);
  }
  return plain;
}

// Lines are ID:CONTROLLERS:PATH. Only the path may hold colons; v2 has no controllers and the ID 0.
std::vector<Group> parse_groups(std::string_view text) {
  std::vector<Group> groups;
  while (!text.empty()) {
    std::string_view line = take(text, '\n');
    const std::string_view id = take(line, ':');
    const std::string_view controllers = take(line, ':');
    const bool v2 = id == "0" && controllers.empty();
    if (line.starts_with('/') && (v2 || lists_cpu(controllers))) groups.push_back({v2, std::string(line)});
  }
  return groups;
}

// Lines are ID PARENT DEVICE ROOT POINT OPTIONS [TAG...] - TYPE SOURCE OPTIONS.
std::vector<Mount> parse_mounts(std::string_view text) {
  std::vector<Mount> mounts;
  while (!text.empty()) {
    std::string_view line = take(text, '\n');
    for (int skipped = 0; skipped < 3; ++skipped) take(line, ' ');
    std::string root = unescape(take(line, ' '));
    std::string point = unescape(take(line, ' '));
    // A later mount hides what was mounted at the same place.
    std::erase_if(mounts, [&](const Mount& mount) { return mount.point == point; });
    while (!line.empty() && take(line, ' ') != "-") continue;
    const std::string_view type = take(line, ' ');
    take(line, ' ');
    const bool v2 = type == "cgroup2";
    const bool v1 = type == "cgroup" && lists_cpu(line);
    if ((v1 || v2) && root.starts_with('/')) mounts.push_back({v2, std::move(root), std::move(point)});
  }
  return mounts;
}

// The way down from the mount's root to the group, "" for the root itself; nothing when the group is elsewhere. Both
// paths are relative to our cgroup namespace and begin with /.. where they lie outside of it.
std::optional<std::string_view> below(const Mount& mount, std::string_view path) {
  if (mount.root != "/") {
    if (!path.starts_with(mount.root)) return std::nullopt;
    path.remove_prefix(mount.root.size());
  }
  if (path.empty() || path == "/") return "";
  if (!path.starts_with('/') || path == "/.." || path.starts_with("/../")) return std::nullopt;
  return path;
}

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

std::string first_line(const std::string& path) {
  const std::optional<std::string> text = read_file(path);
  if (!text) return {};
  return text->substr(0, text->find('\n'));
}

// The CPUs that may be used in full at once. No limit is v2's "max", which is no number, and v1's -1.
std::int64_t quota_of_group(const std::string& directory, bool v2) {
  constexpr std::int64_t kDefaultPeriod = 100'000;
  std::optional<std::int64_t> quota;
  std::optional<std::int64_t> period;
  if (v2) {
    const std::string line = first_line(directory + "/cpu.max");
    std::string_view rest = line;
    quota = number(take(rest, ' '));
    period = rest.empty() ? kDefaultPeriod : number(rest);
  } else {
    quota = number(first_line(directory + "/cpu.cfs_quota_us"));
    period = number(first_line(directory + "/cpu.cfs_period_us"));
  }
  if (!quota || !period || *quota < 0 || *period <= 0) return kNoLimit;
  return *quota / *period + (*quota % *period != 0 ? 1 : 0);
}

std::int64_t tightest_quota(const std::string& top, std::string_view down, bool v2) {
  std::int64_t quota = quota_of_group(top, v2);
  while (!down.empty()) {
    quota = std::min(quota, quota_of_group(top + std::string(down), v2));
    down = down.substr(0, down.rfind('/'));
  }
  return quota;
}

std::int64_t quota_of(const Group& group, const std::vector<Mount>& mounts, const std::string& root) {
  std::int64_t quota = kNoLimit;
  bool found = false;
  for (const Mount& mount : mounts) {
    const auto down = mount.v2 == group.v2 ? below(mount, group.path) : std::nullopt;
    if (!down) continue;
    found = true;
    quota = std::min(quota, tightest_quota(root + mount.point, *down, mount.v2));
  }
  if (found) return quota;
  // Our group cannot be seen: a namespace hides it. What was mounted for us instead is the best guess; to follow
  // /.. from the mount point would read some other file system.
  for (const Mount& mount : mounts) {
    if (mount.v2 == group.v2) quota = std::min(quota, quota_of_group(root + mount.point, mount.v2));
  }
  return quota;
}

}  // namespace

std::vector<int> thread_affinity() {
  // The kernel refuses a mask shorter than its own, and does not tell how long that is.
  for (std::size_t sets = 1; sets <= kMostCpus / CPU_SETSIZE; sets *= 2) {
    std::vector<cpu_set_t> mask(sets);
    if (sched_getaffinity(0, sets * sizeof(cpu_set_t), mask.data()) == 0) return members(mask);
    if (errno != EINVAL) break;
  }
  return {};
}

void set_thread_affinity(const std::vector<int>& cpus) {
  const std::vector<cpu_set_t> mask = mask_of(cpus);
  if (sched_setaffinity(0, mask.size() * sizeof(cpu_set_t), mask.data()) != 0) {
    throw std::system_error(errno, std::generic_category(), "cannot pin the thread to these CPUs");
  }
}

int current_cpu() noexcept { return sched_getcpu(); }

// Of systems with more CPUs than the set can hold, the kernel says nothing here.
bool keep_off_this_cpu(std::int64_t native_id, CpuSet& before) noexcept {
  static_assert(sizeof(CpuSet) == sizeof(cpu_set_t));
  const int here = current_cpu();
  const auto thread = static_cast<pid_t>(native_id);
  cpu_set_t mask;
  if (here < 0 || here >= CPU_SETSIZE || sched_getaffinity(thread, sizeof mask, &mask) != 0) return false;
  std::memcpy(&before, &mask, sizeof before);
  CPU_CLR(static_cast<std::size_t>(here), &mask);
  return CPU_COUNT(&mask) > 0 && sched_setaffinity(thread, sizeof mask, &mask) == 0;
}

void allow_again(const CpuSet& before) noexcept {
  cpu_set_t mask;
  std::memcpy(&mask, &before, sizeof mask);
  sched_setaffinity(0, sizeof mask, &mask);
}

int usable_cpus() noexcept {
  try {
    return usable_cpus_under("", static_cast<int>(thread_affinity().size()));
  } catch (const std::exception&) {
    return 1;
  }
}

int usable_cpus_under(const std::string& root, int mask) {
  const std::vector<Group> groups = parse_groups(read_file(root + "/proc/self/cgroup").value_or(""));
  const std::vector<Mount> mounts = parse_mounts(read_file(root + "/proc/self/mountinfo").value_or(""));
  std::int64_t cpus = mask;
  for (const Group& group : groups) cpus = std::min(cpus, quota_of(group, mounts, root));
  return static_cast<int>(std::max<std::int64_t>(cpus, 1));
}

}  // namespace muster::os
