#include <errno.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <new>
#include <thread>

#include "os/os.hpp"
#include "os/testing.hpp"

namespace muster::os {
namespace {

using testing::await_sleepers;
using Word = std::atomic<std::uint32_t>;

constexpr Nanos kMillisecond = 1'000'000;
constexpr Nanos kLongAfterTheTest = 3600 * 1000 * kMillisecond;

class FutexInScope : public ::testing::TestWithParam<Scope> {};
INSTANTIATE_TEST_SUITE_P(, FutexInScope, ::testing::Values(Scope::kPrivate, Scope::kShared),
                         [](const auto& tested) { return tested.param == Scope::kPrivate ? "private" : "shared"; });

// Sleepers who each wait once on a word that nobody changes.
class Sleepers {
 public:
  Sleepers(int count, Scope scope) : scope_(scope) {
    for (int i = 0; i < count; ++i) {
      threads_.emplace_back([this] {
        if (futex_wait(word_, 0, scope_) == FutexWait::kWoken) woken_.fetch_add(1);
      });
    }
    await_sleepers(word_, count, scope);
  }
  ~Sleepers() {
    for (std::thread& thread : threads_) thread.join();
  }
  Sleepers(const Sleepers&) = delete;
  Sleepers& operator=(const Sleepers&) = delete;

  int wake(int count) { return futex_wake(word_, count, scope_); }
  int asleep() const { return testing::sleepers(word_, scope_); }

 private:
  const Scope scope_;
  Word word_{0};
  std::atomic<int> woken_{0};
  std::vector<std::thread> threads_;
};

TEST_P(FutexInScope, wait_on_another_value_returns_at_once) {
  const Word word{7};
  EXPECT_EQ(futex_wait(word, 8, GetParam()), FutexWait::kChanged);
}

TEST_P(FutexInScope, changed_word_goes_before_a_past_deadline) {
  const Word word{7};
  EXPECT_EQ(futex_wait(word, 8, GetParam(), now() - kMillisecond), FutexWait::kChanged);
}

TEST_P(FutexInScope, past_deadline_times_out_without_sleep) {
  const Word word{7};
  EXPECT_EQ(futex_wait(word, 7, GetParam(), now()), FutexWait::kTimedOut);
  EXPECT_EQ(futex_wait(word, 7, GetParam(), 0), FutexWait::kTimedOut);
  EXPECT_EQ(futex_wait(word, 7, GetParam(), -1), FutexWait::kTimedOut);
  EXPECT_EQ(futex_wait(word, 7, GetParam(), INT64_MIN), FutexWait::kTimedOut);
}

TEST_P(FutexInScope, timeout_comes_no_earlier_than_its_deadline) {
  const Word word{0};
  const Nanos deadline = now() + 5 * kMillisecond;
  FutexWait result = FutexWait::kWoken;
  while (result == FutexWait::kWoken) result = futex_wait(word, 0, GetParam(), deadline);
  EXPECT_EQ(result, FutexWait::kTimedOut);
  EXPECT_GE(now(), deadline);
}

TEST_P(FutexInScope, wake_of_nobody_wakes_nobody) {
  const Word word{0};
  EXPECT_EQ(futex_wake(word, 1, GetParam()), 0);
  EXPECT_EQ(futex_wake(word, kAll, GetParam()), 0);
}

TEST_P(FutexInScope, wake_wakes_at_most_count) {
  Sleepers sleepers(5, GetParam());
  EXPECT_EQ(sleepers.wake(1), 1);
  EXPECT_EQ(sleepers.asleep(), 4);
  EXPECT_EQ(sleepers.wake(3), 3);
  EXPECT_EQ(sleepers.asleep(), 1);
  EXPECT_EQ(sleepers.wake(2), 1);
}

TEST_P(FutexInScope, wake_all_wakes_all) {
  Sleepers sleepers(5, GetParam());
  EXPECT_EQ(sleepers.wake(kAll), 5);
}

TEST_P(FutexInScope, wake_of_none_wakes_none) {
  Sleepers sleepers(1, GetParam());
  EXPECT_EQ(sleepers.wake(0), 0);
  EXPECT_EQ(sleepers.wake(-1), 0);
  EXPECT_EQ(sleepers.asleep(), 1);
  EXPECT_EQ(sleepers.wake(1), 1);
}

TEST_P(FutexInScope, wait_with_deadline_is_woken_before_it) {
  const Scope scope = GetParam();
  Word word{0};
  FutexWait result = FutexWait::kTimedOut;
  std::thread sleeper([&] { result = futex_wait(word, 0, scope, now() + kLongAfterTheTest); });
  await_sleepers(word, 1, scope);
  EXPECT_EQ(futex_wake(word, 1, scope), 1);
  sleeper.join();
  EXPECT_EQ(result, FutexWait::kWoken);
}

TEST_P(FutexInScope, errno_is_left_alone) {
  const Word word{0};
  errno = ERANGE;
  futex_wait(word, 1, GetParam());
  futex_wait(word, 0, GetParam(), 0);
  futex_wake(word, 1, GetParam());
  EXPECT_EQ(errno, ERANGE);
}

TEST(Futex, words_are_apart) {
  Word word{0};
  const Word neighbour{0};
  std::thread sleeper([&] { futex_wait(word, 0, Scope::kPrivate); });
  await_sleepers(word, 1);
  EXPECT_EQ(futex_wake(neighbour, kAll, Scope::kPrivate), 0);
  EXPECT_EQ(futex_wake(word, kAll, Scope::kPrivate), 1);
  sleeper.join();
}

TEST(Futex, wake_on_unmapped_memory_wakes_nobody) {
  const Word* word = nullptr;
  {
    const Mapping mapping = Mapping::memfd(1);
    word = new (mapping.data()) Word{0};
  }
  EXPECT_EQ(futex_wake(*word, kAll, Scope::kShared), 0);
  EXPECT_EQ(futex_wake(*word, kAll, Scope::kPrivate), 0);
}

TEST(FutexDeathTest, wait_on_unmapped_memory_ends_the_program) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto wait_on_nothing = [] {
    const Word* word = nullptr;
    {
      const Mapping mapping = Mapping::anonymous(1);
      word = new (mapping.data()) Word{0};
    }
    futex_wait(*word, 0, Scope::kPrivate);
  };
  EXPECT_DEATH(wait_on_nothing(), "futex wait failed: Bad address");
}

// ---- between processes ----

TEST(Futex, shared_word_wakes_another_process) {
  const Mapping memory = Mapping::memfd(sizeof(Word));
  Word& word = *new (memory.data()) Word{0};
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    while (word.load() == 0) futex_wait(word, 0, Scope::kShared);
    _exit(word.load() == 42 ? 0 : 1);
  }
  await_sleepers(word, 1, Scope::kShared);
  word.store(42);
  EXPECT_EQ(futex_wake(word, kAll, Scope::kShared), 1);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

// ---- signals ----

std::atomic<int> handled{0};

extern "C" void count_signal(int) { handled.fetch_add(1); }

// Counts SIGUSR1 while it lives.
class Handler {
 public:
  explicit Handler(int flags) {
    struct sigaction action = {};
    action.sa_handler = &count_signal;
    action.sa_flags = flags;
    sigaction(SIGUSR1, &action, &before_);
  }
  ~Handler() { sigaction(SIGUSR1, &before_, nullptr); }
  Handler(const Handler&) = delete;
  Handler& operator=(const Handler&) = delete;

 private:
  struct sigaction before_;
};

// Sends signals to a thread that sleeps until `deadline`, and returns what the sleep says.
FutexWait interrupted_sleep(Nanos deadline) {
  const Word word{0};
  FutexWait result = FutexWait::kTimedOut;
  std::atomic<bool> ended{false};
  std::thread sleeper([&] {
    result = futex_wait(word, 0, Scope::kPrivate, deadline);
    ended.store(true);
  });
  await_sleepers(word, 1);
  pthread_kill(sleeper.native_handle(), SIGUSR1);
  while (!ended.load()) yield();
  sleeper.join();
  return result;
}

TEST(Futex, signal_handler_interrupts_wait_without_limit) {
  const Handler handler(0);
  EXPECT_EQ(interrupted_sleep(kForever), FutexWait::kInterrupted);
}

TEST(Futex, signal_handler_interrupts_wait_with_deadline) {
  const Handler handler(0);
  EXPECT_EQ(interrupted_sleep(now() + kLongAfterTheTest), FutexWait::kInterrupted);
}

TEST(Futex, restarting_handler_interrupts_wait_with_deadline) {
  const Handler handler(SA_RESTART);
  EXPECT_EQ(interrupted_sleep(now() + kLongAfterTheTest), FutexWait::kInterrupted);
}

TEST(Futex, restarting_handler_leaves_wait_without_limit_asleep) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "ThreadSanitizer keeps the signal until the thread makes a call that it knows";
#endif
  const Handler handler(SA_RESTART);
  Word word{0};
  FutexWait result = FutexWait::kTimedOut;
  std::thread sleeper([&] { result = futex_wait(word, 0, Scope::kPrivate); });
  await_sleepers(word, 1);
  const int before = handled.load();
  pthread_kill(sleeper.native_handle(), SIGUSR1);
  while (handled.load() == before) yield();
  await_sleepers(word, 1);
  EXPECT_EQ(futex_wake(word, 1, Scope::kPrivate), 1);
  sleeper.join();
  EXPECT_EQ(result, FutexWait::kWoken);
}

}  // namespace
}  // namespace muster::os
