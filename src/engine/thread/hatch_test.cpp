// Handing a task to a worker that searches: by itself, and as the engine does it.

#include "engine/thread/hatch.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "engine/thread/testing.hpp"

namespace muster::engine::thread {
namespace {

using testing::ask;
using testing::await;
using testing::Call;
using testing::Dice;
using testing::Ledger;
using testing::make;
using testing::NoThreadLeaks;
using testing::post;
using testing::Ref;
using testing::rounds;
using testing::submit;
using testing::with;

class HatchInEngine : public NoThreadLeaks {};

TEST(Hatch, accepts_one_task_while_it_is_open_and_nothing_was_pushed) {
  Ledger ledger;
  const Ref<Call> job = make<Call>(ledger, [] {});
  const Ref<Call> other = make<Call>(ledger, [] {});
  Hatch hatch;
  EXPECT_FALSE(hatch.hand_in(*job, 7)) << "it is closed";
  ASSERT_TRUE(hatch.open(7));
  EXPECT_FALSE(hatch.full());
  EXPECT_FALSE(hatch.hand_in(*job, 8)) << "something was pushed meanwhile";
  EXPECT_TRUE(hatch.hand_in(*job, 7));
  EXPECT_TRUE(hatch.full());
  EXPECT_FALSE(hatch.hand_in(*other, 7)) << "it is full";
  EXPECT_EQ(hatch.close(), &*job);
  EXPECT_FALSE(hatch.full());
  EXPECT_FALSE(hatch.hand_in(*other, 7)) << "it is closed again";
  ledger.refused = 2;  // neither was run
}

TEST(Hatch, has_one_owner) {
  Hatch hatch;
  ASSERT_TRUE(hatch.open(1));
  EXPECT_FALSE(hatch.open(2));
  EXPECT_EQ(hatch.close(), nullptr);
  EXPECT_TRUE(hatch.open(2));
}

// Two that open and close it, two that hand in.
TEST(Hatch, gives_each_accepted_task_to_one_owner) {
  Ledger ledger;
  Hatch hatch;
  std::atomic<int> accepted{0};
  std::atomic<int> taken{0};
  std::atomic<int> submitters{2};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      while (submitters > 0 || taken < accepted) {
        if (!hatch.open(1)) continue;
        for (int look = 0; look < 100 && !hatch.full(); ++look) os::relax();
        if (detail::Task* const task = hatch.close()) {
          EXPECT_TRUE(task->begin()) << "it was taken twice";
          task->release();
          ++taken;
        }
      }
    });
    threads.emplace_back([&] {
      for (int i = 0; i < rounds(20'000); ++i) {
        const Ref<Call> job = make<Call>(ledger, [] {});
        job->retain();
        if (hatch.hand_in(*job, 1)) {
          ++accepted;
        } else {
          job->release();
        }
        ++ledger.refused;  // none is run
      }
      --submitters;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken, accepted);
}

// What is handed in does not pass what the same thread has posted before.
TEST_F(HatchInEngine, one_worker_runs_calls_and_posts_in_the_order_of_submission) {
  Ledger ledger;
  Dice dice(1);
  ThreadEngine engine(with(1));
  std::vector<int> order;
  const int count = rounds(100'000);
  for (int i = 0; i < count; ++i) {
    const auto note = [&order, i] { order.push_back(i); };
    dice.below(3) == 0 ? post(engine, ledger, note) : ask(engine, ledger, note);
  }
  testing::end(engine);
  EXPECT_EQ(order.size(), static_cast<std::size_t>(count));
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST_F(HatchInEngine, many_threads_ask_and_each_gets_its_answer) {
  Ledger ledger;
  ThreadEngine engine(with(3));
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < rounds(20'000); ++i) {
        int answer = -1;
        ask(engine, ledger, [&answer, i] { answer = i; });
        ASSERT_EQ(answer, i);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// The worker still searches when the pause begins.
TEST_F(HatchInEngine, what_is_handed_in_during_a_pause_begins_after_it) {
  Ledger ledger;
  ThreadEngine engine(with(1));
  for (int round = 0; round < rounds(2'000); ++round) {
    ask(engine, ledger, [] {});
    engine.pause();
    std::atomic<bool> ran{false};
    const Ref<Call> job = make<Call>(ledger, [&ran] { ran = true; });
    ASSERT_TRUE(submit(engine, job, {.attended = true}));
    for (int look = 0; look < 200; ++look) os::relax();
    ASSERT_FALSE(ran);
    engine.resume();
    testing::wait(job);
    ASSERT_TRUE(ran);
  }
}

// Handed in or refused, at the very end.
TEST_F(HatchInEngine, an_end_meanwhile_leaves_no_call_without_an_answer) {
  for (int round = 0; round < rounds(1'000); ++round) {
    Ledger ledger;
    ThreadEngine engine(with(2));
    std::atomic<bool> asked{false};
    std::thread asker([&] {
      for (int i = 0; i < 50; ++i) {
        ask(engine, ledger, [] {});
        asked = true;
      }
    });
    await([&] { return asked.load(); });
    engine.terminate();
    asker.join();
  }
}

}  // namespace
}  // namespace muster::engine::thread
