#include "du_walker.hpp"

#include <fcntl.h>

#include <cerrno>
#include <utility>

namespace muster::cli {
namespace {

// Counting this many files or folders between two visits to the sums that all share keeps the workers out of each
// other's way, and the progress line moving.
constexpr std::uint64_t kShareSize = 1024;

// The entries of a large folder are counted in parts of this size, each of which can go to another worker.
constexpr std::size_t kPartSize = 1024;

// A loop that no mount makes is a damage of the file system. It is looked for at multiples of this depth: to look at
// every folder would take time by the square of the depth.
constexpr std::size_t kLoopDepth = 1024;

}  // namespace

void Walker::walk_from(const FolderRef& folder, const SharedDescriptor& at) {
  if (std::optional<Pending> subfolders = read(folder, at)) walk_through(std::move(*subfolders));
}

void Walker::walk_through(Pending subfolders) {
  push(std::move(subfolders));
  walk_on();
}

void Walker::resume(std::vector<Pending> stack, const SharedDescriptor& at) {
  stack_ = std::move(stack);
  place_ = {stack_.back().folder, at};
  walk_on();
}

std::vector<Pending> Walker::leave() {
  hand_in();
  return std::move(stack_);
}

void Walker::walk_on() {
  while (!stack_.empty() && !is_over()) {
    if (!return_to(stack_.back())) {
      stack_.pop_back();
      continue;
    }
    give_away(stack_.back());
    if (std::optional<Pending> deeper = descend()) push(std::move(*deeper));
  }
}

bool Walker::is_over() { return site_.is_over(share_.files + share_.folders); }

// Drops a folder before it enters the last of its subfolders, so that a chain of folders needs no stack.
std::optional<Pending> Walker::descend() {
  Pending& part = stack_.back();
  Place place{part.folder, part.at};
  const std::string name = part.front();
  part.pop();
  if (part.empty()) stack_.pop_back();

  const FolderRef folder = meet(place.at->number(), place.folder, name);
  if (!folder) return std::nullopt;
  const SharedDescriptor at = open(place.at->number(), *folder, name);
  if (!at) return std::nullopt;
  place_ = std::move(place);
  return read(folder, at);
}

FolderRef Walker::meet(int at, const FolderRef& parent, const std::string& name) {
  const std::optional<Status> status = status_of(at, name.c_str());
  if (!status) {
    const int error = errno;
    site_.complain("cannot access", parent ? parent->path(name) : name, error);
    return {};
  }
  if (!parent) site_.device = status->id.device;
  if (is_excluded(parent, *status)) return {};
  if (!status->is_folder) {
    count_file(parent.get(), *status);
    return {};
  }
  if (!site_.enters(status->id)) return {};
  FolderRef folder(parent ? new Folder(parent, name, status->id) : new Folder(name, status->id, site_.rank));
  if (is_loop(*folder, *status)) return {};
  count_folder(folder, *status);
  return folder;
}

SharedDescriptor Walker::open(int at, const Folder& folder, const std::string& name) {
  Descriptor opened = open_folder(at, name.c_str());
  if (opened.is_open()) return std::make_shared<const Descriptor>(std::move(opened));
  const int error = errno;
  site_.complain("cannot read directory", folder.path(), error);
  return nullptr;
}

// Counts the files of a folder and returns its subfolders, if it has any.
std::optional<Pending> Walker::read(const FolderRef& folder, const SharedDescriptor& at) {
  if (!buffer_) buffer_ = FolderReader::make_buffer();
  Pending subfolders{folder, at, {}};
  Pending files{folder, at, {}};
  FolderReader reader(at->number(), buffer_);
  std::size_t entries = 0;
  while (const std::optional<Entry> entry = reader.next()) {
    if (InterruptGuard::interrupted()) return std::nullopt;
    (entry->kind == Entry::Kind::kFolder ? subfolders : files).push(entry->name);
    if (++entries % kPartSize == 0) count_or_give_away(files, subfolders);
  }
  if (reader.error() != 0) site_.complain("cannot read directory", folder->path(), reader.error());
  count_files(files, subfolders);
  if (subfolders.empty()) return std::nullopt;
  return subfolders;
}

void Walker::count_or_give_away(Pending& files, Pending& subfolders) {
  if (files.empty() || !site_.reserve_task()) return count_files(files, subfolders);
  site_.post([part = files](Walker& walker) mutable {
    Pending found{part.folder, part.at, {}};
    walker.count_files(part, found);
    if (!found.empty()) walker.walk_through(std::move(found));
  });
  files.clear();
}

// Counts `files` and removes them. Where the folder did not tell that one is a subfolder, it moves to those.
void Walker::count_files(Pending& files, Pending& subfolders) {
  for (; !files.empty() && !InterruptGuard::interrupted(); files.pop()) {
    const std::optional<Status> status = status_of(files.at->number(), files.front());
    if (!status) {
      const int error = errno;
      site_.complain("cannot access", files.folder->path(files.front()), error);
    } else if (status->is_folder) {
      subfolders.push(files.front());
    } else if (!is_excluded(files.folder, *status)) {
      count_file(files.folder.get(), *status);
    }
  }
  files.clear();
}

// Makes sure that the folder of `part` is open. If no way leads back, what was left of it stays uncounted.
bool Walker::return_to(Pending& part) {
  if (part.at) return true;
  const std::size_t levels = place_.folder->depth() - part.folder->depth();
  if (levels == 0) {
    part.at = place_.at;
    return true;
  }
  Descriptor opened = open_above(place_.at->number(), levels);
  const int error = opened.is_open() ? ESTALE : errno;
  if (!opened.is_open() || !is_same(opened.number(), part.folder->id())) {
    site_.complain("cannot return to", part.folder->path(), error);
    return false;
  }
  part.at = std::make_shared<const Descriptor>(std::move(opened));
  place_ = {part.folder, part.at};
  return true;
}

void Walker::push(Pending subfolders) {
  stack_.push_back(std::move(subfolders));
  if (stack_.size() > site_.most_held) stack_[stack_.size() - 1 - site_.most_held].at.reset();
}

// Keeps one for itself: that needs no other worker to wake up.
void Walker::give_away(Pending& subfolders) {
  while (subfolders.has_several() && site_.reserve_task()) {
    Pending one{subfolders.folder, subfolders.at, {}};
    one.push(subfolders.front());
    subfolders.pop();
    site_.post([one = std::move(one)](Walker& walker) { walker.walk_through(one); });
  }
}

// What the command line names itself lies, by definition, on the right file system.
bool Walker::is_excluded(const FolderRef& parent, const Status& status) const {
  return site_.options.one_file_system && parent && status.id.device != site_.device;
}

// A mount that shows a folder again below itself is no damage, but counts only once.
bool Walker::is_loop(const Folder& folder, const Status& status) {
  const bool suspicious = status.is_mount_root || !status.tells_mount_roots || folder.depth() % kLoopDepth == 0;
  if (!suspicious || !folder.is_loop()) return false;
  if (!status.is_mount_root && status.tells_mount_roots) {
    site_.complain("directory inside itself", folder.path(), EUCLEAN);
  }
  return true;
}

std::uint64_t Walker::size_of(const Status& status) const {
  return site_.options.apparent_size ? status.bytes : status.allocated;
}

void Walker::count_file(Folder* folder, const Status& status) {
  const std::uint64_t bytes = size_of(status);
  Folder* owner = site_.options.by_folder ? folder : nullptr;
  if (status.links > 1 || site_.options.several_paths) {
    if (!site_.claim(status.id, owner, bytes)) return;
  } else if (owner != nullptr) {
    owner->add(bytes);
  }
  count(bytes, share_.files);
}

void Walker::count_folder(const FolderRef& folder, const Status& status) {
  const std::uint64_t bytes = size_of(status);
  folder->add(bytes);
  if (site_.options.by_folder) met_.push_back(folder);
  count(bytes, share_.folders);
}

void Walker::count(std::uint64_t bytes, std::uint64_t& kind) {
  share_.bytes += bytes;
  ++kind;
  if (share_.files + share_.folders >= kShareSize) hand_in();
}

void Walker::hand_in() {
  site_.add(std::exchange(share_, {}));
  site_.keep(std::exchange(met_, {}));
}

}  // namespace muster::cli
