#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "os/linux/huge_pages.hpp"
#include "os/os.hpp"
#include "os/process.hpp"

namespace muster::os {
namespace {

unsigned char* bytes_of(const Mapping& mapping) { return static_cast<unsigned char*>(mapping.data()); }

// How many bytes of a mapping of a file are mapped as huge pages.
std::size_t mapped_huge(const Mapping& mapping) {
  std::ifstream smaps("/proc/self/smaps");
  const auto where = reinterpret_cast<std::uintptr_t>(mapping.data());
  std::string line;
  for (bool here = false; std::getline(smaps, line);) {
    std::size_t end = 0;
    if (line.find('-') < line.find(' ')) here = std::stoull(line, &end, 16) == where;
    if (here && line.starts_with("ShmemPmdMapped:")) return std::stoull(line.substr(15)) * 1024;
  }
  return 0;
}

Mapping shared(std::size_t bytes) { return map_shared(shared_file(bytes, "test"), bytes, true); }

// As a mapping of another process would be.
Mapping again(const Mapping& mapping) { return mapping.whole(mapping.size(), true); }

TEST(HugePages, advice_is_answered_for_any_mapping) {
  EXPECT_FALSE(Mapping().advise_huge());
  EXPECT_FALSE(Mapping::anonymous(1).advise_huge()) << "no whole huge page fits";
  const std::size_t huge = huge_page_size();
  EXPECT_EQ(Mapping::anonymous(std::max(huge, page_size()), huge).advise_huge(), huge != 0);
}

TEST(HugePages, are_pages_times_a_power_of_two) {
  for (const std::size_t huge : {huge_page_size(), huge_file_page()}) {
    if (huge == 0) continue;
    EXPECT_GT(huge, page_size());
    EXPECT_EQ(huge & (huge - 1), 0U);
    EXPECT_TRUE(may_hold_huge_page(huge));
  }
}

TEST(HugePages, are_not_asked_for_where_none_fits) {
  EXPECT_FALSE(may_hold_huge_page(0));
  EXPECT_FALSE(may_hold_huge_page(page_size() * page_size() / 8 - 1));
}

class HugeFilePages : public ::testing::Test {
 protected:
  // Not what is tested decides whether this machine can: the same is asked of it by hand.
  void SetUp() override {
    if (huge_ == 0) GTEST_SKIP() << "this machine has no huge pages";
    const Mapping probe = shared(huge_);
    bytes_of(probe)[0] = 1;
    constexpr int kCollapse = 25;
    if (madvise(probe.data(), huge_, kCollapse) != 0) GTEST_SKIP() << "this system makes no huge pages of files";
  }

  const std::size_t huge_ = huge_file_page();
};

TEST_F(HugeFilePages, mappings_begin_where_they_can_be_mapped) {
  const Mapping first = shared(huge_ + page_size());
  const Mapping second = again(first);
  const Mapping view = map_view(shared_file(huge_, "test"), huge_);
  const Mapping readers = first.whole(first.size(), false);
  for (const Mapping* mapping : {&first, &second, &view, &readers}) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(mapping->data()) % huge_, 0U);
  }
}

TEST_F(HugeFilePages, are_what_whole_ones_are_taken_as) {
  Mapping mapping = shared(4 * huge_);
  mapping.take_pages(huge_ / 2, 2 * huge_);
  EXPECT_EQ(mapped_huge(mapping), huge_) << "what was asked for in part is taken in part";
  mapping.take_pages(3 * huge_, huge_);
  EXPECT_EQ(mapped_huge(mapping), 2 * huge_);
  EXPECT_EQ(std::count(bytes_of(mapping), bytes_of(mapping) + 4 * huge_, 0), static_cast<std::ptrdiff_t>(4 * huge_));
}

TEST_F(HugeFilePages, are_mapped_as_such_by_all_who_map_the_file) {
  Mapping mapping = shared(2 * huge_);
  mapping.take_pages(0, 2 * huge_);
  bytes_of(mapping)[huge_] = 5;
  Mapping other = again(mapping);
  other.take_pages(0, 2 * huge_);
  EXPECT_EQ(mapped_huge(other), 2 * huge_);
  EXPECT_EQ(bytes_of(other)[huge_], 5);
  Mapping view = map_view(Descriptor(dup(mapping.descriptor())), 2 * huge_);
  EXPECT_EQ(bytes_of(view)[huge_], 5);
  EXPECT_GE(mapped_huge(view), huge_);
  bytes_of(view)[huge_] = 6;
  EXPECT_EQ(bytes_of(mapping)[huge_], 5) << "a view's changes stay its own";
}

TEST_F(HugeFilePages, keep_what_was_written_before) {
  Mapping mapping = shared(2 * huge_);
  Mapping other = again(mapping);
  bytes_of(other)[0] = 1;  // of a page that is alone in its huge page
  for (std::size_t at = 0; at < huge_; at += page_size()) bytes_of(other)[huge_ + at] = 2;
  mapping.take_pages(0, 2 * huge_);
  EXPECT_EQ(bytes_of(mapping)[0], 1);
  for (std::size_t at = 0; at < huge_; at += page_size()) EXPECT_EQ(bytes_of(mapping)[huge_ + at], 2);
  EXPECT_EQ(mapped_huge(mapping), huge_) << "what is there in small pages is not copied";
  bytes_of(mapping)[1] = 3;
  EXPECT_EQ(bytes_of(other)[1], 3) << "who had it in small pages sees the same memory";
}

TEST_F(HugeFilePages, can_be_taken_by_several_at_once) {
  constexpr std::size_t kBlocks = 8;
  for (int round = 0; round < 6; ++round) {
    const Mapping first = shared(kBlocks * huge_);
    std::atomic<int> there{0};
    std::vector<std::thread> threads;
    for (unsigned char who = 1; who <= 3; ++who) {
      threads.emplace_back([&, who] {
        Mapping mine = again(first);
        ++there;
        while (there < 3) relax();
        for (std::size_t block = 0; block < kBlocks; ++block) {
          mine.take_pages(block * huge_, huge_);
          for (std::size_t at = who; at < huge_; at += 64) bytes_of(mine)[block * huge_ + at] = who;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (unsigned char who = 1; who <= 3; ++who) {
      for (std::size_t at = who; at < kBlocks * huge_; at += 64) ASSERT_EQ(bytes_of(first)[at], who) << at;
    }
  }
}

}  // namespace
}  // namespace muster::os
