// A tiny loop that two run: by itself, and as the engine does it.

#include "engine/thread/partner.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "engine/thread/hatch.hpp"
#include "engine/thread/testing.hpp"
#include "parts/sync/spin.hpp"

namespace muster::engine::thread {
namespace {

using testing::ask;
using testing::Dice;
using testing::Ledger;
using testing::NoThreadLeaks;
using testing::post;
using testing::Range;
using testing::rounds;
using testing::with;

constexpr std::uint64_t kAddress = 64;
const void* guest(std::uint64_t which) { return reinterpret_cast<const void*>(which * kAddress); }  // NOLINT

// ---- the seat ----

TEST(PartnersSeat, is_there_once_it_was_wanted_and_offered_and_for_one) {
  Partner partner;
  EXPECT_FALSE(partner.offer_seat()) << "nobody wants one";
  EXPECT_FALSE(partner.take_seat(guest(1)));
  EXPECT_FALSE(partner.bring_permit(guest(1)));
  partner.want_seat();
  EXPECT_FALSE(partner.bring_permit(guest(1)));
  EXPECT_TRUE(partner.offer_seat());
  EXPECT_FALSE(partner.offer_seat()) << "it is";
  EXPECT_FALSE(partner.take_seat(guest(1))) << "it has no permit yet";
  EXPECT_TRUE(partner.bring_permit(guest(1)));
  EXPECT_FALSE(partner.bring_permit(guest(2)));
  EXPECT_FALSE(partner.take_seat(guest(2)));
  partner.want_seat();
  EXPECT_FALSE(partner.offer_seat()) << "somebody has it";
  EXPECT_TRUE(partner.return_seat(guest(1)));
  EXPECT_FALSE(partner.bring_permit(guest(2))) << "it has one";
  EXPECT_TRUE(partner.take_seat(guest(2)));
}

TEST(PartnersSeat, has_a_permit_that_one_of_two_gives_back) {
  Partner partner;
  EXPECT_FALSE(partner.withdraw_seat()) << "there was none";
  partner.want_seat();
  EXPECT_FALSE(partner.withdraw_seat());
  ASSERT_TRUE(partner.offer_seat());
  EXPECT_FALSE(partner.withdraw_seat()) << "without a permit";

  partner.want_seat();
  ASSERT_TRUE(partner.offer_seat() && partner.bring_permit(guest(1)) && partner.return_seat(guest(1)));
  EXPECT_TRUE(partner.withdraw_seat()) << "nobody has it: the owner does";
  EXPECT_FALSE(partner.take_seat(guest(1)));

  partner.want_seat();
  ASSERT_TRUE(partner.offer_seat() && partner.bring_permit(guest(1)));
  EXPECT_FALSE(partner.withdraw_seat()) << "the guest does";
  EXPECT_FALSE(partner.withdraw_seat());
  partner.want_seat();
  EXPECT_FALSE(partner.offer_seat()) << "it may still have a half";
  EXPECT_FALSE(partner.return_seat(guest(1)));
  partner.want_seat();
  EXPECT_TRUE(partner.offer_seat());
}

TEST(PartnersSeat, is_kept_by_a_guest_that_has_given_its_permit_back) {
  Partner partner;
  partner.want_seat();
  ASSERT_TRUE(partner.offer_seat() && partner.bring_permit(guest(1)));
  partner.own_permit(guest(1));
  EXPECT_FALSE(partner.withdraw_seat());
  EXPECT_FALSE(partner.take_seat(guest(2)));
  EXPECT_FALSE(partner.bring_permit(guest(2)));
  partner.want_seat();
  EXPECT_FALSE(partner.offer_seat());
  partner.clear_seat();
  partner.want_seat();
  EXPECT_TRUE(partner.offer_seat());
}

// ---- the half ----

TEST(PartnersHalf, lies_in_an_open_hatch_until_its_owner_takes_it_out) {
  Range loop(10);
  Hatch hatch;
  EXPECT_FALSE(hatch.hand_in_half(5, loop, 4)) << "it is closed";
  ASSERT_TRUE(hatch.open(1));
  EXPECT_FALSE(hatch.half());
  EXPECT_TRUE(hatch.hand_in_half(5, loop, 4));
  EXPECT_TRUE(hatch.full());
  EXPECT_EQ(hatch.half(), 5U);
  EXPECT_EQ(&hatch.halved_loop(), &loop);
  EXPECT_EQ(hatch.half_begin(), 4U);
  EXPECT_FALSE(hatch.hand_in_half(6, loop, 4)) << "it is full";
  hatch.reopen(1);
  EXPECT_FALSE(hatch.half());
  EXPECT_TRUE(hatch.hand_in_half(0, loop, 4));
  EXPECT_EQ(hatch.half(), 0U);
  EXPECT_EQ(hatch.close(), nullptr) << "it is no task";
  EXPECT_FALSE(hatch.full());
}

TEST(PartnersHalf, is_begun_or_taken_back) {
  Partner partner;
  const std::uint32_t first = partner.next();
  partner.handed_in();
  EXPECT_TRUE(partner.begin(first));
  EXPECT_FALSE(partner.begin(first));
  EXPECT_FALSE(partner.take_back(first));
  EXPECT_FALSE(Partner::is_over(partner.state(), first));
  partner.end(first, true);
  EXPECT_TRUE(Partner::is_over(partner.state(), first));
  EXPECT_TRUE(Partner::was_run(partner.state()));

  const std::uint32_t second = partner.next();
  EXPECT_NE(second, first);
  EXPECT_EQ(partner.next(), second) << "it was not handed in";
  partner.handed_in();
  EXPECT_TRUE(partner.take_back(second));
  EXPECT_FALSE(partner.begin(second));

  const std::uint32_t third = partner.next();
  partner.handed_in();
  ASSERT_TRUE(partner.begin(third));
  partner.end(third, false);
  EXPECT_TRUE(Partner::is_over(partner.state(), third));
  EXPECT_FALSE(Partner::was_run(partner.state())) << "its loop was stopped";
}

// Far more halves than there are numbers. What each side writes is not atomic: ThreadSanitizer sees whether it is
// handed over.
TEST(PartnersHalf, goes_there_and_back_between_two_threads) {
  constexpr int kItems = 2;
  Hatch hatch;
  Partner partner;
  std::atomic<bool> over{false};
  std::array<int, kItems> items{};
  Range loop(kItems);
  ASSERT_TRUE(hatch.open(1));
  std::thread owner([&] {
    while (!over) {
      const auto half = hatch.half();
      if (!half) {
        std::this_thread::yield();
        continue;
      }
      const bool ours = partner.begin(*half);
      if (ours) ++items[hatch.half_begin()];
      hatch.reopen(1);
      if (ours) partner.end(*half, true);
    }
  });
  int handed_in = 0;
  const int count = rounds(50'000);
  for (int i = 0; i < count; ++i) {
    ++items[0];
    const std::uint32_t number = partner.next();
    bool ours = !hatch.hand_in_half(number, loop, 1);
    if (!ours) {
      ++handed_in;
      partner.handed_in();
      if (i % 2 == 0) std::this_thread::yield();
      ours = partner.take_back(number);
      const auto done = [number](std::uint32_t state) { return Partner::is_over(state, number); };
      if (!ours) sync::await(partner.state(), done, os::kForever, os::Scope::kPrivate, 0);
    }
    if (ours) ++items[1];
    ASSERT_EQ(items[1], i + 1);
  }
  over = true;
  owner.join();
  EXPECT_GT(handed_in, 0);
  EXPECT_EQ(items[0], count);
}

// ---- in the engine ----

class PartnersInEngine : public NoThreadLeaks {};

// Of 8 items, of which the pool believes that they take a microsecond each.
constexpr std::size_t kItems = 8;
constexpr std::uint64_t kMicrosecond = 1'000'000;  // of a pace
class Tiny : public Range {
 public:
  explicit Tiny(Item item) : Range(kItems, std::move(item)) { pace = &pace_; }

 private:
  detail::Pace pace_{kMicrosecond};
};

void spend(Nanos nanos) {
  const Nanos end = os::now() + nanos;
  while (os::now() < end) {
  }
}
void spend_a_microsecond() { spend(1000); }

// Notes who ran the chunk that is its second half, if one was.
class Halved : public Tiny {
 public:
  Halved() : Tiny([](std::size_t) { spend_a_microsecond(); }), run_(std::exchange(run, &run_and_note)) {}
  std::thread::id second_half_by;

 private:
  static bool run_and_note(Loop& loop, std::size_t begin, std::size_t end) noexcept {
    auto& self = static_cast<Halved&>(loop);
    if (begin == kItems / 2 && end == kItems) self.second_half_by = std::this_thread::get_id();
    return self.run_(loop, begin, end);
  }
  bool (*run_)(Loop&, std::size_t, std::size_t) noexcept;
};

// Of three that share a loop on the board nobody takes half of it. Which halves are run by a partner is a matter of
// what pays; that some are, of its being tried now and then.
TEST_F(PartnersInEngine, run_the_second_half_of_a_tiny_loop) {
  if (sync::spinning_cpus() < 2) GTEST_SKIP() << "there is one CPU: nobody searches while a loop is run";
  ThreadEngine engine(with(3));
  for (int seen = 0; seen < 100;) {
    Halved loop;
    ASSERT_TRUE(engine.run(loop, {}));
    ASSERT_TRUE(loop.each_once());
    const bool by_partner =
        loop.second_half_by != std::thread::id() && loop.second_half_by != std::this_thread::get_id();
    seen += by_partner ? 1 : 0;
  }
}

// Items that turn out dear are found out, whoever ran them, and at once.
TEST_F(PartnersInEngine, do_not_take_a_loop_for_tiny_once_it_was_not) {
  constexpr Nanos kDear = 50'000;
  ThreadEngine engine(with(2));
  for (int round = 0; round < rounds(100); ++round) {
    for (int i = 0; i < 100; ++i) {
      Tiny loop([](std::size_t) { spend_a_microsecond(); });
      ASSERT_TRUE(engine.run(loop, {}));
    }
    Tiny loop([](std::size_t) { spend(kDear); });
    ASSERT_TRUE(engine.run(loop, {}));
    ASSERT_GT(loop.pace->load(), 10 * kMicrosecond);
  }
}

// A task that a half's item waits for, and that is dropped, does not end the half.
TEST_F(PartnersInEngine, drop_what_an_item_submits_and_go_on) {
  Ledger ledger;
  for (int round = 0; round < rounds(200); ++round) {
    ThreadEngine engine(with(2));
    std::atomic<bool> over{false};
    std::thread caller([&] {
      while (!over) {
        Tiny loop([&](std::size_t item) {
          spend_a_microsecond();
          if (item == kItems - 1) ask(engine, ledger, [] {});
        });
        if (!engine.run(loop, {})) break;
      }
    });
    for (int i = 0; i < 50; ++i) ask(engine, ledger, [] {});
    engine.terminate();
    over = true;
    caller.join();
    EXPECT_TRUE(engine.drain(detail::kForever));
    engine.stop();
  }
}

// One who calls all the time and one who does now and then, one who posts, and one who pauses the pool and changes its
// size.
TEST_F(PartnersInEngine, lose_nothing_whatever_else_the_pool_does) {
  constexpr int kSeldom = 200;
  const int count = rounds(20'000);
  Ledger ledger;
  ThreadEngine engine(with(2));
  std::atomic<int> loops{0};
  const auto run_one = [&](Dice& dice) {
    const std::size_t stop_at = dice.below(20) == 0 ? static_cast<std::size_t>(dice.below(kItems)) : SIZE_MAX;
    Tiny loop([](std::size_t) { spend_a_microsecond(); });
    loop.stop_at = stop_at;
    ASSERT_TRUE(engine.run(loop, {}));
    ASSERT_TRUE(loop.each_at_most_once() && loop.has_no_holes());
    ASSERT_TRUE(stop_at != SIZE_MAX || loop.each_once());
    ASSERT_LE(loop.handed, kItems);
  };
  std::thread often([&] {
    Dice dice(1);
    for (; loops < count; ++loops) run_one(dice);
  });
  std::thread seldom([&] {
    Dice dice(2);
    for (int next = 0; loops < count; os::yield()) {
      if (loops < next) continue;
      run_one(dice);
      post(engine, ledger, [] {});
      next += dice.below(kSeldom);
    }
  });
  Dice dice(3);
  for (int next = 0; loops < count; os::yield()) {
    if (loops < next) continue;
    engine.pause();
    engine.resume();
    engine.resize(1 + dice.below(3));
    next += dice.below(kSeldom);
  }
  often.join();
  seldom.join();
  testing::end(engine);
}

// No more run at a time than there are workers, the callers among them.
TEST_F(PartnersInEngine, and_guests_are_no_more_than_there_may_be) {
  constexpr int kWorkers = 2;
  ThreadEngine engine(with(kWorkers));
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  std::vector<std::thread> callers;
  for (int t = 0; t < 3; ++t) {
    callers.emplace_back([&, t] {
      for (int i = 0; i < rounds(10'000) >> (2 * t); ++i) {
        Tiny loop([&](std::size_t) {
          const int now = ++running;
          int before = most.load();
          while (before < now && !most.compare_exchange_weak(before, now)) {
          }
          spend_a_microsecond();
          --running;
        });
        ASSERT_TRUE(engine.run(loop, {}));
        ASSERT_TRUE(loop.each_once());
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_LE(most, kWorkers);
}

}  // namespace
}  // namespace muster::engine::thread
