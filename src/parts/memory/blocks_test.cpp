#include <muster/detail/blocks.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include "os/os.hpp"
#include "os/testing.hpp"
#include "parts/memory/keeps.hpp"

namespace muster::detail {
namespace {

using memory::kKeeps;

TEST(Blocks, of_all_sizes_are_large_enough_and_aligned) {
  std::vector<std::pair<void*, std::size_t>> taken;
  for (std::size_t bytes = 1; bytes < 2000; bytes += 7) {
    void* const block = take_block(bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % alignof(std::max_align_t), 0U);
    std::memset(block, 0xab, bytes);
    taken.emplace_back(block, bytes);
  }
  for (const auto& [block, bytes] : taken) give_block(block, bytes);
}

TEST(Blocks, come_again) {
  if (!kKeeps) GTEST_SKIP() << "AddressSanitizer is shown every block";
  void* const first = take_block(100);
  give_block(first, 100);
  void* const again = take_block(128);  // the same size in cache lines
  EXPECT_EQ(again, first);
  void* const other = take_block(129);
  EXPECT_NE(other, first);
  give_block(again, 128);
  give_block(other, 129);
}

// One thread only takes and another only gives: what the second has too many of comes back.
TEST(Blocks, come_back_from_other_threads) {
  if (!kKeeps) GTEST_SKIP() << "AddressSanitizer is shown every block";
  constexpr int kRounds = 50;
  constexpr std::size_t kEach = 1000;
  std::set<void*> seen;
  std::vector<void*> blocks(kEach);
  std::atomic<int> turn{0};
  std::thread giver([&] {
    for (int round = 0; round < kRounds; ++round) {
      while (turn != 2 * round + 1) os::yield();
      for (void* block : blocks) give_block(block, 192);
      ++turn;
    }
  });
  for (int round = 0; round < kRounds; ++round) {
    for (void*& block : blocks) seen.insert(block = take_block(192));
    EXPECT_EQ(std::set(blocks.begin(), blocks.end()).size(), kEach) << "no block is taken twice";
    ++turn;
    while (turn != 2 * round + 2) os::yield();
  }
  giver.join();
  EXPECT_LE(seen.size(), 2 * kEach) << "of " << kRounds * kEach;
}

TEST(Blocks, are_nobody_elses_while_they_are_taken) {
  constexpr int kThreads = 4;
  std::atomic<std::uintptr_t*> passed_on[kThreads] = {};
  std::vector<std::thread> threads;
  for (int number = 0; number < kThreads; ++number) {
    threads.emplace_back([&, number] {
      for (std::uintptr_t round = 0; round < 20'000; ++round) {
        auto* mine = static_cast<std::uintptr_t*>(take_block(64));
        const auto mark = reinterpret_cast<std::uintptr_t>(mine) + round;
        mine[0] = mine[7] = mark;
        if (round % 3 == 0) os::relax();
        ASSERT_EQ(mine[0], mark);
        ASSERT_EQ(mine[7], mark);
        mine = passed_on[(number + 1) % kThreads].exchange(mine);
        if (mine != nullptr) give_block(mine, 64);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (auto& left : passed_on) {
    if (left != nullptr) give_block(left, 64);
  }
}

// What a thread destroys last may be a task.
TEST(Blocks, can_be_taken_and_given_at_the_very_end_of_a_thread) {
  struct Late {
    void* block = nullptr;
    ~Late() {
      give_block(block, 64);
      give_block(take_block(64), 64);
    }
  };
  for (int round = 0; round < 3; ++round) {
    std::thread([] {
      thread_local Late late;  // made before the thread's first block, so destroyed after its rack
      late.block = take_block(64);
    }).join();
  }
}

TEST(Blocks, can_be_taken_in_a_copy_of_a_process_whose_threads_take_them) {
  if (!kKeeps) GTEST_SKIP() << "AddressSanitizer's own memory may be locked for ever in a copy";
  std::atomic<bool> over{false};
  std::thread busy([&] {
    std::vector<void*> blocks(300);
    while (!over) {
      for (void*& block : blocks) block = take_block(64);
      for (void* block : blocks) give_block(block, 64);
    }
  });
  for (int round = 0; round < 20; ++round) {
    const os::End end = os::testing::end_of_copy([] {
      std::vector<void*> blocks(300);
      for (void*& block : blocks) block = take_block(64);
      for (void* block : blocks) give_block(block, 64);
      return 0;
    });
    EXPECT_EQ(end.code, 0);
    EXPECT_EQ(end.signal, 0);
  }
  over = true;
  busy.join();
}

}  // namespace
}  // namespace muster::detail
