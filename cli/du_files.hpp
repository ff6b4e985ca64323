#pragma once
// The file system as the walk sees it: one entry's status, one folder's entries, descriptors that close themselves.
// Every call names a file by the descriptor of its folder and its own name, so no path is ever too long.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "du_folder.hpp"

namespace muster::cli {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor();

  int number() const { return number_; }
  bool is_open() const { return number_ >= 0; }

 private:
  int number_;
};

// Shared by all who still have something to open in the folder.
using SharedDescriptor = std::shared_ptr<const Descriptor>;

struct Status {
  FileId id;
  std::uint64_t links = 0;
  std::uint64_t bytes = 0;      // as its owner would count them
  std::uint64_t allocated = 0;  // in whole 512-byte sectors, as the file system counts them
  bool is_folder = false;
  bool is_mount_root = false;
  bool tells_mount_roots = false;  // older kernels do not
};

// The status of `name` itself, where it is a symlink too. Nothing, and errno, if there is none to be had.
std::optional<Status> status_of(int folder, const char* name);

// Opens a folder for reading; not open, and errno, if that fails.
Descriptor open_folder(int folder, const char* name);

// Opens the folder that lies `levels`, at least one, above the one that is open as `below`.
Descriptor open_above(int below, std::size_t levels);

// Whether `folder` is the one known as `id`.
bool is_same(int folder, const FileId& id);

struct Entry {
  enum class Kind { kFolder, kOther, kUnknown };
  const char* name;
  Kind kind;
};

// The entries of an open folder, in no order, without `.` and `..`; however many there are, it holds few of them.
class FolderReader {
 public:
  using Buffer = std::unique_ptr<std::byte[]>;
  static Buffer make_buffer();

  FolderReader(int folder, const Buffer& buffer) : folder_(folder), buffer_(buffer.get()) {}

  // The next entry, whose name is valid until the next call; nothing at the end, or at an error.
  std::optional<Entry> next();

  // The error that ended the reading, 0 if it was the end.
  int error() const { return error_; }

 private:
  bool refill();

  int folder_;
  std::byte* buffer_;
  std::size_t at_ = 0;
  std::size_t end_ = 0;
  int error_ = 0;
};

}  // namespace muster::cli
