#include "parts/queue/injector.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "os/os.hpp"

namespace muster::queue {
namespace {

struct Item : detail::Node {
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

int number(const detail::Node* node) { return static_cast<const Item*>(node)->number; }

TEST(Injector, is_empty_at_first) {
  Injector injector;
  detail::Node* node = nullptr;
  EXPECT_TRUE(injector.empty());
  EXPECT_EQ(injector.take(&node, 1), 0U);
}

TEST(Injector, gives_in_the_order_of_pushes) {
  Injector injector;
  std::vector<Item> made = items(0, 5);
  for (Item& item : made) injector.push(item);
  EXPECT_FALSE(injector.empty());
  std::array<detail::Node*, 8> taken{};
  EXPECT_EQ(injector.take(taken.data(), 2), 2U);
  EXPECT_EQ(number(taken[0]), 0);
  EXPECT_EQ(number(taken[1]), 1);
  EXPECT_EQ(injector.take(taken.data(), 8), 3U);
  EXPECT_EQ(number(taken[0]), 2);
  EXPECT_EQ(number(taken[2]), 4);
  EXPECT_TRUE(injector.empty());
}

TEST(Injector, is_empty_again_after_each_and_nodes_may_come_back) {
  Injector injector;
  std::vector<Item> made = items(0, 2);
  detail::Node* node = nullptr;
  for (int round = 0; round < 100; ++round) {
    injector.push(made[0]);
    EXPECT_FALSE(injector.empty());
    EXPECT_EQ(injector.take(&node, 1), 1U);
    EXPECT_EQ(node, made.data());
    EXPECT_TRUE(injector.empty());
    EXPECT_EQ(injector.take(&node, 1), 0U);
  }
}

TEST(Injector, takes_none_when_asked_for_none) {
  Injector injector;
  std::vector<Item> made = items(0, 1);
  injector.push(made[0]);
  EXPECT_EQ(injector.take(nullptr, 0), 0U);
  EXPECT_FALSE(injector.empty());
}

TEST(Injector, chain_keeps_its_order) {
  Injector injector;
  std::vector<Item> made = items(0, 4);
  for (std::size_t i = 0; i + 1 < made.size(); ++i) made[i].next = &made[i + 1];
  injector.push_chain(made.front(), made.back());
  std::array<detail::Node*, 4> taken{};
  ASSERT_EQ(injector.take(taken.data(), 4), 4U);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(number(taken[static_cast<std::size_t>(i)]), i);
}

TEST(Injector, of_many_producers_and_takers_loses_nothing_and_keeps_each_producers_order) {
  constexpr std::size_t kEach = 20'000;
  constexpr int kProducers = 3;
  Injector injector;
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
      std::array<detail::Node*, 32> taken{};
      std::array<int, kProducers> last{-1, -1, -1};
      while (total < kProducers * kEach) {
        const std::size_t count = injector.take(taken.data(), most);
        for (std::size_t i = 0; i < count; ++i) {
          auto& item = *static_cast<Item*>(taken[i]);
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
  Injector injector;
  std::atomic<bool> over{false};
  std::thread taker([&] {
    detail::Node* node = nullptr;
    while (!over || !injector.empty()) {
      if (injector.take(&node, 1) == 1) static_cast<Item*>(node)->taken = 1;
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
