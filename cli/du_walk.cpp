#include "du_walk.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "quoting.hpp"

namespace muster::cli {
namespace {

// Descriptors: what the process has open besides, and what a walker keeps on its stack. It needs some beyond that: the
// one it reads, the one it has come through, the one it was given.
constexpr std::size_t kOtherDescriptors = 8;
constexpr std::size_t kHeldDescriptors = 8;

}  // namespace

bool Pending::has_several() const { return next + std::strlen(front()) + 1 < names.size(); }

void Pending::push(const char* name) { names.append(name, std::strlen(name) + 1); }

void Pending::pop() { next += std::strlen(front()) + 1; }

void Pending::clear() {
  names.clear();
  next = 0;
}

std::size_t free_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  return limit.rlim_cur > kOtherDescriptors ? limit.rlim_cur - kOtherDescriptors : 0;
}

Site::Site(const WalkOptions& wanted)
    : options(wanted),
      most_held(std::clamp(free_descriptors(), kWalkerDescriptors + 1, kWalkerDescriptors + kHeldDescriptors) -
                kWalkerDescriptors) {}

Site::~Site() = default;

void Site::complain(std::string_view what, const std::string& path, int error) {
  report("muster du: " + std::string(what) + ' ' + shell_quoted(path) + ": " + std::strerror(error));
}

Walk::~Walk() = default;

std::optional<std::uint64_t> Walk::measure(const std::string& path) {
  const Tally before = totals_.read();
  walk(path);
  const Tally after = totals_.read();
  const bool counted = after.files + after.folders > before.files + before.folders;
  if (!counted || InterruptGuard::interrupted()) return std::nullopt;
  return after.bytes - before.bytes;
}

std::vector<FolderRef> Walk::folders() {
  claims_.settle();
  return std::move(folders_);
}

void Walk::tell(const std::string& complaint) {
  failed_.store(true, std::memory_order_relaxed);
  line_.message(complaint);
}

}  // namespace muster::cli
