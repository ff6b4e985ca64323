// The walk by threads: they share the sums, the claims and the tree.
//
// A task walks one part of the tree, depth first, on a stack of its own, and gives folders away as tasks for as long
// as the pool has few of them. So there is always work for every worker, but never more open folders, or more names
// in memory, than a few for each task; a full pool costs a task for a large part, not for every folder.

#include <fcntl.h>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <mutex>
#include <utility>

#include <muster/lock.hpp>
#include <muster/thread_pool.hpp>

#include "du_walk.hpp"
#include "du_walker.hpp"

namespace muster::cli {
namespace {

// Tasks for each worker, waiting ones included: enough that none runs dry while others walk.
constexpr std::size_t kTasksPerWorker = 32;

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

class ThreadWalk final : public Walk, private Site {
 public:
  ThreadWalk(const WalkOptions& wanted, int workers, StatusLine& line) : Walk(line), Site(wanted), pool_(workers) {
    // A lone worker has nobody to share with.
    const std::size_t most = workers == 1 ? 1 : static_cast<std::size_t>(workers) * kTasksPerWorker;
    most_tasks_ = std::clamp<std::size_t>(free_descriptors() / (most_held + kWalkerDescriptors), 1, most);
  }

 private:
  void walk(const std::string& path) override {
    ++rank;
    start(path);
    pool_.wait_all();
  }

  void start(const std::string& path) {
    Walker first(*this);
    const FolderRef folder = first.meet(AT_FDCWD, {}, path);
    if (!folder) return;
    const SharedDescriptor at = first.open(AT_FDCWD, *folder, path);
    if (!at) return;
    reserve_task();
    post([folder, at](Walker& walker) { walker.walk_from(folder, at); });
  }

  bool enters(const FileId& folder) override { return !options.several_paths || claims_.claim(folder, nullptr, 0); }
  bool claim(const FileId& file, Folder* folder, std::uint64_t bytes) override {
    return claims_.claim(file, folder, bytes);
  }
  void add(const Tally& share) override { totals_.add(share); }
  void keep(std::vector<FolderRef> folders) override {
    if (!options.by_folder || folders.empty()) return;
    const std::scoped_lock lock(folders_lock_);
    folders_.insert(folders_.end(), std::make_move_iterator(folders.begin()), std::make_move_iterator(folders.end()));
  }
  void report(std::string complaint) override { tell(complaint); }
  bool is_over(std::uint64_t /*entries*/) override { return InterruptGuard::interrupted(); }

  bool reserve_task() override {
    std::size_t tasks = tasks_.load(std::memory_order_relaxed);
    while (tasks < most_tasks_) {
      if (tasks_.compare_exchange_weak(tasks, tasks + 1, std::memory_order_relaxed)) return true;
    }
    return false;
  }
  void post(std::function<void(Walker&)> task) override {
    pool_.post([this, task = std::move(task)] {
      const TaskPlace place(tasks_);
      Walker walker(*this);
      task(walker);
    });
  }

  std::size_t most_tasks_;
  std::atomic<std::size_t> tasks_{0};
  muster::threading::Lock folders_lock_;
  muster::ThreadPool pool_;  // the last, so that its tasks end before what they use
};

}  // namespace

std::unique_ptr<Walk> walk_by_threads(const WalkOptions& options, int workers, StatusLine& line) {
  return std::make_unique<ThreadWalk>(options, workers, line);
}

}  // namespace muster::cli
