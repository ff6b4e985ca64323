#include "os/interrupt.hpp"

#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

#include "os/testing.hpp"

namespace muster::os {
namespace {

// Hears interrupts for the length of a test.
class Interrupt : public ::testing::Test {
 protected:
  Interrupt() {
    signal(SIGINT, SIG_DFL);
    hear_interrupts();
  }
  ~Interrupt() override {
    forget_interrupts();
    signal(SIGINT, SIG_DFL);
  }
};

TEST_F(Interrupt, leaves_a_mark_that_is_taken_once) {
  EXPECT_FALSE(interrupted());
  raise(SIGINT);
  EXPECT_TRUE(interrupted());
  EXPECT_TRUE(take_interrupt());
  EXPECT_FALSE(take_interrupt());
  EXPECT_FALSE(interrupted());
}

TEST_F(Interrupt, is_heard_by_the_thread_that_asked_for_it) {
  raise(SIGINT);
  std::thread([] {
    EXPECT_FALSE(hears_interrupts());
    EXPECT_FALSE(interrupted());
    EXPECT_FALSE(take_interrupt());
    EXPECT_EQ(next_look(kForever), kForever);
  }).join();
  EXPECT_TRUE(take_interrupt());
}

TEST_F(Interrupt, is_kept_while_interrupts_are_held) {
  {
    const InterruptsHeld held;
    const InterruptsHeld twice;
    raise(SIGINT);
    EXPECT_FALSE(interrupted());
    EXPECT_EQ(next_look(kForever), kForever);
  }
  EXPECT_TRUE(take_interrupt());
}

TEST_F(Interrupt, has_looks_within_any_wait) {
  EXPECT_LT(next_look(kForever), now() + 100'000'000);
  EXPECT_EQ(next_look(0), 0);
}

TEST_F(Interrupt, is_forgotten_with_its_mark) {
  raise(SIGINT);
  forget_interrupts();
  EXPECT_FALSE(hears_interrupts());
  hear_interrupts();
  EXPECT_FALSE(interrupted());
}

}  // namespace
}  // namespace muster::os
