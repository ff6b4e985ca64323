#pragma once
// The walk through a tree of folders, spread over the workers of a pool.
//
// A task walks one part of the tree, depth first, on a stack of its own, and gives folders away as tasks for as long
// as the pool has few of them. So there is always work for every worker, but never more open folders, or more names
// in memory, than a few for each task; a full pool costs a task for a large part, not for every folder.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <muster/lock.hpp>
#include <muster/pool.hpp>

#include "du_claims.hpp"
#include "du_files.hpp"
#include "du_folder.hpp"
#include "du_tally.hpp"
#include "terminal.hpp"

namespace muster::cli {

struct WalkOptions {
  bool apparent_size = false;    // count the bytes of files, not the space they take
  bool one_file_system = false;  // stay on the file system that the path lies on
  bool by_folder = false;        // keep what each folder holds, for `folders`
  bool several_paths = false;    // a file may be met again without having several names
};

class Walker;

// Entries of a folder that are still to be looked at: their names, each with a NUL behind it.
struct Pending {
  FolderRef folder;
  SharedDescriptor at;  // null while the walker is short of descriptors
  std::string names;
  std::size_t next = 0;

  bool empty() const { return next == names.size(); }
  bool has_several() const;
  const char* front() const { return names.c_str() + next; }
  void push(const char* name);
  void pop();
  void clear();
};

// A walk over one path after the other, with workers of its own. All but `progress` is for the thread that made it.
class Walk {
 public:
  Walk(const WalkOptions& options, int workers, StatusLine& line);

  // The bytes under `path`, without what an earlier path counted. Nothing if that is everything, or if there is no
  // such path, or at an interrupt. Blocks. Throws what the pool throws.
  std::optional<std::uint64_t> measure(const std::string& path);

  // Whether something could not be read. It was named on standard error.
  bool failed() const { return failed_; }

  // The sums so far. Any thread may ask.
  Tally progress() const { return totals_.read(); }

  // All folders, with the bytes that lie in each itself. To be called once, at the end, with `by_folder`.
  std::vector<FolderRef> folders();

 private:
  friend class Walker;
  void post(std::function<void(Walker&)> task);
  bool reserve_task();
  void complain(std::string_view what, const std::string& path, int error);

  const WalkOptions options_;
  StatusLine& line_;
  std::size_t most_tasks_;
  std::size_t most_held_;  // descriptors on the stack of one walker
  dev_t device_ = 0;       // of the path at hand
  std::size_t rank_ = 0;   // its place on the command line
  Totals totals_;
  Claims claims_;
  std::atomic<std::size_t> tasks_{0};
  std::atomic<bool> failed_{false};
  muster::threading::Lock folders_lock_;
  std::vector<FolderRef> folders_;
  muster::ThreadPool pool_;  // the last, so that its tasks end before what they use
};

}  // namespace muster::cli
