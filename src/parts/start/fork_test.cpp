// The method fork in a program that has threads, and the others in one that has not asked for them.

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

#include <muster/error.hpp>

#include "os/testing.hpp"
#include "parts/start/testing.hpp"
#include "tests/support/leaks.hpp"

// NOLINTBEGIN(performance-unnecessary-value-param): what a Body takes
namespace muster::start::testing {
namespace {

using Word = std::atomic<std::uint32_t>;

void set(Word& word) {
  word.store(1);
  os::futex_wake(word, os::kAll, os::Scope::kPrivate);
}
void await(const Word& word) {
  while (word.load() == 0) os::futex_wait(word, 0, os::Scope::kPrivate);
}

std::string reason_of_failure(Method method) {
  try {
    const Template made(method, &return_place, {});
    return "there was none";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(Fork, beside_a_thread_of_the_program_is_refused_and_says_what_to_do) {
  Word gate{0};
  std::thread busy([&] { await(gate); });
  const std::string reason = reason_of_failure(Method::kFork);
  set(gate);
  busy.join();
  EXPECT_NE(reason.find("1 other thread runs"), std::string::npos) << reason;
  EXPECT_NE(reason.find("before threads"), std::string::npos) << reason;
  EXPECT_NE(reason.find("muster::init(argc, argv)"), std::string::npos) << reason;
}

TEST(Fork, from_a_thread_beside_the_main_thread_is_refused) {
  std::string reason;
  os::Thread([&] { reason = reason_of_failure(Method::kFork); }).join();
  EXPECT_NE(reason.find("1 other thread runs"), std::string::npos) << reason;
}

TEST(Fork, works_once_the_thread_is_gone) {
  for (int i = 0; i < 50; ++i) {
    std::thread([] {}).join();
    Template made(Method::kFork, &return_place, {});
    EXPECT_EQ(await_end(made, start_worker(made, 5)).code, 5);
  }
}

TEST(Fork, beside_idle_threads_of_ours_works_and_they_go_on) {
  Word gate{0};
  std::vector<os::Thread> threads;
  std::atomic<int> woken{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      {
        const os::Idle idle;
        await(gate);
      }
      ++woken;
    });
  }
  os::testing::await_sleepers(gate, 4, os::Scope::kPrivate);
  Template made(Method::kFork, &return_place, {});
  EXPECT_EQ(await_end(made, start_worker(made, 5)).code, 5);
  set(gate);
  for (os::Thread& thread : threads) thread.join();
  EXPECT_EQ(woken, 4);
  EXPECT_EQ(await_end(made, start_worker(made, 6)).code, 6) << "whatever threads there are by now";
}

// Threads that fall idle and wake at any time are caught idle, never torn: what each does is done in the copy by its
// template alone, and malloc's locks are free there.
TEST(Fork, beside_threads_that_come_and_go_between_idle_spells_works) {
  const int rounds = sanitized() ? 20 : 200;
  std::atomic<bool> over{false};
  std::vector<os::Thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      Word bed{0};
      while (!over.load()) {
        const std::vector<char> memory(200'000, 'x');
        const os::Idle idle;
        os::futex_wait(bed, 0, os::Scope::kPrivate, os::now() + 100'000);
      }
    });
  }
  constexpr auto kAllocate = [](Birth birth) {
    const std::vector<char> memory(1'000'000, 'x');
    return memory[birth.place] == 'x' ? 1 : 0;
  };
  int made_it = 0;
  for (int round = 0; round < rounds; ++round) {
    try {
      Template made(Method::kFork, kAllocate, {});
      EXPECT_EQ(await_end(made, start_worker(made)).code, 1);
      ++made_it;
    } catch (const Error&) {
      // They may all have been up whenever we looked.
    }
  }
  EXPECT_GT(made_it, rounds / 2);
  over = true;
  for (os::Thread& thread : threads) thread.join();
}

TEST(Start, before_serve_is_by_fork_alone_and_says_what_to_do) {
  EXPECT_FALSE(serving());
  for (const Method method : {Method::kForkserver, Method::kSpawn}) {
    const std::string reason = reason_of_failure(method);
    EXPECT_NE(reason.find(method == Method::kSpawn ? "spawn:" : "forkserver:"), std::string::npos) << reason;
    EXPECT_NE(reason.find("muster::init(argc, argv)"), std::string::npos) << reason;
  }
}

}  // namespace
}  // namespace muster::start::testing
// NOLINTEND(performance-unnecessary-value-param)
