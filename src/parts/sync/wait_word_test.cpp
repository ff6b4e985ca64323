#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>

#include <thread>
#include <vector>

#include "os/testing.hpp"
#include "parts/sync/await.hpp"

namespace muster::detail {
namespace {

using Word = std::atomic<std::uint32_t>;

constexpr std::uint32_t kReady = 1;
constexpr std::uint32_t kOther = 2;
constexpr Nanos kMillisecond = 1'000'000;

os::Scope of(Scope scope) { return scope == Scope::kPrivate ? os::Scope::kPrivate : os::Scope::kShared; }

void set(Word& word, std::uint32_t bit, Scope scope) {
  if ((word.fetch_or(bit) & kSleepers) != 0) wake_all(word, scope);
}

class WaitWord : public ::testing::TestWithParam<Scope> {};
INSTANTIATE_TEST_SUITE_P(, WaitWord, ::testing::Values(Scope::kPrivate, Scope::kShared),
                         [](const auto& tested) { return tested.param == Scope::kPrivate ? "private" : "shared"; });

TEST_P(WaitWord, bit_that_is_set_ends_the_wait_at_once_even_after_its_deadline) {
  Word word{kReady};
  EXPECT_EQ(await_bits(word, kReady, 0, GetParam()), Await::kReady);
  EXPECT_EQ(await_bits(word, kReady | kOther, kForever, GetParam()), Await::kReady);
}

TEST_P(WaitWord, past_deadline_ends_the_wait_and_leaves_no_mark) {
  Word word{kOther};
  EXPECT_EQ(await_bits(word, kReady, 0, GetParam()), Await::kTimedOut);
  EXPECT_EQ(await_bits(word, kReady, now(), GetParam()), Await::kTimedOut);
  EXPECT_EQ(word, kOther);
}

TEST_P(WaitWord, deadline_ends_the_wait_and_not_before) {
  Word word{0};
  const Nanos deadline = now() + 2 * kMillisecond;
  EXPECT_EQ(await_bits(word, kReady, deadline, GetParam()), Await::kTimedOut);
  EXPECT_GE(now(), deadline);
}

TEST_P(WaitWord, sleeper_marks_the_word_and_is_woken_by_the_change) {
  Word word{0};
  std::thread waiter([&] { EXPECT_EQ(await_bits(word, kReady, kForever, GetParam()), Await::kReady); });
  os::testing::await_sleepers(word, 1, of(GetParam()));
  EXPECT_EQ(word, kSleepers);
  set(word, kReady, GetParam());
  waiter.join();
}

TEST_P(WaitWord, change_of_other_bits_puts_the_sleeper_back_to_sleep) {
  Word word{0};
  std::thread waiter([&] { EXPECT_EQ(await_bits(word, kReady, kForever, GetParam()), Await::kReady); });
  for (std::uint32_t change = 0; change < 3; ++change) {
    os::testing::await_sleepers(word, 1, of(GetParam()));
    word.fetch_add(kNudge);
    wake_all(word, GetParam());
  }
  os::testing::await_sleepers(word, 1, of(GetParam()));
  set(word, kReady, GetParam());
  waiter.join();
  EXPECT_EQ(word, kReady | kSleepers | 3 * kNudge);
}

TEST_P(WaitWord, all_sleepers_are_woken_and_see_what_was_written_before) {
  Word word{0};
  int written = 0;
  std::vector<std::thread> waiters;
  for (int i = 0; i < 4; ++i) {
    waiters.emplace_back([&] {
      EXPECT_EQ(await_bits(word, kReady, kForever, GetParam()), Await::kReady);
      EXPECT_EQ(written, 1);
    });
  }
  os::testing::await_sleepers(word, 4, of(GetParam()));
  written = 1;
  set(word, kReady, GetParam());
  for (std::thread& waiter : waiters) waiter.join();
}

TEST_P(WaitWord, no_wakeup_is_lost_between_look_and_sleep) {
  for (int round = 0; round < 3000; ++round) {
    Word word{0};
    std::thread waiter([&] { EXPECT_EQ(await_bits(word, kReady, kForever, GetParam()), Await::kReady); });
    for (int spin = round % 200; spin > 0; --spin) os::relax();
    set(word, kReady, GetParam());
    waiter.join();
  }
}

}  // namespace
}  // namespace muster::detail
