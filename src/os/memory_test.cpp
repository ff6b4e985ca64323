#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <new>
#include <span>
#include <system_error>

#include "os/os.hpp"
#include "os/testing.hpp"

namespace muster::os {
namespace {

std::span<unsigned char> bytes_of(const Mapping& mapping) {
  return {static_cast<unsigned char*>(mapping.data()), mapping.size()};
}

bool all_zero(const Mapping& mapping) {
  return std::ranges::all_of(bytes_of(mapping), [](unsigned char byte) { return byte == 0; });
}

std::uintptr_t address(const Mapping& mapping) { return reinterpret_cast<std::uintptr_t>(mapping.data()); }

// The kernel's list of mappings tells what is left of one, which no pointer can ask safely.
bool is_mapped(std::uintptr_t where) {
  std::ifstream maps("/proc/self/maps");
  std::string line;
  while (std::getline(maps, line)) {
    std::size_t end = 0;
    const std::uintptr_t from = std::stoull(line, &end, 16);
    const std::uintptr_t to = std::stoull(line.substr(end + 1), nullptr, 16);
    if (from <= where && where < to) return true;
  }
  return false;
}

TEST(Mapping, empty_holds_nothing) {
  const Mapping mapping;
  EXPECT_EQ(mapping.data(), nullptr);
  EXPECT_EQ(mapping.size(), 0U);
  EXPECT_EQ(mapping.descriptor(), -1);
}

TEST(Mapping, of_zero_bytes_holds_nothing) {
  for (const Mapping& mapping : {Mapping::anonymous(0), Mapping::anonymous(0, 1 << 20), Mapping::memfd(0)}) {
    EXPECT_EQ(mapping.data(), nullptr);
    EXPECT_EQ(mapping.size(), 0U);
    EXPECT_EQ(mapping.descriptor(), -1);
  }
}

TEST(Mapping, size_is_whole_pages) {
  EXPECT_EQ(Mapping::anonymous(1).size(), page_size());
  EXPECT_EQ(Mapping::anonymous(page_size()).size(), page_size());
  EXPECT_EQ(Mapping::anonymous(page_size() + 1).size(), 2 * page_size());
  EXPECT_EQ(Mapping::memfd(page_size() + 1).size(), 2 * page_size());
}

TEST(Mapping, is_zero_filled_and_writable_to_its_end) {
  for (const Mapping& mapping : {Mapping::anonymous(100'000), Mapping::memfd(100'000)}) {
    EXPECT_TRUE(all_zero(mapping));
    std::ranges::fill(bytes_of(mapping), static_cast<unsigned char>(0xAB));
    EXPECT_EQ(bytes_of(mapping).back(), 0xAB);
  }
}

TEST(Mapping, is_aligned_as_asked) {
  for (std::size_t alignment = 1; alignment <= std::size_t{64} << 20; alignment *= 2) {
    const Mapping mapping = Mapping::anonymous(3 * page_size(), alignment);
    EXPECT_EQ(address(mapping) % std::max(alignment, page_size()), 0U) << alignment;
    EXPECT_EQ(mapping.size(), 3 * page_size());
    std::ranges::fill(bytes_of(mapping), static_cast<unsigned char>(1));
  }
}

TEST(Mapping, trims_what_alignment_cost) {
  constexpr std::size_t kAlignment = std::size_t{1} << 30;
  const std::ptrdiff_t before = [] {
    std::ifstream status("/proc/self/statm");
    std::ptrdiff_t pages = 0;
    status >> pages;
    return pages;
  }();
  const Mapping mapping = Mapping::anonymous(1, kAlignment);
  std::ifstream status("/proc/self/statm");
  std::ptrdiff_t after = 0;
  status >> after;
  EXPECT_LT(static_cast<std::size_t>(after - before) * page_size(), kAlignment / 2);
}

TEST(Mapping, unmaps_when_destroyed) {
  std::uintptr_t where = 0;
  {
    const Mapping mapping = Mapping::anonymous(page_size(), std::size_t{1} << 30);
    where = address(mapping);
    EXPECT_TRUE(is_mapped(where));
  }
  EXPECT_FALSE(is_mapped(where));
}

TEST(Mapping, too_large_is_bad_alloc) {
  const std::ptrdiff_t descriptors = testing::open_descriptors();
  for (const std::size_t bytes : {SIZE_MAX, SIZE_MAX - page_size(), SIZE_MAX / 2, std::size_t{1} << 60}) {
    EXPECT_THROW(Mapping::anonymous(bytes), std::bad_alloc) << bytes;
    EXPECT_THROW(Mapping::anonymous(bytes, std::size_t{1} << 21), std::bad_alloc) << bytes;
    EXPECT_THROW(Mapping::memfd(bytes), std::bad_alloc) << bytes;
  }
  EXPECT_THROW(Mapping::anonymous(1, std::size_t{1} << 63), std::bad_alloc);
  EXPECT_EQ(testing::open_descriptors(), descriptors);
}

TEST(Mapping, more_shared_memory_than_the_machine_has_is_bad_alloc) {
  EXPECT_THROW(Mapping::memfd(std::size_t{1} << 45), std::bad_alloc);
}

TEST(Mapping, memfd_pages_are_taken_at_once) {
  const Mapping mapping = Mapping::memfd(std::size_t{20} << 20);  // more than one step of the reservation
  struct stat status = {};
  ASSERT_EQ(fstat(mapping.descriptor(), &status), 0);
  EXPECT_EQ(static_cast<std::size_t>(status.st_size), mapping.size());
  EXPECT_GE(static_cast<std::size_t>(status.st_blocks) * 512, mapping.size());
}

TEST(Mapping, memfd_closes_on_exec) {
  const Mapping mapping = Mapping::memfd(1);
  EXPECT_NE(fcntl(mapping.descriptor(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(Mapping, memfd_name_too_long_is_an_error_that_leaks_nothing) {
  const std::ptrdiff_t descriptors = testing::open_descriptors();
  EXPECT_THROW(Mapping::memfd(1, std::string(1000, 'x').c_str()), std::system_error);
  EXPECT_EQ(testing::open_descriptors(), descriptors);
}

TEST(Mapping, memfd_closes_its_descriptor) {
  const std::ptrdiff_t descriptors = testing::open_descriptors();
  {
    const Mapping mapping = Mapping::memfd(1);
    EXPECT_EQ(testing::open_descriptors(), descriptors + 1);
  }
  EXPECT_EQ(testing::open_descriptors(), descriptors);
}

TEST(Mapping, memfd_is_shared_with_a_forked_child) {
  const Mapping shared = Mapping::memfd(1);
  const Mapping own = Mapping::anonymous(1);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    bytes_of(shared)[0] = 1;
    bytes_of(own)[0] = 1;
    _exit(0);
  }
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  EXPECT_EQ(bytes_of(shared)[0], 1);
  EXPECT_EQ(bytes_of(own)[0], 0);
}

TEST(Mapping, memfd_can_be_mapped_again_by_its_descriptor) {
  const Mapping first = Mapping::memfd(page_size());
  void* const second = mmap(nullptr, page_size(), PROT_READ, MAP_SHARED, first.descriptor(), 0);
  ASSERT_NE(second, MAP_FAILED);
  bytes_of(first)[5] = 9;
  EXPECT_EQ(static_cast<unsigned char*>(second)[5], 9);
  munmap(second, page_size());
}

TEST(Mapping, move_takes_everything) {
  Mapping from = Mapping::memfd(1);
  void* const data = from.data();
  const int descriptor = from.descriptor();
  const Mapping to(std::move(from));
  EXPECT_EQ(to.data(), data);
  EXPECT_EQ(to.size(), page_size());
  EXPECT_EQ(to.descriptor(), descriptor);
  EXPECT_EQ(from.data(), nullptr);  // NOLINT(bugprone-use-after-move): what this test is about
  EXPECT_EQ(from.size(), 0U);
  EXPECT_EQ(from.descriptor(), -1);
}

TEST(Mapping, move_assignment_frees_what_was_held) {
  const std::ptrdiff_t descriptors = testing::open_descriptors();
  Mapping mapping = Mapping::memfd(1);
  mapping = Mapping::memfd(1);
  EXPECT_EQ(testing::open_descriptors(), descriptors + 1);
  mapping = Mapping();
  EXPECT_EQ(testing::open_descriptors(), descriptors);
  EXPECT_EQ(mapping.data(), nullptr);
}

TEST(Mapping, move_to_itself_keeps_all) {
  Mapping mapping = Mapping::anonymous(1);
  Mapping& same = mapping;
  mapping = std::move(same);
  EXPECT_NE(mapping.data(), nullptr);
  bytes_of(mapping)[0] = 1;
}

TEST(PageSize, is_what_the_kernel_says) { EXPECT_EQ(page_size(), static_cast<std::size_t>(getpagesize())); }

// ---- shared files
// ----------------------------------------------------------------------------------------------------

TEST(SharedFile, has_no_pages_until_they_are_taken) {
  constexpr std::size_t kBytes = std::size_t{1} << 20U;
  Descriptor file = shared_file(kBytes, "test");
  struct stat status = {};
  ASSERT_EQ(fstat(file.number(), &status), 0);
  EXPECT_EQ(status.st_size, static_cast<off_t>(kBytes));
  EXPECT_EQ(status.st_blocks, 0);
  Mapping memory = map_shared(std::move(file), kBytes, true);
  memory.take_pages(page_size() + 1, page_size());  // parts of two pages
  ASSERT_EQ(fstat(memory.descriptor(), &status), 0);
  EXPECT_EQ(static_cast<std::size_t>(status.st_blocks) * 512, 2 * page_size());
  memory.take_pages(0, 2 * kBytes);  // no further than it goes
  ASSERT_EQ(fstat(memory.descriptor(), &status), 0);
  EXPECT_EQ(static_cast<std::size_t>(status.st_blocks) * 512, kBytes);
}

TEST(SharedFile, keeps_pages_for_later_without_mapping_them) {
  constexpr std::size_t kPages = 4;
  Mapping memory = Mapping::sparse(kPages * page_size());
  memory.reserve_pages(page_size() + 1, page_size());  // parts of two pages
  struct stat status = {};
  ASSERT_EQ(fstat(memory.descriptor(), &status), 0);
  EXPECT_EQ(static_cast<std::size_t>(status.st_blocks) * 512, 2 * page_size());
  EXPECT_EQ(bytes_of(memory)[page_size()], 0);
  EXPECT_EQ(bytes_of(memory)[2 * page_size()], 0);
  ASSERT_EQ(fstat(memory.descriptor(), &status), 0);
  EXPECT_EQ(static_cast<std::size_t>(status.st_blocks) * 512, 2 * page_size()) << "these were the ones";
  memory.reserve_pages(0, 2 * kPages * page_size());  // no further than it goes
  ASSERT_EQ(fstat(memory.descriptor(), &status), 0);
  EXPECT_EQ(static_cast<std::size_t>(status.st_blocks) * 512, kPages * page_size());
}

TEST(SharedFile, that_goes_on_behind_what_is_mapped_is_seen_whole_by_all) {
  const std::size_t behind = std::size_t{1} << 30U;
  Mapping front = Mapping::sparse(page_size(), "test", behind);
  front.take_pages(0, page_size());
  EXPECT_EQ(front.size(), page_size());
  EXPECT_NE(ftruncate(front.descriptor(), 0), 0);
  struct stat status = {};
  ASSERT_EQ(fstat(front.descriptor(), &status), 0);
  EXPECT_EQ(static_cast<std::size_t>(status.st_blocks) * 512, page_size()) << "nothing was taken for the rest";
  Mapping writers = front.whole(page_size() + behind, true);
  Mapping readers = front.whole(page_size() + behind, false);
  EXPECT_EQ(readers.descriptor(), -1);
  writers.take_pages(behind, page_size());
  bytes_of(writers)[behind] = 7;
  bytes_of(front)[0] = 8;
  EXPECT_TRUE(readers.can_read(behind, page_size()));
  EXPECT_EQ(bytes_of(readers)[behind], 7);
  EXPECT_EQ(bytes_of(readers)[0], 8);
  EXPECT_THROW(front.whole(2 * page_size() + behind, false), std::system_error) << "it is not so long";
}

Descriptor sparse_file(std::size_t bytes) {
  Descriptor file(memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  EXPECT_EQ(ftruncate(file.number(), static_cast<off_t>(bytes)), 0);
  EXPECT_EQ(fcntl(file.number(), F_ADD_SEALS, F_SEAL_SHRINK), 0);
  return file;
}

TEST(SharedFile, tells_whether_its_pages_are_there) {
  const Descriptor file = sparse_file(std::size_t{1} << 40U);
  EXPECT_TRUE(has_pages(file, 0));
  EXPECT_FALSE(has_pages(file, page_size()));
  Mapping memory = map_shared(Descriptor(dup(file.number())), 2 * page_size(), true);
  memory.take_pages(0, 1);
  EXPECT_TRUE(has_pages(file, page_size()));
  EXPECT_FALSE(has_pages(file, page_size() + 1));
}

TEST(SharedFile, keeps_its_size) {
  const Descriptor file = shared_file(page_size(), "test");
  EXPECT_NE(ftruncate(file.number(), 0), 0);
  EXPECT_NE(ftruncate(file.number(), static_cast<off_t>(2 * page_size())), 0);
}

TEST(SharedFile, view_shows_what_others_write_and_hides_what_is_written_to_it) {
  Descriptor file = shared_file(2 * page_size(), "test");
  Mapping theirs = map_shared(Descriptor(dup(file.number())), 2 * page_size(), true);
  Mapping view = map_view(std::move(file), 2 * page_size());
  theirs.take_pages(0, 2 * page_size());
  bytes_of(theirs)[0] = 1;
  EXPECT_EQ(bytes_of(view)[0], 1);
  bytes_of(view)[1] = 2;
  EXPECT_EQ(bytes_of(theirs)[1], 0);
  bytes_of(theirs)[0] = 3;
  EXPECT_EQ(bytes_of(view)[0], 1) << "the page is our own now";
  view.forget_changes();
  EXPECT_EQ(bytes_of(view)[0], 3);
  EXPECT_EQ(bytes_of(view)[1], 0);
}

TEST(SharedFile, larger_than_the_machine_is_refused) {
  EXPECT_THROW(shared_file(std::size_t{1} << 60U, "test"), std::bad_alloc);
  EXPECT_THROW(shared_file(SIZE_MAX, "test"), std::bad_alloc);
}

}  // namespace
}  // namespace muster::os
