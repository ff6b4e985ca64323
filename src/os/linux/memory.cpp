#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <charconv>
#include <exception>
#include <new>
#include <system_error>

#include "os/linux/huge_pages.hpp"
#include "os/linux/populate.hpp"
#include "os/linux/read_file.hpp"
#include "os/os.hpp"
#include "os/process.hpp"

namespace muster::os {
namespace {

// The smallest multiple of `unit` that is not below `bytes`. Throws std::bad_alloc.
std::size_t round_up(std::size_t bytes, std::size_t unit) {
  if (bytes > SIZE_MAX - (unit - 1)) throw std::bad_alloc();
  return (bytes + unit - 1) / unit * unit;
}

[[noreturn]] void fail(int error, const char* what) {
  // EAGAIN: more would be locked in memory than may be.
  if (error == ENOMEM || error == ENOSPC || error == EFBIG || error == EAGAIN) throw std::bad_alloc();
  throw std::system_error(error, std::generic_category(), what);
}

char* map(std::size_t bytes, int flags, int descriptor, int access = PROT_READ | PROT_WRITE) {
  void* const data = mmap(nullptr, bytes, access, flags, descriptor, 0);
  if (data == MAP_FAILED) fail(errno, "cannot map memory");
  return static_cast<char*>(data);
}

void unmap(char* data, std::size_t bytes) noexcept {
  if (bytes > 0) munmap(data, bytes);
}

char* map_aligned(std::size_t bytes, std::size_t alignment, int access = PROT_READ | PROT_WRITE) {
  if (bytes > SIZE_MAX - alignment) throw std::bad_alloc();
  const std::size_t generous = bytes + alignment;
  char* const data = map(generous, MAP_PRIVATE | MAP_ANONYMOUS, -1, access);
  const std::size_t past = reinterpret_cast<std::uintptr_t>(data) & (alignment - 1);
  const std::size_t before = past == 0 ? 0 : alignment - past;
  unmap(data, before);
  unmap(data + before + bytes, generous - before - bytes);
  return data + before;
}

// A shared file's, where its huge pages can be mapped as such: the kernel does not see to that by itself.
char* map_file(std::size_t bytes, int sharing, int descriptor, int access = PROT_READ | PROT_WRITE) {
  const std::size_t huge = may_hold_huge_page(bytes) ? huge_file_page() : 0;
  if (huge == 0 || bytes < huge) return map(bytes, sharing, descriptor, access);
  char* const place = map_aligned(bytes, huge, PROT_NONE);
  if (mmap(place, bytes, access, sharing | MAP_FIXED, descriptor, 0) != MAP_FAILED) return place;
  const int error = errno;
  unmap(place, bytes);
  fail(error, "cannot map memory");
}

int create_memfd(const char* name) {
  // A machine may be set to refuse files that could be executed; kernels before 6.3 do not know the flag. It implies
  // that the file takes seals, which is asked for all the same.
  constexpr unsigned kNoExecSeal = 8;
  constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  int descriptor = memfd_create(name, kFlags | kNoExecSeal);
  if (descriptor < 0 && errno == EINVAL) descriptor = memfd_create(name, kFlags);
  if (descriptor < 0) fail(errno, "cannot create shared memory");
  return descriptor;
}

std::size_t number(std::string_view text) noexcept {
  std::size_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Bytes of `field` in the text of /proc/meminfo, which counts in kB.
std::size_t meminfo_bytes(const std::string& meminfo, std::string_view field) {
  std::size_t at = meminfo.find(field);
  if (at == std::string::npos) return 0;
  at = meminfo.find_first_not_of(": ", at + field.size());
  return at == std::string::npos ? 0 : number(std::string_view(meminfo).substr(at)) * 1024;
}

// How many bytes are taken at once. A signal undoes the call it interrupts, or has it begin anew: one call for it all
// might never end under a profiler's clock.
constexpr std::size_t kStep = std::size_t{8} << 20;

// Takes the pages now: on a full machine the first touch of a page that is not there kills the process (SIGBUS).
void take(int descriptor, std::size_t begin, std::size_t bytes) {
  for (const std::size_t end = begin + bytes; begin < end;) {
    const std::size_t step = std::min(kStep, end - begin);
    if (fallocate(descriptor, 0, static_cast<off_t>(begin), static_cast<off_t>(step)) == 0) {
      begin += step;
    } else if (errno != EINTR) {
      fail(errno, "cannot reserve shared memory");
    }
  }
}

void set_size(int descriptor, std::size_t bytes) {
  if (ftruncate(descriptor, static_cast<off_t>(bytes)) != 0) fail(errno, "cannot size shared memory");
}

// Whoever gets the file may map it without fear: a page beyond a file's end kills who touches it.
void fix_size(int descriptor) {
  if (fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0) fail(errno, "cannot seal shared memory");
}

void demand_sealed(int descriptor, std::size_t bytes) {
  const int seals = fcntl(descriptor, F_GET_SEALS);
  if (seals < 0) fail(errno, "this is no shared memory of muster's");
  struct stat status = {};
  if (fstat(descriptor, &status) != 0) fail(errno, "cannot look at shared memory");
  if ((seals & F_SEAL_SHRINK) == 0 || static_cast<std::uint64_t>(status.st_size) < bytes) {
    fail(EINVAL, "shared memory is shorter than it should be, or may become so");
  }
}

bool holds_aligned(const void* data, std::size_t bytes, std::size_t unit) noexcept {
  const std::size_t past = reinterpret_cast<std::uintptr_t>(data) % unit;
  const std::size_t before = past == 0 ? 0 : unit - past;
  return bytes >= unit && bytes - unit >= before;
}

}  // namespace

// Pages of a memfd count against no limit until they are touched: asked for more than it has, the kernel fills the
// machine and then kills processes. So look first.
bool machine_has(std::size_t bytes) {
  constexpr std::size_t kNoMatter = std::size_t{4} << 20;  // not worth reading a file for
  if (bytes <= kNoMatter) return true;
  const std::string meminfo = read_file("/proc/meminfo").value_or("");
  const std::size_t available = meminfo_bytes(meminfo, "MemAvailable");
  return available == 0 || bytes <= available + meminfo_bytes(meminfo, "SwapFree");
}

Mapping Mapping::anonymous(std::size_t bytes, std::size_t alignment) {
  assert((alignment & (alignment - 1)) == 0);
  Mapping mapping;
  if (bytes == 0) return mapping;
  const std::size_t size = round_up(bytes, page_size());
  mapping.data_ = alignment <= page_size() ? map(size, MAP_PRIVATE | MAP_ANONYMOUS, -1) : map_aligned(size, alignment);
  mapping.size_ = size;
  return mapping;
}

Mapping Mapping::inherited(std::size_t bytes) {
  Mapping mapping;
  if (bytes == 0) return mapping;
  const std::size_t size = round_up(bytes, page_size());
  mapping.data_ = map(size, MAP_SHARED | MAP_ANONYMOUS, -1);
  mapping.size_ = size;
  return mapping;
}

Mapping Mapping::sparse(std::size_t bytes, const char* name, std::size_t behind) {
  Mapping mapping;
  if (bytes == 0) return mapping;
  const std::size_t size = round_up(bytes, page_size());
  if (size > static_cast<std::size_t>(PTRDIFF_MAX)) throw std::bad_alloc();
  mapping.descriptor_ = create_memfd(name);
  if (!machine_has(size)) throw std::bad_alloc();
  set_size(mapping.descriptor_, size + behind);
  fix_size(mapping.descriptor_);
  mapping.data_ = map_file(size, MAP_SHARED, mapping.descriptor_);
  mapping.size_ = size;
  return mapping;
}

Mapping Mapping::memfd(std::size_t bytes, const char* name) {
  Mapping mapping = sparse(bytes, name);
  mapping.take_pages(0, bytes);
  return mapping;
}

Descriptor shared_file(std::size_t bytes, const char* name) {
  const std::size_t size = round_up(bytes, page_size());
  if (size > static_cast<std::size_t>(PTRDIFF_MAX) || !machine_has(size)) throw std::bad_alloc();
  Descriptor file(create_memfd(name));
  set_size(file.number(), size);
  fix_size(file.number());
  return file;
}

Mapping map_view(Descriptor descriptor, std::size_t bytes) {
  Mapping mapping;
  if (bytes == 0) return mapping;
  const std::size_t size = round_up(bytes, page_size());
  mapping.data_ = map_file(size, MAP_PRIVATE, descriptor.number());
  mapping.size_ = size;
  mapping.descriptor_ = descriptor.release();
  return mapping;
}

Mapping map_shared(Descriptor descriptor, std::size_t bytes, bool writable) {
  Mapping mapping;
  if (bytes == 0) return mapping;
  const std::size_t size = round_up(bytes, page_size());
  demand_sealed(descriptor.number(), bytes);
  mapping.data_ = map_file(size, MAP_SHARED, descriptor.number(), writable ? PROT_READ | PROT_WRITE : PROT_READ);
  mapping.size_ = size;
  mapping.descriptor_ = descriptor.release();
  return mapping;
}

bool has_pages(const Descriptor& file, std::size_t bytes) noexcept {
  constexpr std::size_t kBlock = 512;  // what st_blocks counts, whatever the file system
  const std::size_t blocks = bytes / kBlock + (bytes % kBlock > 0 ? 1 : 0);
  struct stat status = {};
  return fstat(file.number(), &status) == 0 && static_cast<std::size_t>(status.st_blocks) >= blocks;
}

// Only who writes has pages to take, which may need the descriptor.
Mapping Mapping::whole(std::size_t bytes, bool writable) const {
  if (writable) {
    Descriptor again(fcntl(descriptor_, F_DUPFD_CLOEXEC, 3));
    if (!again) fail(errno, "cannot map shared memory once more");
    return map_shared(std::move(again), bytes, true);
  }
  demand_sealed(descriptor_, bytes);
  Mapping mapping;
  mapping.size_ = round_up(bytes, page_size());
  mapping.data_ = map_file(mapping.size_, MAP_SHARED, descriptor_, PROT_READ);
  return mapping;
}

bool Mapping::can_read(std::size_t offset, std::size_t bytes) noexcept {
  constexpr int kPopulateRead = 22;  // MADV_POPULATE_READ, of Linux 5.14, which not every header knows
  const std::size_t begin = offset / page_size() * page_size();
  const std::size_t end = std::min(size_, offset + bytes);
  while (begin < end && madvise(static_cast<char*>(data_) + begin, end - begin, kPopulateRead) != 0) {
    if (errno == EINTR) continue;
    return errno == EINVAL;  // an older system: what can be done is to try
  }
  return true;
}

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  Mapping taken(std::move(other));
  std::swap(data_, taken.data_);
  std::swap(size_, taken.size_);
  std::swap(descriptor_, taken.descriptor_);
  return *this;
}

Mapping::~Mapping() {
  if (data_ != nullptr) munmap(data_, size_);
  if (descriptor_ >= 0) close(descriptor_);
}

bool Mapping::advise_huge() noexcept {
  const std::size_t huge = huge_page_size();
  return huge != 0 && holds_aligned(data_, size_, huge) && madvise(data_, size_, MADV_HUGEPAGE) == 0;
}

void Mapping::take_pages(std::size_t offset, std::size_t bytes) {
  std::size_t begin = offset / page_size() * page_size();
  const std::size_t end = std::min(size_, round_up(offset + bytes, page_size()));
  if (begin >= end) return;
  char* const data = static_cast<char*>(data_);
  take_huge_pages(data + begin, data + end);
  for (std::size_t step = 0; begin < end; begin += step) {
    step = std::min(kStep, end - begin);
    const int error = populate(data + begin, step);
    if (error == EINVAL) return take(descriptor_, begin, end - begin);
    if (error != 0) throw std::bad_alloc();
  }
}

void Mapping::reserve_pages(std::size_t offset, std::size_t bytes) {
  const std::size_t begin = offset / page_size() * page_size();
  const std::size_t end = std::min(size_, round_up(offset + bytes, page_size()));
  if (begin < end) take(descriptor_, begin, end - begin);
}

bool Mapping::can_write(std::size_t offset, std::size_t bytes) noexcept {
  try {
    take_pages(offset, bytes);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

bool Mapping::offer() noexcept { return data_ != nullptr && madvise(data_, size_, MADV_FREE) == 0; }

void Mapping::forget_changes() noexcept {
  if (data_ != nullptr) madvise(data_, size_, MADV_DONTNEED);
}

std::size_t page_size() noexcept { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

}  // namespace muster::os
