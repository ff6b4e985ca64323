// Chunks of an imap that the pool chooses: nobody notices that there are any.

#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/api/process_pool.hpp"

namespace muster::testing {
namespace {

constexpr int kHeld = 4000;  // by then chunks have grown

int hold_one(const std::string& bell, const std::string& gate, int i) { return i == kHeld ? hold(bell, gate, i) : i; }

// One worker: what is behind the item in its chunk can only come after it.
TEST(ProcessImap, gives_what_is_done_before_an_item_that_waits_for_its_reader) {
  for (const int workers : {1, 2}) {
    ProcessPool pool(Processes::with({.processes = workers}));
    Bell bell;
    Gate gate;
    auto stream = pool.imap(muster::bind(hold_one, bell.path(), gate.path()), std::views::iota(0, 2 * kHeld));
    for (int i = 0; i < kHeld; ++i) ASSERT_EQ(stream.next(), i);
    gate.open();
    for (int i = kHeld; i < 2 * kHeld; ++i) ASSERT_EQ(stream.next(), i);
    EXPECT_EQ(stream.next(), std::nullopt);
  }
}

TEST(ProcessImap, next_hears_of_an_item_in_the_middle_of_a_chunk_within_its_timeout) {
  ProcessPool pool(Processes::with({.processes = 1}));
  Bell bell;
  Gate gate;
  auto stream = pool.imap(muster::bind(hold_one, bell.path(), gate.path()), std::views::iota(0, 2 * kHeld));
  for (int i = 0; i < kHeld; ++i) ASSERT_EQ(stream.next(1h), i);
  EXPECT_THROW(stream.next(1ms), TimeoutError);
  gate.open();
  EXPECT_EQ(stream.next(1h), kHeld);
}

int echo(int i) { return i; }

// Also in the moment in which a worker has taken a chunk and no item of it: then the chunk comes back as a whole, and
// must not be taken for one that was never sent.
TEST(ProcessImap, can_be_left_at_any_moment) {
  ProcessPool pool(Processes::with({.processes = 2}));
  for (int round = 0; round < 3000; ++round) {
    {
      auto stream = pool.imap(echo, std::views::iota(0));
      for (int i = 0; i < round % 40; ++i) ASSERT_EQ(stream.next(), i);
    }
    if (round % 16 == 0) {
      ASSERT_EQ(pool.apply(echo, round), round);
    }
  }
}

// No result of this item, and every other one: those behind it in its chunk, too.
TEST(ProcessImap, unordered_runs_what_is_behind_an_item_that_takes_long_elsewhere) {
  ProcessPool pool(Processes::with({.processes = 2}));
  Bell bell;
  Gate gate;
  constexpr int kItems = kHeld + 500;
  auto stream = pool.imap_unordered(muster::bind(hold_one, bell.path(), gate.path()), std::views::iota(0, kItems));
  std::vector<bool> there(kItems);
  for (int i = 0; i < kItems - 1; ++i) {
    const int value = *stream.next();
    ASSERT_NE(value, kHeld);
    ASSERT_FALSE(there[static_cast<std::size_t>(value)]) << value;
    there[static_cast<std::size_t>(value)] = true;
  }
  gate.open();
  EXPECT_EQ(stream.next(), kHeld);
  EXPECT_EQ(stream.next(), std::nullopt);
}

TEST(ProcessImap, a_worker_that_dies_in_a_chunk_that_was_given_in_part_costs_one_item) {
  for (const bool ordered : {true, false}) {
    ProcessPool pool(Processes::with({.processes = 1}));
    Bell bell;
    const Gate gate;
    const auto f = muster::bind(hold_one, bell.path(), gate.path());
    const auto items = std::views::iota(0, kHeld + 500);
    auto stream = ordered ? pool.imap(f, items) : pool.imap_unordered(f, items);
    long sum = 0;
    for (int i = 0; i < kHeld; ++i) sum += *stream.next();
    bell.await();
    kill(all_pids(pool).front(), SIGKILL);
    int lost = 0;
    for (int i = kHeld; i < kHeld + 500; ++i) {
      try {
        sum += *stream.next();
      } catch (const WorkerLost& error) {
        ++lost;
        EXPECT_EQ(error.index(), static_cast<std::size_t>(kHeld));
      }
    }
    EXPECT_EQ(lost, 1);
    EXPECT_EQ(sum, (kHeld + 500L) * (kHeld + 499L) / 2 - kHeld);
    EXPECT_EQ(stream.next(), std::nullopt);
  }
}

int fail_some(int i) {
  if (i % 50 == 7) throw std::out_of_range(std::to_string(i));
  return i;
}

TEST(ProcessImap, failures_stay_in_their_place_in_chunks_that_have_grown) {
  ProcessPool pool(Processes::with({.processes = 2}));
  auto stream = pool.imap(fail_some, std::views::iota(0, 5000));
  for (int i = 0; i < 5000; ++i) {
    if (i % 50 != 7) {
      ASSERT_EQ(stream.next(), i);
    } else {
      ASSERT_THROW(stream.next(), std::out_of_range);
    }
  }
}

int weigh(const std::string& text) { return static_cast<int>(text.size()); }

TEST(ProcessImap, large_inputs_and_windows_of_all_sizes_come_through_in_order) {
  ProcessPool pool(Processes::with({.processes = 2}));
  for (const int window : {0, 1, 2, 7, 64, 1000}) {
    int next = 0;
    const auto texts = std::views::iota(0, 800) | std::views::transform([](int i) {
                         return std::string(static_cast<std::size_t>(i % 100 == 99 ? 30'000 : i), 'x');
                       });
    for (const int size : pool.imap(weigh, texts, {.window = window})) {
      ASSERT_EQ(size, next % 100 == 99 ? 30'000 : next);
      ++next;
    }
    EXPECT_EQ(next, 800);
  }
}

}  // namespace
}  // namespace muster::testing
