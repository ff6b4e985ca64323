#include "du_walk.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "du_walker.hpp"
#include "quoting.hpp"

namespace muster::cli {
namespace {

// Tasks for each worker, waiting ones included: enough that none runs dry while others walk.
constexpr std::size_t kTasksPerWorker = 32;

// Descriptors: what the process has open besides, what a walker keeps on its stack, and what it needs beyond that
// (the one it reads, the one it has come through, the one it was given).
constexpr std::size_t kOtherDescriptors = 8;
constexpr std::size_t kHeldDescriptors = 8;
constexpr std::size_t kWalkerDescriptors = 3;

std::size_t free_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  return limit.rlim_cur > kOtherDescriptors ? limit.rlim_cur - kOtherDescriptors : 0;
}

// Gives its place back however the task ends.
class TaskPlace {
 public:
  explicit TaskPlace(std::atomic<std::size_t>& tasks) : tasks_(tasks) {}
  ~TaskPlace() { tasks_.fetch_sub(1, std::memory_order_relaxed); }
  TaskPlace(const TaskPlace&) = delete;
  TaskPlace& operator=(const TaskPlace&) = delete;

 private:
  std::atomic<std::size_t>& tasks_;
};

}  // namespace

bool Pending::has_several() const { return next + std::strlen(front()) + 1 < names.size(); }

void Pending::push(const char* name) { names.append(name, std::strlen(name) + 1); }

void Pending::pop() { next += std::strlen(front()) + 1; }

void Pending::clear() {
  names.clear();
  next = 0;
}

Walk::Walk(const WalkOptions& options, int workers, StatusLine& line) : options_(options), line_(line), pool_(workers) {
  const std::size_t room = free_descriptors();
  most_held_ = std::clamp(room, kWalkerDescriptors + 1, kWalkerDescriptors + kHeldDescriptors) - kWalkerDescriptors;
  // A lone worker has nobody to share with.
  const std::size_t wanted = workers == 1 ? 1 : static_cast<std::size_t>(workers) * kTasksPerWorker;
  most_tasks_ = std::clamp<std::size_t>(room / (most_held_ + kWalkerDescriptors), 1, wanted);
}

std::optional<std::uint64_t> Walk::measure(const std::string& path) {
  const Tally before = totals_.read();
  ++rank_;
  Walker(*this).start(path);
  pool_.wait_all();
  const Tally after = totals_.read();
  const bool counted = after.files + after.folders > before.files + before.folders;
  if (!counted || InterruptGuard::interrupted()) return std::nullopt;
  return after.bytes - before.bytes;
}

std::vector<FolderRef> Walk::folders() {
  claims_.settle();
  return std::move(folders_);
}

// A place for the task has to be reserved.
void Walk::post(std::function<void(Walker&)> task) {
  pool_.post([this, task = std::move(task)] {
    const TaskPlace place(tasks_);
    Walker walker(*this);
    task(walker);
  });
}

bool Walk::reserve_task() {
  std::size_t tasks = tasks_.load(std::memory_order_relaxed);
  while (tasks < most_tasks_) {
    if (tasks_.compare_exchange_weak(tasks, tasks + 1, std::memory_order_relaxed)) return true;
  }
  return false;
}

void Walk::complain(std::string_view what, const std::string& path, int error) {
  failed_.store(true, std::memory_order_relaxed);
  line_.message("muster du: " + std::string(what) + ' ' + shell_quoted(path) + ": " + std::strerror(error));
}

}  // namespace muster::cli
