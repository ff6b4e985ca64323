#pragma once
// A walk over the paths of the command line, whatever kind of workers does it; and what a single walker needs of it.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "du_claims.hpp"
#include "du_files.hpp"
#include "du_folder.hpp"
#include "du_tally.hpp"
#include "terminal.hpp"

namespace muster::cli {

struct WalkOptions {
  bool apparent_size = false;    // count the bytes of files, not the space they take
  bool one_file_system = false;  // stay on the file system that the path lies on
  bool by_folder = false;        // keep what each folder holds
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

// Where walkers take their orders and leave what they find.
class Site {
 public:
  explicit Site(const WalkOptions& options);
  virtual ~Site();
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;

  // Whether a folder is to be entered: it may have been counted under an earlier path.
  virtual bool enters(const FileId& folder) = 0;
  // True if the file is new, so that the walker counts its bytes. `folder` may be null.
  virtual bool claim(const FileId& file, Folder* folder, std::uint64_t bytes) = 0;
  virtual void add(const Tally& share) = 0;
  virtual void keep(std::vector<FolderRef> folders) = 0;
  virtual void report(std::string complaint) = 0;
  // Whether the walker, which has counted so many entries since it last added, should leave the rest.
  virtual bool is_over(std::uint64_t entries) = 0;
  // A place for a task, to be reserved before it is posted.
  virtual bool reserve_task() = 0;
  virtual void post(std::function<void(Walker&)> task) = 0;

  void complain(std::string_view what, const std::string& path, int error);

  const WalkOptions options;
  std::size_t most_held;  // descriptors on the stack of one walker
  dev_t device = 0;       // of the path at hand
  std::size_t rank = 0;   // its place on the command line
};

// Descriptors that walkers may have open, all together; and one beyond those on its stack.
std::size_t free_descriptors();
inline constexpr std::size_t kWalkerDescriptors = 3;

// One path after the other, by workers of its own. All but `progress` is for the thread that made it.
class Walk {
 public:
  explicit Walk(StatusLine& line) : line_(line) {}
  virtual ~Walk();
  Walk(const Walk&) = delete;
  Walk& operator=(const Walk&) = delete;

  // The bytes under `path`, without what an earlier path counted. Nothing if that is everything, or if there is no
  // such path, or at an interrupt. Blocks. Throws what the pool throws.
  std::optional<std::uint64_t> measure(const std::string& path);

  // Whether something could not be read. It was named on standard error.
  bool failed() const { return failed_; }

  // The sums so far. Any thread may ask.
  Tally progress() const { return totals_.read(); }

  // All folders, with the bytes that lie in each itself. To be called once, at the end, with `by_folder`.
  std::vector<FolderRef> folders();

 protected:
  virtual void walk(const std::string& path) = 0;
  void tell(const std::string& complaint);

  Totals totals_;
  Claims claims_;
  std::vector<FolderRef> folders_;

 private:
  StatusLine& line_;
  std::atomic<bool> failed_{false};
};

std::unique_ptr<Walk> walk_by_threads(const WalkOptions& options, int workers, StatusLine& line);
// After muster::init. Throws what a pool of processes throws when it cannot be made.
std::unique_ptr<Walk> walk_by_processes(const WalkOptions& options, int workers, StatusLine& line);

}  // namespace muster::cli
