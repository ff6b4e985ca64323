#include "parts/queue/injector.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "os/os.hpp"

namespace muster::queue {
namespace {

struct Item {
  int producer = 0;
  int number = 0;
  std::atomic<int> taken{0};
};

std::vector<Item> items(int producer, std::size_t count) {
  std::vector<Item> made(count);
  for (std::size_t i = 0; i < count; ++i) {
    made[i].producer = producer;
    made[i].number = static_cast<int>(i);
  }
  return made;
}

TEST(Injector, is_empty_at_first) {
  Injector<Item> injector;
  Item* taken = nullptr;
  EXPECT_TRUE(injector.empty());
  EXPECT_EQ(injector.take(&taken, 1), 0U);
}

TEST(Injector, gives_in_the_order_of_pushes) {
  Injector<Item> injector;
  std::vector<Item> made = items(0, 5);
  for (Item& item : made) injector.push(item);
  EXPECT_FALSE(injector.empty());
  std::array<Item*, 8> taken{};
  EXPECT_EQ(injector.take(taken.data(), 2), 2U);
  EXPECT_EQ(taken[0]->number, 0);
  EXPECT_EQ(taken[1]->number, 1);
  EXPECT_EQ(injector.take(taken.data(), 8), 3U);
  EXPECT_EQ(taken[0]->number, 2);
  EXPECT_EQ(taken[2]->number, 4);
  EXPECT_TRUE(injector.empty());
}

TEST(Injector, is_empty_again_after_each_and_nodes_may_come_back) {
  Injector<Item> injector;
  std::vector<Item> made = items(0, 2);
  Item* taken = nullptr;
  for (int round = 0; round < 100; ++round) {
    injector.push(made[0]);
    EXPECT_FALSE(injector.empty());
    EXPECT_EQ(injector.take(&taken, 1), 1U);
    EXPECT_EQ(taken, made.data());
    EXPECT_TRUE(injector.empty());
    EXPECT_EQ(injector.take(&taken, 1), 0U);
  }
}

TEST(Injector, takes_none_when_asked_for_none) {
  Injector<Item> injector;
  std::vector<Item> made = items(0, 1);
  injector.push(made[0]);
  EXPECT_EQ(injector.take(nullptr, 0), 0U);
  EXPECT_FALSE(injector.empty());
}

// Many blocks long, and blocks come again.
TEST(Injector, keeps_the_order_of_more_than_its_blocks_hold) {
  constexpr std::size_t kEach = 3000;
  Injector<Item> injector;
  std::vector<Item> made = items(0, kEach);
  std::vector<Item*> taken(kEach);
  for (int round = 0; round < 5; ++round) {
    for (Item& item : made) injector.push(item);
    EXPECT_FALSE(injector.empty());
    for (std::size_t count = 0; count < kEach;) {
      const std::size_t now = injector.take(&taken[count], std::min<std::size_t>(7, kEach - count));
      ASSERT_GT(now, 0U);
      count += now;
    }
    EXPECT_TRUE(injector.empty());
    for (std::size_t i = 0; i < kEach; ++i) ASSERT_EQ(taken[i], &made[i]);
  }
}

// At each place of a block, and over its edge.
TEST(Injector, is_empty_when_as_many_were_taken_as_pushed) {
  Injector<Item> injector;
  std::vector<Item> made = items(0, 1);
  Item* taken = nullptr;
  for (int round = 0; round < 2000; ++round) {
    while (!injector.try_push(made[0])) {
      EXPECT_TRUE(injector.empty()) << "a full block is not a pushed item";
      injector.push(made[0]);
      ASSERT_EQ(injector.take(&taken, 1), 1U);
      EXPECT_TRUE(injector.empty());
    }
    EXPECT_FALSE(injector.empty());
    ASSERT_EQ(injector.take(&taken, 2), 1U);
    EXPECT_TRUE(injector.empty());
  }
}

TEST(Injector, may_go_with_items_in_it) {
  std::vector<Item> made = items(0, 2000);
  Injector<Item> injector;
  for (Item& item : made) injector.push(item);
  std::array<Item*, 32> taken{};
  EXPECT_EQ(injector.take(taken.data(), taken.size()), taken.size());
}

TEST(Injector, of_many_producers_and_takers_loses_nothing_and_keeps_each_producers_order) {
  constexpr std::size_t kEach = 20'000;
  constexpr int kProducers = 3;
  Injector<Item> injector;
  std::vector<std::vector<Item>> made;
  for (int producer = 0; producer < kProducers; ++producer) made.push_back(items(producer, kEach));
  std::vector<std::thread> threads;
  for (auto& mine : made) {
    threads.emplace_back([&] {
      for (Item& item : mine) injector.push(item);
    });
  }
  // One taker at a time, so the order of takes is the order under this lock.
  std::atomic<std::size_t> total{0};
  for (const std::size_t most : {1U, 32U}) {
    threads.emplace_back([&, most] {
      std::array<Item*, 32> taken{};
      std::array<int, kProducers> last{-1, -1, -1};
      while (total < kProducers * kEach) {
        const std::size_t count = injector.take(taken.data(), most);
        for (std::size_t i = 0; i < count; ++i) {
          Item& item = *taken[i];
          EXPECT_EQ(item.taken.fetch_add(1), 0);
          EXPECT_LT(last[static_cast<std::size_t>(item.producer)], item.number);
          last[static_cast<std::size_t>(item.producer)] = item.number;
        }
        total += count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(injector.empty());
  for (const auto& mine : made) {
    for (const Item& item : mine) EXPECT_EQ(item.taken, 1);
  }
}

// Who has pushed sees the queue non-empty until its item is in somebody's hand.
TEST(Injector, is_not_empty_while_a_pushed_item_is_in_it) {
  Injector<Item> injector;
  std::atomic<bool> over{false};
  std::thread taker([&] {
    Item* taken = nullptr;
    while (!over || !injector.empty()) {
      if (injector.take(&taken, 1) == 1) taken->taken = 1;
    }
  });
  std::vector<Item> mine = items(0, 20'000);
  for (Item& item : mine) {
    injector.push(item);
    if (injector.empty()) {
      // In the taker's hand: it marks it soon.
      while (item.taken == 0) os::yield();
    }
  }
  over = true;
  taker.join();
}

}  // namespace
}  // namespace muster::queue
