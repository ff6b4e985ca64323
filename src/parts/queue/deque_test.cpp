#include "parts/queue/deque.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <thread>

#include "os/os.hpp"

namespace muster::queue {
namespace {

// Item i is the address of the i-th.
std::array<int, 100'000> g_items;

int* item(std::size_t at) { return &g_items[at]; }
std::ptrdiff_t number(const int* at) { return at - g_items.data(); }

TEST(Deque, is_empty_at_first) {
  Deque<int> deque;
  EXPECT_TRUE(deque.empty());
  EXPECT_EQ(deque.pop(), nullptr);
  EXPECT_EQ(deque.steal(), nullptr);
  EXPECT_TRUE(deque.empty());
}

TEST(Deque, owner_pops_the_newest_and_thieves_steal_the_oldest) {
  Deque<int> deque;
  for (std::size_t at = 0; at < 4; ++at) deque.push(item(at));
  EXPECT_FALSE(deque.empty());
  EXPECT_EQ(deque.steal(), item(0));
  EXPECT_EQ(deque.pop(), item(3));
  EXPECT_EQ(deque.steal(), item(1));
  EXPECT_EQ(deque.pop(), item(2));
  EXPECT_TRUE(deque.empty());
}

TEST(Deque, of_a_batch_pops_the_last_first) {
  Deque<int> deque;
  const std::array<int*, 3> batch{item(0), item(1), item(2)};
  deque.push_all(batch);
  deque.push_all({});
  EXPECT_EQ(deque.bottom(), 3);
  EXPECT_EQ(deque.pop(), item(2));
  EXPECT_EQ(deque.steal(), item(0));
  EXPECT_EQ(deque.pop(), item(1));
}

TEST(Deque, grows_and_keeps_its_order) {
  Deque<int> deque(2);
  for (std::size_t at = 0; at < 1000; ++at) deque.push(item(at));
  for (std::size_t at = 0; at < 500; ++at) EXPECT_EQ(deque.steal(), item(at));
  for (std::size_t at = 999; at >= 500; --at) EXPECT_EQ(deque.pop(), item(at));
  EXPECT_TRUE(deque.empty());
}

TEST(Deque, grows_at_once_for_a_batch_of_many_times_its_size) {
  Deque<int> deque(2);
  std::vector<int*> batch;
  for (std::size_t at = 0; at < 1000; ++at) batch.push_back(item(at));
  deque.push(item(1000));
  deque.push_all(batch);
  EXPECT_EQ(deque.steal(), item(1000));
  for (std::size_t at = 0; at < 1000; ++at) EXPECT_EQ(deque.steal(), item(at));
}

TEST(Deque, wraps_around_without_growing) {
  Deque<int> deque(4);
  for (std::size_t at = 0; at < 1000; ++at) {
    deque.push(item(2 * at));
    deque.push(item(2 * at + 1));
    EXPECT_EQ(deque.steal(), item(2 * at));
    EXPECT_EQ(deque.pop(), item(2 * at + 1));
  }
}

TEST(Deque, positions_count_pushes_and_fall_only_by_pops_above_the_top) {
  Deque<int> deque;
  EXPECT_EQ(deque.bottom(), 0);
  for (std::size_t at = 0; at < 3; ++at) deque.push(item(at));
  EXPECT_EQ(deque.bottom(), 3);
  deque.steal();
  EXPECT_EQ(deque.bottom(), 3);
  deque.pop();
  EXPECT_EQ(deque.bottom(), 2);
  deque.pop();
  EXPECT_EQ(deque.bottom(), 2);
}

TEST(Deque, is_stolen_from_only_what_is_wanted) {
  Deque<int> deque;
  deque.push(item(0));
  deque.push(item(1));
  const auto from_one_on = [](std::int64_t position) { return position >= 1; };
  EXPECT_EQ(deque.steal_if(from_one_on), nullptr);
  EXPECT_EQ(deque.steal(), item(0));
  EXPECT_EQ(deque.steal_if(from_one_on), item(1));
}

// Counts who got which item.
class Share {
 public:
  void got(const int* at) { counts_[static_cast<std::size_t>(number(at))].fetch_add(1); }
  bool each_once(std::size_t items) const {
    return std::all_of(counts_.begin(), counts_.begin() + static_cast<std::ptrdiff_t>(items),
                       [](const auto& count) { return count == 1; });
  }

 private:
  std::vector<std::atomic<int>> counts_ = std::vector<std::atomic<int>>(g_items.size());
};

TEST(Deque, thief_and_owner_share_last_item_once) {
  constexpr std::size_t kRounds = 20'000;
  Deque<int> deque(2);
  Share share;
  std::atomic<bool> over{false};
  std::thread thief([&] {
    while (!over) {
      if (const int* at = deque.steal()) share.got(at);
    }
  });
  for (std::size_t at = 0; at < kRounds; ++at) {
    deque.push(item(at));
    if (const int* mine = deque.pop()) share.got(mine);
  }
  over = true;
  thief.join();
  while (const int* at = deque.steal()) share.got(at);
  EXPECT_TRUE(share.each_once(kRounds));
}

TEST(Deque, owner_and_many_thieves_get_each_item_once_while_it_grows) {
  constexpr std::size_t kItems = 60'000;
  for (const std::size_t burst : {1U, 7U, 1000U}) {
    Deque<int> deque(2);
    Share share;
    std::atomic<bool> over{false};
    std::vector<std::thread> thieves;
    for (int t = 0; t < 3; ++t) {
      thieves.emplace_back([&] {
        while (!over || !deque.empty()) {
          if (const int* at = deque.steal()) share.got(at);
        }
      });
    }
    for (std::size_t at = 0; at < kItems;) {
      for (std::size_t end = std::min(kItems, at + burst); at < end; ++at) deque.push(item(at));
      for (std::size_t pops = burst / 2; pops > 0; --pops) {
        if (const int* mine = deque.pop()) share.got(mine);
      }
    }
    over = true;
    for (std::thread& thief : thieves) thief.join();
    EXPECT_TRUE(share.each_once(kItems));
  }
}

// A thief sees what the owner did before it pushed.
TEST(Deque, stolen_items_come_with_what_was_written_before) {
  Deque<int> deque(2);
  std::atomic<bool> over{false};
  std::thread thief([&] {
    while (!over || !deque.empty()) {
      if (const int* at = deque.steal()) {
        EXPECT_EQ(*at, 1);
      }
    }
  });
  for (std::size_t at = 0; at < 20'000; ++at) {
    *item(at) = 1;
    deque.push(item(at));
  }
  over = true;
  thief.join();
}

}  // namespace
}  // namespace muster::queue
