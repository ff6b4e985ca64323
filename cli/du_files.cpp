#include "du_files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <string>

namespace muster::cli {
namespace {

constexpr std::size_t kBufferBytes = 64 * 1024;
constexpr int kOpenFolder = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

// As many "../" as surely fit into one path.
constexpr std::size_t kLevelsAtOnce = 1000;

// A size with its sign bit set is nonsense that some file systems tell; it counts nothing.
std::uint64_t sane(std::uint64_t size) {
  return size <= std::uint64_t{std::numeric_limits<std::int64_t>::max()} ? size : 0;
}

bool is_dots(const char* name) { return std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0; }

Entry::Kind kind_of(unsigned char type) {
  if (type == DT_DIR) return Entry::Kind::kFolder;
  return type == DT_UNKNOWN ? Entry::Kind::kUnknown : Entry::Kind::kOther;
}

}  // namespace

Descriptor::~Descriptor() {
  if (is_open()) ::close(number_);
}

std::optional<Status> status_of(int folder, const char* name) {
  constexpr unsigned kWanted = STATX_TYPE | STATX_NLINK | STATX_INO | STATX_SIZE | STATX_BLOCKS;
  struct statx told;
  if (::statx(folder, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, kWanted, &told) != 0) return std::nullopt;
  return Status{.id = {makedev(told.stx_dev_major, told.stx_dev_minor), told.stx_ino},
                .links = told.stx_nlink,
                .bytes = sane(told.stx_size),
                .allocated = told.stx_blocks * 512,
                .is_folder = S_ISDIR(told.stx_mode),
                .is_mount_root = (told.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0,
                .tells_mount_roots = (told.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0};
}

Descriptor open_folder(int folder, const char* name) { return Descriptor(::openat(folder, name, kOpenFolder)); }

Descriptor open_above(int below, std::size_t levels) {
  Descriptor at(-1);
  while (levels > 0) {
    const std::size_t step = std::min(levels, kLevelsAtOnce);
    std::string up;
    for (std::size_t i = 0; i < step; ++i) up += "../";
    at = open_folder(at.is_open() ? at.number() : below, up.c_str());
    if (!at.is_open()) break;
    levels -= step;
  }
  return at;
}

bool is_same(int folder, const FileId& id) {
  struct stat told;
  return ::fstat(folder, &told) == 0 && FileId{told.st_dev, told.st_ino} == id;
}

FolderReader::Buffer FolderReader::make_buffer() { return std::make_unique_for_overwrite<std::byte[]>(kBufferBytes); }

bool FolderReader::refill() {
  const ssize_t bytes = ::getdents64(folder_, buffer_, kBufferBytes);
  // A folder that was removed while it was read has no more entries; that is no failure.
  if (bytes < 0 && errno != ENOENT) error_ = errno;
  at_ = 0;
  end_ = bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
  return end_ > 0;
}

std::optional<Entry> FolderReader::next() {
  while (at_ < end_ || refill()) {
    const auto* record = reinterpret_cast<const dirent64*>(buffer_ + at_);
    at_ += record->d_reclen;
    if (!is_dots(record->d_name)) return Entry{record->d_name, kind_of(record->d_type)};
  }
  return std::nullopt;
}

}  // namespace muster::cli
