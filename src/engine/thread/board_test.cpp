#include "engine/thread/board.hpp"

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

#include "os/testing.hpp"

namespace muster::engine::thread {
namespace {

bool any(Slot& slot) { return slot.join(); }

TEST(Board, is_empty_until_a_slot_is_opened_and_again_once_it_is_closed) {
  Board board;
  EXPECT_TRUE(board.empty());
  Slot* slot = board.take();
  ASSERT_NE(slot, nullptr);
  EXPECT_TRUE(board.empty());
  board.open(*slot, 0);
  EXPECT_FALSE(board.empty());
  board.close(*slot);
  board.close(*slot);
  EXPECT_TRUE(board.empty());
  EXPECT_TRUE(slot->deserted());
  board.give_back(*slot);
}

TEST(Board, gives_each_slot_to_one_and_none_when_all_are_taken) {
  Board board;
  std::set<Slot*> slots;
  for (int i = 0; i < Board::kSlots; ++i) slots.insert(board.take());
  EXPECT_EQ(slots.size(), static_cast<std::size_t>(Board::kSlots));
  EXPECT_FALSE(slots.contains(nullptr));
  EXPECT_EQ(board.take(), nullptr);
  board.give_back(**slots.begin());
  EXPECT_EQ(board.take(), *slots.begin());
}

TEST(Board, finds_what_is_open_from_anywhere) {
  Board board;
  std::vector<Slot*> slots;
  for (int i = 0; i < Board::kSlots; ++i) slots.push_back(board.take());
  Slot& open = *slots[40];
  board.open(open, 0);
  for (const unsigned from : {0U, 1U, 40U, 41U, 63U, 64U, 1000U}) {
    EXPECT_EQ(board.find(from, any), &open);
    EXPECT_EQ(board.find(from, [](Slot&) { return false; }), nullptr);
  }
  board.close(open);
  EXPECT_EQ(board.find(0, any), nullptr);
}

TEST(Slot, closed_lets_nobody_in_and_the_last_to_leave_knows) {
  Board board;
  Slot& slot = *board.take();
  EXPECT_FALSE(slot.join());
  board.open(slot, 1);
  EXPECT_TRUE(slot.join());
  EXPECT_FALSE(slot.deserted());
  bool wake = true;
  EXPECT_FALSE(slot.leave(wake));
  EXPECT_FALSE(wake);
  board.close(slot);
  EXPECT_FALSE(slot.join());
  EXPECT_FALSE(slot.deserted());
  EXPECT_TRUE(slot.leave(wake));
  EXPECT_FALSE(wake);
  EXPECT_TRUE(slot.deserted());
}

TEST(Slot, open_and_left_by_all_is_not_over) {
  Board board;
  Slot& slot = *board.take();
  board.open(slot, 1);
  bool wake = false;
  EXPECT_FALSE(slot.leave(wake));
  EXPECT_FALSE(slot.deserted());
  EXPECT_TRUE(slot.join());
}

TEST(Slot, last_to_leave_is_told_of_a_sleeping_owner) {
  Board board;
  Slot& slot = *board.take();
  board.open(slot, 0);
  EXPECT_TRUE(slot.join());
  slot.crew.fetch_or(detail::kSleepers);
  board.close(slot);
  bool wake = false;
  EXPECT_TRUE(slot.leave(wake));
  EXPECT_TRUE(wake);
}

TEST(Board, who_waits_for_a_slot_gets_the_next_one_that_comes_back) {
  Board board;
  std::vector<Slot*> slots;
  for (int i = 0; i < Board::kSlots; ++i) slots.push_back(board.take());
  for (int round = 0; round < 200; ++round) {
    std::vector<std::thread> queue;
    for (int i = 0; i < 2; ++i) {
      queue.emplace_back([&] {
        Slot& slot = board.take_waiting();
        os::yield();
        board.give_back(slot);
      });
    }
    Slot*& given = slots[static_cast<std::size_t>(round) % slots.size()];
    board.give_back(*given);
    for (std::thread& thread : queue) thread.join();
    given = board.take();
    ASSERT_NE(given, nullptr);
  }
}

// Loops one after another in the same slots, with workers that come late: each is left before its owner returns.
TEST(Board, nobody_is_inside_once_the_owner_has_seen_it_deserted) {
  Board board;
  std::atomic<bool> over{false};
  std::vector<std::thread> workers;
  for (int t = 0; t < 3; ++t) {
    workers.emplace_back([&, t] {
      while (!over) {
        Slot* slot = board.find(static_cast<unsigned>(t), any);
        if (slot == nullptr) {
          os::yield();
          continue;
        }
        EXPECT_NE(slot->loop, nullptr);
        slot->cursor.fetch_add(1);
        board.close(*slot);
        bool wake = false;
        slot->leave(wake);
      }
    });
  }
  detail::Loop loop;
  for (int round = 0; round < 1000; ++round) {
    Slot& slot = *board.take();
    slot.loop = &loop;
    slot.cursor = 0;
    board.open(slot, 0);
    if (round % 2 == 0) {
      while (slot.cursor == 0) os::yield();
    } else {
      board.close(slot);
    }
    while (!slot.deserted()) os::yield();
    board.close(slot);
    slot.loop = nullptr;
    board.give_back(slot);
  }
  over = true;
  for (std::thread& worker : workers) worker.join();
  EXPECT_TRUE(board.empty());
}

}  // namespace
}  // namespace muster::engine::thread
