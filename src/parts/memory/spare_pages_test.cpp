#include "parts/memory/spare_pages.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <thread>
#include <vector>

#include "parts/memory/keeps.hpp"

namespace muster::memory {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20U;

class SparePages : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!kKeeps) GTEST_SKIP() << "AddressSanitizer is shown all pages";
    // Those of other tests make room for these, which fit for nothing that is asked for here.
    for (std::size_t i = 0; i < kMostPieces; ++i) give_pages(os::Mapping::anonymous(kMiB));
  }
};

void give(std::size_t bytes) { give_pages(os::Mapping::anonymous(bytes)); }

// What is given here is a little more than what is asked for, and so is known by its size: by its address it is not,
// since the system may give the same one again.
constexpr std::size_t kAsked = 8 * kMiB;
constexpr std::size_t kGiven = 9 * kMiB;

TEST_F(SparePages, are_used_again) {
  give(kGiven);
  const os::Mapping taken = take_pages(kAsked);
  EXPECT_EQ(taken.size(), kGiven);
  std::memset(taken.data(), 1, taken.size());
  EXPECT_EQ(take_pages(kAsked).size(), kAsked) << "not by two at once";
}

TEST_F(SparePages, may_be_a_quarter_more_than_was_asked_for) {
  give(10 * kMiB);
  EXPECT_GT(take_pages(10 * kMiB + 1).size(), 10 * kMiB) << "never less";
  EXPECT_EQ(take_pages(7 * kMiB).size(), 7 * kMiB);
  EXPECT_EQ(take_pages(8 * kMiB).size(), 10 * kMiB);
}

TEST_F(SparePages, given_last_are_taken_first) {
  give(kGiven);
  give(kGiven + kMiB);
  EXPECT_EQ(take_pages(kAsked).size(), kGiven + kMiB);
  EXPECT_EQ(take_pages(kAsked).size(), kGiven);
}

TEST_F(SparePages, of_many_pieces_only_the_last_are_kept) {
  give(kGiven);
  for (std::size_t i = 0; i < kMostPieces; ++i) give(2 * kGiven);
  EXPECT_EQ(take_pages(kAsked).size(), kAsked);
  EXPECT_EQ(take_pages(2 * kAsked).size(), 2 * kGiven);
}

TEST_F(SparePages, are_not_more_than_so_many_bytes) {
  give(kGiven);
  give(kMostKept - kMiB);
  EXPECT_EQ(take_pages(kAsked).size(), kAsked) << "it made room";
  EXPECT_EQ(take_pages(kMostKept - 2 * kMiB).size(), kMostKept - kMiB);
  give(kMostKept + kMiB);
  EXPECT_EQ(take_pages(kMostKept).size(), kMostKept) << "too large by itself";
}

TEST_F(SparePages, can_be_written_after_the_system_was_offered_them) {
  for (int round = 0; round < 10; ++round) {
    os::Mapping pages = take_pages(8 * kMiB);
    std::memset(pages.data(), round, pages.size());
    EXPECT_EQ(static_cast<char*>(pages.data())[pages.size() - 1], round);
    give_pages(std::move(pages));
  }
}

TEST_F(SparePages, are_one_threads_at_a_time) {
  std::vector<std::thread> threads;
  for (char mark = 0; mark < 4; ++mark) {
    threads.emplace_back([mark] {
      for (int round = 0; round < 300; ++round) {
        os::Mapping pages = take_pages(4 * kMiB);
        char* const bytes = static_cast<char*>(pages.data());
        for (std::size_t at = 0; at < pages.size(); at += 64 * 1024) bytes[at] = mark;
        bool ours = true;
        for (std::size_t at = 0; at < pages.size(); at += 64 * 1024) ours = ours && bytes[at] == mark;
        EXPECT_TRUE(ours);
        give_pages(std::move(pages));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(SparePages, of_a_copy_of_the_process_are_its_own) {
  os::Mapping pages = take_pages(8 * kMiB);
  std::memset(pages.data(), 1, pages.size());
  give_pages(std::move(pages));
  const pid_t child = fork();
  if (child == 0) {
    const os::Mapping taken = take_pages(8 * kMiB);
    std::memset(taken.data(), 2, taken.size());
    _exit(0);
  }
  EXPECT_EQ(waitpid(child, nullptr, 0), child);
  const os::Mapping taken = take_pages(8 * kMiB);
  const char first = *static_cast<const char*>(taken.data());
  EXPECT_TRUE(first == 1 || first == 0) << "what it was, or what the system made of it";
}

}  // namespace
}  // namespace muster::memory
