#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "os/process.hpp"
#include "os/testing.hpp"
#include "tests/support/leaks.hpp"

namespace muster::os {
namespace {

using Word = std::atomic<std::uint32_t>;

void set(Word& word) {
  word.store(1);
  futex_wake(word, kAll, Scope::kPrivate);
}
void await(const Word& word) {
  while (word.load() == 0) futex_wait(word, 0, Scope::kPrivate);
}

// A thread of ours that sleeps, idle or not, until this goes.
class Sleeper {
 public:
  explicit Sleeper(bool idle) {
    thread_ = Thread([this, idle] {
      if (idle) {
        const Idle here;
        await(gate_);
        awake_.store(true);
      } else {
        await(gate_);
      }
      out_.store(true);
    });
    testing::await_sleepers(gate_, 1);
  }
  ~Sleeper() {
    set(gate_);
    thread_.join();
  }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  void wake() { set(gate_); }
  bool awake() const { return awake_.load(); }  // still within its Idle
  bool out() const { return out_.load(); }      // past it

 private:
  Word gate_{0};
  std::atomic<bool> awake_{false};
  std::atomic<bool> out_{false};
  Thread thread_;
};

int in_the_way() { return Stillness().threads_in_the_way(); }

TEST(Stillness, of_a_program_with_one_thread_has_nobody_in_the_way) { EXPECT_EQ(in_the_way(), 0); }

TEST(Stillness, idle_threads_are_not_in_the_way) {
  const Sleeper first(true);
  const Sleeper second(true);
  EXPECT_EQ(in_the_way(), 0);
}

TEST(Stillness, threads_that_are_not_idle_are) {
  const Sleeper idle(true);
  const Sleeper busy(false);
  const Sleeper another(false);
  EXPECT_EQ(in_the_way(), 2);
}

TEST(Stillness, threads_of_others_are_in_the_way_even_if_they_sleep) {
  Word gate{0};
  std::thread stranger([&] {
    const Idle means_nothing;
    await(gate);
  });
  testing::await_sleepers(gate, 1);
  EXPECT_EQ(in_the_way(), 1);
  set(gate);
  stranger.join();
  EXPECT_EQ(in_the_way(), 0);
}

TEST(Stillness, a_thread_that_was_joined_is_never_in_the_way) {
  for (int i = 0; i < 300; ++i) {
    std::thread([] {}).join();
    ASSERT_EQ(in_the_way(), 0);
    Thread([] {}).join();
    ASSERT_EQ(in_the_way(), 0);
  }
}

TEST(Stillness, counts_from_a_thread_of_ours_too) {
  int counted = -1;
  const Sleeper idle(true);
  Thread([&] { counted = in_the_way(); }).join();
  EXPECT_EQ(counted, 1) << "the main thread, which waits for it";
}

TEST(Stillness, keeps_an_idle_thread_that_wakes_from_going_on) {
  Sleeper sleeper(true);
  {
    const Stillness still;
    ASSERT_EQ(still.threads_in_the_way(), 0);
    sleeper.wake();
    while (!sleeper.awake()) yield();
    // It is on its way out, or waits there: in both cases it is back at rest at once.
    for (int look = 0; look < 100; ++look) {
      ASSERT_EQ(still.threads_in_the_way(), 0);
      ASSERT_FALSE(sleeper.out());
    }
  }
  while (!sleeper.out()) yield();
}

TEST(Stillness, within_another_lasts_as_long_as_the_outer_one) {
  Sleeper sleeper(true);
  {
    const Stillness outer;
    {
      const Stillness inner;
    }
    sleeper.wake();
    while (!sleeper.awake()) yield();
    ASSERT_EQ(outer.threads_in_the_way(), 0);
    ASSERT_FALSE(sleeper.out());
  }
  while (!sleeper.out()) yield();
}

TEST(Stillness, idle_within_idle_ends_with_the_outer_one) {
  Word gate{0};
  Thread thread([&] {
    const Idle outer;
    {
      const Idle inner;
    }
    await(gate);
  });
  testing::await_sleepers(gate, 1);
  EXPECT_EQ(in_the_way(), 0);
  set(gate);
  thread.join();
}

TEST(Stillness, of_two_threads_excludes_each_other) {
  std::atomic<int> inside{0};
  std::atomic<bool> together{false};
  const auto repeat = [&] {
    for (int i = 0; i < 2000; ++i) {
      const Stillness still;
      if (inside.fetch_add(1) != 0) together = true;
      inside.fetch_sub(1);
    }
  };
  Thread other(repeat);
  repeat();
  other.join();
  EXPECT_FALSE(together);
}

int status_of_fork(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = -1;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Stillness, does_not_last_in_a_forked_child) {
  const Sleeper sleeper(true);
  const Stillness still;
  ASSERT_EQ(still.threads_in_the_way(), 0);
  EXPECT_EQ(status_of_fork([] {
              const Stillness own;
              return own.threads_in_the_way();
            }),
            0);
}

TEST(Stillness, of_the_original_ends_harmlessly_in_a_forked_child) {
  EXPECT_EQ(status_of_fork([] {
              auto still = std::make_unique<Stillness>();
              const int inner = status_of_fork([&] {
                still.reset();
                return Stillness().threads_in_the_way();
              });
              still.reset();
              return inner == 0 ? Stillness().threads_in_the_way() : 99;
            }),
            0);
}

#ifndef __SANITIZE_THREAD__  // which lets no thread be started in the child of a program with threads
TEST(Stillness, knows_the_threads_that_a_forked_child_starts) {
  const Sleeper forgotten(true);
  EXPECT_EQ(status_of_fork([] {
              const Sleeper idle(true);
              const Sleeper busy(false);
              return in_the_way();
            }),
            1);
}

TEST(Stillness, holds_nobody_up_in_a_forked_child) {
  const Stillness still;
  EXPECT_EQ(status_of_fork([] {
              Thread([] { const Idle idle; }).join();
              return 0;
            }),
            0);
}

TEST(Stillness, knows_a_thread_of_ours_that_forked) {
  int status = -1;
  Thread([&] {
    status = status_of_fork([] {
      int counted = -1;
      Thread([&] { counted = in_the_way(); }).join();  // the thread that forked waits for it
      return counted;
    });
  }).join();
  EXPECT_EQ(status, 1);
}
#endif

// Whoever comes and goes between idle spells writes to a word of its own; nobody may write while it is still.
TEST(Stillness, nothing_moves_while_nobody_is_in_the_way) {
  constexpr int kThreads = 4;
  std::array<Word, kThreads> beds{};
  std::array<std::atomic<unsigned>, kThreads> steps{};
  std::atomic<bool> over{false};
  std::vector<Thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      while (!over.load()) {
        {
          const Idle idle;
          futex_wait(beds[i], 0, Scope::kPrivate, now() + 50'000);
        }
        steps[i].fetch_add(1, std::memory_order_relaxed);
      }
    });
  }
  int stills = 0;
  for (int i = 0; i < 2000; ++i) {
    const Stillness still;
    if (still.threads_in_the_way() != 0) continue;
    ++stills;
    std::array<unsigned, kThreads> before{};
    for (std::size_t k = 0; k < kThreads; ++k) before[k] = steps[k].load(std::memory_order_relaxed);
    for (int turn = 0; turn < 3; ++turn) yield();
    for (std::size_t k = 0; k < kThreads; ++k) ASSERT_EQ(steps[k].load(std::memory_order_relaxed), before[k]);
  }
  EXPECT_GT(stills, 1000);
  over = true;
  for (Thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace muster::os
