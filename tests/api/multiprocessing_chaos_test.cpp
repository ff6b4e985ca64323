// Processes that are killed at any instruction around a lock that they share.

#include <gtest/gtest.h>
#include <muster/multiprocessing.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/forked.hpp"
#include "tests/support/seeds.hpp"

namespace muster::testing {
namespace {

// Both counts are the same whenever the lock is free.
struct Books {
  multiprocessing::Lock lock;
  std::atomic<long> debit{0};
  std::atomic<long> credit{0};
  std::atomic<int> inside{0};
  std::atomic<long> repairs{0};
  std::atomic<bool> wrong{false};
  std::atomic<bool> over{false};
};

void repair(Books& books) {
  ++books.repairs;
  books.inside = 0;
  books.credit = books.debit.load();
}

void book(Books& books) {
  try {
    books.lock.acquire();
  } catch (const OwnerDied&) {
    repair(books);
  }
  if (books.inside.fetch_add(1) != 0 || books.debit != books.credit) books.wrong = true;
  ++books.debit;
  ++books.credit;
  books.inside.fetch_sub(1);
  books.lock.release();
}

Forked booker(const multiprocessing::Shared<Books>& books) {
  return Forked([&books] {
    while (!books->over) book(*books);
    return true;
  });
}

TEST(SharedLockChaos, never_lets_two_in_and_never_strands_anybody) {
  static constexpr int kProcesses = 4;
  static constexpr int kKills = 60;
  for_seeds(1, [](std::uint64_t seed) {
    std::mt19937_64 random(seed);
    const multiprocessing::Shared<Books> books;
    {
      std::vector<Forked> all;
      for (int i = 0; i < kProcesses; ++i) all.push_back(booker(books));
      for (int kills = 0; kills < kKills; ++kills) {
        const long before = books->debit;
        const long more = static_cast<long>(random() % 200);
        while (books->debit < before + more) std::this_thread::yield();
        const std::size_t victim = random() % all.size();
        all[victim].kill_and_reap();
        std::vector<Forked> others;
        for (std::size_t i = 0; i < all.size(); ++i) {
          others.push_back(i == victim ? booker(books) : std::move(all[i]));
        }
        all.swap(others);
      }
      books->over = true;
    }
    book(*books);
    EXPECT_FALSE(books->wrong);
    EXPECT_EQ(books->debit, books->credit);
    EXPECT_LE(books->repairs, kKills);
    EXPECT_FALSE(books->lock.locked());
  });
}

}  // namespace
}  // namespace muster::testing
