#pragma once
// The folders that a walk has met, as a tree that knows only the way up: enough to name them, to put them in order,
// to see a loop, and to sum them up. A folder lives as long as one below it, or a reference to it.

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace muster::cli {

// What makes a file the same file, whatever its names.
struct FileId {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const FileId&) const = default;
};

class Folder;

// A counted reference. It may be handed to other threads.
class FolderRef {
 public:
  FolderRef() = default;
  explicit FolderRef(Folder* folder);
  FolderRef(const FolderRef& other) : FolderRef(other.folder_) {}
  FolderRef(FolderRef&& other) noexcept : folder_(std::exchange(other.folder_, nullptr)) {}
  FolderRef& operator=(FolderRef other) noexcept {
    std::swap(folder_, other.folder_);
    return *this;
  }
  ~FolderRef() { release(folder_); }

  Folder* get() const { return folder_; }
  Folder* operator->() const { return folder_; }
  Folder& operator*() const { return *folder_; }
  explicit operator bool() const { return folder_ != nullptr; }

 private:
  friend class Folder;
  static void release(Folder* folder);

  Folder* folder_ = nullptr;
};

class Folder {
 public:
  // The folder that the command line names as its `rank`th.
  Folder(std::string_view path, FileId id, std::size_t rank);
  Folder(FolderRef parent, std::string_view name, FileId id);

  const FileId& id() const { return id_; }
  std::string_view name() const { return name_; }
  std::size_t depth() const { return depth_; }
  Folder* parent() const { return parent_.get(); }

  // The path, from the command line's own on, with `/name` added where one is given.
  std::string path(std::string_view name = {}) const;

  // Whether this folder is one of its own ancestors.
  bool is_loop() const;

  // Sorts by place on the command line, then by path, a folder before what it contains. It costs the logarithm of
  // the depth, not the length of the paths.
  bool comes_before(const Folder& other) const;

  // Bytes counted in this folder. Any thread may add.
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  void add(std::uint64_t bytes) { bytes_.fetch_add(bytes, std::memory_order_relaxed); }

 private:
  friend class FolderRef;
  const Folder* ancestor_at(std::size_t depth) const;

  FolderRef parent_;
  const Folder* jump_;  // far up, so that any ancestor is a logarithm of steps away; a root's is itself
  std::size_t depth_ = 0;
  std::size_t rank_ = 0;
  FileId id_;
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::size_t> references_{0};
  std::string name_;
};

}  // namespace muster::cli
