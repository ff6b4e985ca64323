#include "engine/thread/tiny_loops.hpp"

#include <gtest/gtest.h>

namespace muster::engine::thread {
namespace {

using Advice = TinyLoops::Advice;

constexpr detail::Nanos kAlone = 3000;  // what each loop takes alone

// Plays loops that follow each other. A woken worker comes after ten of them, and stays.
class Player {
 public:
  Player(detail::Nanos shared, detail::Nanos gap, bool comes) : shared_(shared), gap_(gap), comes_(comes) {}

  void play(int loops) {
    for (int i = 0; i < loops; ++i) {
      const Advice advice = loops_.advise(now_, comes_ && woken_ > 0 && --patience_ < 0);
      const bool share = advice == Advice::kShare;
      if (advice == Advice::kAloneAndInvite && woken_++ == 0) patience_ = 10;
      shares_ += share ? 1 : 0;
      const detail::Nanos took = share ? shared_ : kAlone;
      now_ += took;
      loops_.ran(share, took, kAlone, now_);
      now_ += gap_;
    }
  }

  int shares() const { return shares_; }
  int woken() const { return woken_; }

 private:
  TinyLoops loops_;
  const detail::Nanos shared_;
  const detail::Nanos gap_;
  const bool comes_;
  detail::Nanos now_ = 1'000'000;
  int patience_ = 0;
  int shares_ = 0;
  int woken_ = 0;
};

TEST(TinyLoops, are_shared_where_that_is_faster) {
  Player player(kAlone * 2 / 3, 100, true);
  player.play(10'000);
  EXPECT_GT(player.shares(), 9'000);
  EXPECT_EQ(player.woken(), 1);
}

TEST(TinyLoops, are_hardly_shared_where_that_is_slower) {
  Player player(kAlone * 5 / 4, 100, true);
  player.play(10'000);
  EXPECT_GT(player.shares(), 0) << "it was tried";
  EXPECT_LT(player.shares(), 1000);
}

TEST(TinyLoops, that_gain_next_to_nothing_are_left_alone) {
  Player player(kAlone * 95 / 100, 100, true);
  player.play(10'000);
  EXPECT_LT(player.shares(), 1000);
}

TEST(TinyLoops, far_from_each_other_wake_nobody) {
  Player player(kAlone / 2, 50'000, true);
  player.play(10'000);
  EXPECT_EQ(player.woken(), 0);
  EXPECT_EQ(player.shares(), 0);
}

TEST(TinyLoops, for_which_nobody_comes_wake_few) {
  Player player(kAlone / 2, 100, false);
  player.play(100'000);
  EXPECT_EQ(player.shares(), 0);
  EXPECT_GT(player.woken(), 0);
  EXPECT_LT(player.woken(), 100'000 / 200);
}

}  // namespace
}  // namespace muster::engine::thread
