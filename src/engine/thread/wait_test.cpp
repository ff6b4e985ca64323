// Waiting: inside tasks it keeps nobody from going on and runs nothing unrelated; everywhere it ends.

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "engine/thread/testing.hpp"
#include "engine/thread/thread_engine.hpp"

namespace muster::engine::thread {
namespace {

using detail::kForever;
using testing::await;
using testing::Call;
using testing::call;
using testing::Ledger;
using testing::make;
using testing::Meeting;
using testing::NoThreadLeaks;
using testing::post;
using testing::Range;
using testing::Ref;
using testing::rounds;
using testing::sanitized;
using testing::submit;
using testing::Sweep;
using testing::with;

class ThreadEngineWait : public NoThreadLeaks {};

Settings special(int workers) {
  Settings settings = with(workers);
  settings.hooks.worker_enter = [] {};
  return settings;
}

// Takes a while that differs from round to round, about as long as a waiter spins before it sleeps.
void dawdle(int round) {
  for (int spin = (round * 37) % 400; spin > 0; --spin) os::relax();
}

// ---- from outside ---------------------------------------------------------------------------------------------------

TEST_F(ThreadEngineWait, outside_ends_at_its_deadline) {
  Ledger ledger;
  ThreadEngine engine(with(1));
  std::atomic<bool> go{false};
  const auto job = call(engine, ledger, [&] { await([&] { return go.load(); }); });
  EXPECT_EQ(testing::wait(job, 0), Wait::kTimedOut);
  EXPECT_EQ(testing::wait(job, os::now() + testing::kMillisecond), Wait::kTimedOut);
  go = true;
  EXPECT_EQ(testing::wait(job, kForever), Wait::kDone);
  EXPECT_EQ(testing::wait(job, 0), Wait::kDone);
}

// ---- claiming -------------------------------------------------------------------------------------------------------

TEST_F(ThreadEngineWait, on_the_only_worker_runs_what_it_awaits) {
  for (const Settings& settings : {with(1), special(1), with(1, 1)}) {
    Ledger ledger;
    ThreadEngine engine(settings);
    const auto outer = call(engine, ledger, [&] {
      const auto inner = call(engine, ledger, [&] {
        const auto innermost = call(engine, ledger, [] {});
        EXPECT_EQ(testing::wait(innermost), Wait::kDone);
      });
      EXPECT_EQ(testing::wait(inner), Wait::kDone);
    });
    EXPECT_EQ(testing::wait(outer), Wait::kDone);
  }
}

// What a waiter has begun itself, or somebody has cancelled, does not stay in the deque for as long as the worker is
// busy.
TEST_F(ThreadEngineWait, in_a_long_task_leaves_few_dead_ones_behind) {
  for (const int workers : {1, 3}) {
    Ledger ledger;
    ThreadEngine engine(with(workers));
    int most = 0;
    const auto outer = call(engine, ledger, [&] {
      for (int round = 0; round < rounds(5000); ++round) {
        const auto first = call(engine, ledger, [] {});
        const auto second = call(engine, ledger, [&] { testing::wait(call(engine, ledger, [] {})); });
        const auto third = call(engine, ledger, [] {});
        testing::wait(first);
        cancel(third);
        testing::wait(second);
        most = std::max(most, ledger.made - ledger.destroyed);
      }
    });
    EXPECT_EQ(testing::wait(outer), Wait::kDone);
    EXPECT_LE(most, 8 * static_cast<int>(Worker::kFewest));
  }
}

TEST_F(ThreadEngineWait, sweeping_the_dead_out_keeps_the_living) {
  Ledger ledger;
  ThreadEngine engine(with(2));
  std::atomic<int> ran{0};
  const auto outer = call(engine, ledger, [&] {
    for (int i = 0; i < rounds(20'000); ++i) {
      post(engine, ledger, [&] { ++ran; });
      const auto dead = call(engine, ledger, [] {});
      post(engine, ledger, [&] { ++ran; });
      if (i % 3 != 0) testing::wait(dead);
    }
  });
  EXPECT_EQ(testing::wait(outer), Wait::kDone);
  testing::end(engine);
  EXPECT_EQ(ran, 2 * rounds(20'000));
}

TEST_F(ThreadEngineWait, on_the_only_worker_runs_what_was_submitted_from_outside) {
  Ledger ledger;
  ThreadEngine engine(with(1));
  std::atomic<bool> go{false};
  Ref<Call> awaited;
  const auto waiter = call(engine, ledger, [&] {
    await([&] { return go.load(); });
    EXPECT_EQ(testing::wait(awaited), Wait::kDone);
  });
  for (int i = 0; i < 10; ++i) post(engine, ledger, [&] { EXPECT_TRUE(waiter->done()); });
  awaited = call(engine, ledger, [&] { EXPECT_FALSE(waiter->done()); });
  go = true;
  EXPECT_EQ(testing::wait(waiter), Wait::kDone);
  EXPECT_TRUE(engine.drain(kForever));
}

TEST_F(ThreadEngineWait, of_many_for_the_same_task_runs_it_once) {
  Ledger ledger;
  ThreadEngine engine(with(3));
  for (int round = 0; round < rounds(1000); ++round) {
    std::atomic<int> ran{0};
    const auto shared = make<Call>(ledger, [&] { ++ran; });
    std::atomic<bool> submitted{false};
    std::vector<Ref<Call>> waiters;
    for (int i = 0; i < 3; ++i) {
      waiters.push_back(call(engine, ledger, [&] {
        await([&] { return submitted.load(); });
        EXPECT_EQ(testing::wait(shared), Wait::kDone);
      }));
      if (i == 1) submitted = submit(engine, shared);
    }
    for (const auto& waiter : waiters) testing::wait(waiter);
    EXPECT_EQ(ran, 1);
  }
}

// Each task of the chain waits for the next one.
struct Chain {
  ThreadEngine& engine;
  Ledger& ledger;
  int ran = 0;

  void link(int left) {
    ++ran;
    if (left == 0) return;
    const auto next = call(engine, ledger, [this, left] { link(left - 1); });
    EXPECT_EQ(testing::wait(next), Wait::kDone);
  }
};

TEST_F(ThreadEngineWait, in_a_chain_deeper_than_any_stack_ends) {
  const int depth = sanitized() ? 1000 : 100'000;  // ThreadSanitizer bears no more frames
  for (const int workers : {1, 2}) {
    Ledger ledger;
    ThreadEngine engine(with(workers));
    Chain chain{engine, ledger};
    testing::wait(call(engine, ledger, [&] { chain.link(depth); }));
    EXPECT_EQ(chain.ran, depth + 1);
  }
}

TEST_F(ThreadEngineWait, in_a_chain_deeper_than_any_stack_ends_on_special_workers_too) {
  const int depth = sanitized() ? 1000 : 100'000;  // ThreadSanitizer bears no more frames
  Ledger ledger;
  ThreadEngine engine(special(1));
  Chain chain{engine, ledger};
  testing::wait(call(engine, ledger, [&] { chain.link(depth); }));
  EXPECT_EQ(chain.ran, depth + 1);
}

TEST_F(ThreadEngineWait, at_the_bottom_of_a_chain_may_run_loops) {
  for (const Settings& settings : {with(1), special(1)}) {
    Ledger ledger;
    ThreadEngine engine(settings);
    bool ran = false;
    std::function<void(int)> dig = [&](int left) {
      std::array<volatile char, 65'536> frame{};
      frame[0] = 1;
      if (left == 0) {
        Range range(100);
        EXPECT_TRUE(engine.run(range, {}));
        EXPECT_TRUE(range.each_once());
        ran = true;
        return;
      }
      const auto next = call(engine, ledger, [&, left] { dig(left - 1); });
      EXPECT_EQ(testing::wait(next), Wait::kDone);
    };
    testing::wait(call(engine, ledger, [&] { dig(400); }));
    EXPECT_TRUE(ran);
  }
}

// ---- deadlines inside tasks -----------------------------------------------------------------------------------------

TEST_F(ThreadEngineWait, inside_ends_at_its_deadline) {
  Ledger ledger;
  ThreadEngine engine(with(2));
  Meeting begun(2);
  std::atomic<bool> go{false};
  const auto awaited = call(engine, ledger, [&] {
    begun.join();
    await([&] { return go.load(); });
  });
  const auto waiter = call(engine, ledger, [&] {
    begun.join();
    EXPECT_EQ(testing::wait(awaited, os::now() + testing::kMillisecond), Wait::kTimedOut);
    go = true;
    EXPECT_EQ(testing::wait(awaited, kForever), Wait::kDone);
  });
  testing::wait(waiter);
}

TEST_F(ThreadEngineWait, that_asks_for_none_runs_nothing) {
  Ledger ledger;
  ThreadEngine engine(with(2));
  Meeting begun(2);
  Meeting ready(2);
  std::atomic<bool> polled{false};
  const auto begun_elsewhere = call(engine, ledger, [&] {
    begun.join();
    post(engine, ledger, [&] { await([&] { return polled.load(); }); });
    ready.join();
    await([&] { return polled.load(); });
  });
  const auto poller = call(engine, ledger, [&] {
    begun.join();
    const auto queued = call(engine, ledger, [&] { EXPECT_TRUE(polled); });
    EXPECT_EQ(testing::wait(queued, 0), Wait::kTimedOut);
    ready.join();
    EXPECT_EQ(testing::wait(begun_elsewhere, 0), Wait::kTimedOut);
    polled = true;
  });
  testing::wait(poller);
  testing::wait(begun_elsewhere);
  EXPECT_TRUE(engine.drain(kForever));
}

// ---- helping --------------------------------------------------------------------------------------------------------

// What the awaited task submits and then needs, without a wait that could claim it: only the waiter can run it.
TEST_F(ThreadEngineWait, helps_with_what_the_awaited_task_submits) {
  Ledger ledger;
  ThreadEngine engine(with(2));
  for (int round = 0; round < rounds(2000); ++round) {
    Meeting begun(2);
    const auto awaited = call(engine, ledger, [&] {
      begun.join();
      dawdle(round);
      for (int i = 0; i < 3; ++i) {
        std::atomic<bool> ran{false};
        const auto child = call(engine, ledger, [&] { ran = true; });
        await([&] { return ran.load(); });
        testing::wait(child);
      }
    });
    const auto waiter = call(engine, ledger, [&] {
      begun.join();
      EXPECT_EQ(testing::wait(awaited), Wait::kDone);
    });
    testing::wait(waiter);
  }
}

TEST_F(ThreadEngineWait, helps_with_the_loops_of_the_awaited_task) {
  Ledger ledger;
  ThreadEngine engine(with(2));
  for (int round = 0; round < rounds(2000); ++round) {
    Meeting begun(2);
    const auto awaited = call(engine, ledger, [&] {
      begun.join();
      dawdle(round);
      Meeting meeting(2);
      Range range(2, [&](std::size_t) { meeting.join(); });
      range.chunk = 1;
      EXPECT_TRUE(engine.run(range, {}));
    });
    const auto waiter = call(engine, ledger, [&] {
      begun.join();
      EXPECT_EQ(testing::wait(awaited), Wait::kDone);
    });
    testing::wait(waiter);
  }
}

TEST_F(ThreadEngineWait, helps_with_the_loop_task_that_it_awaits) {
  Ledger ledger;
  ThreadEngine engine(with(2));
  for (int round = 0; round < rounds(2000); ++round) {
    Meeting begun(2);
    Meeting meeting(2);
    const auto sweep = make<Sweep>(ledger, std::size_t{2}, [&](std::size_t) {
      dawdle(round);
      meeting.join();
    });
    sweep->range.chunk = 1;
    const auto sibling = call(engine, ledger, [&] {
      begun.join();
      EXPECT_EQ(testing::wait(sweep), Wait::kDone);
    });
    const auto waiter = call(engine, ledger, [&] {
      submit(engine, sweep);
      begun.join();
      EXPECT_EQ(testing::wait(sweep), Wait::kDone);
    });
    testing::wait(waiter);
    testing::wait(sibling);
  }
}

TEST_F(ThreadEngineWait, that_sleeps_is_stirred_when_the_awaited_loop_is_announced) {
  Ledger ledger;
  ThreadEngine engine(with(2));
  Meeting begun(2);
  Meeting meeting(2);
  const auto sweep = make<Sweep>(ledger, std::size_t{2}, [&](std::size_t) { meeting.join(); });
  sweep->range.chunk = 1;
  const auto sleeper = call(engine, ledger, [&] {
    begun.join();
    EXPECT_EQ(testing::wait(sweep), Wait::kDone);
  });
  const auto beginner = call(engine, ledger, [&] {
    submit(engine, sweep);
    EXPECT_TRUE(sweep->begin());
    begun.join();
    await([&] { return (sweep->state.load() & detail::kSleepers) != 0; });
    engine.lend(*sweep);
  });
  EXPECT_EQ(testing::wait(sleeper), Wait::kDone);
  EXPECT_EQ(testing::wait(beginner), Wait::kDone);
}

// A lock held across a wait must never be taken again by something unrelated on the same stack.
TEST_F(ThreadEngineWait, runs_nothing_unrelated) {
  thread_local const void* held_for = nullptr;
  Ledger ledger;
  ThreadEngine engine(with(2));
  std::atomic<bool> over{false};
  const auto unrelated = [] { EXPECT_EQ(held_for, nullptr); };
  std::thread flood([&] {
    while (!over) {
      post(engine, ledger, unrelated);
      const auto sweep = make<Sweep>(ledger, std::size_t{2}, [&](std::size_t) { unrelated(); }, unrelated);
      sweep->range.chunk = 1;
      submit(engine, sweep);
      Range range(2, [&](std::size_t) { unrelated(); });
      engine.run(range, {});
      EXPECT_TRUE(engine.drain(kForever) || over);
    }
  });
  const auto critical = [&](int round) {
    const int mine = round;
    const auto related = [&mine] { EXPECT_TRUE(held_for == nullptr || held_for == &mine); };
    EXPECT_EQ(held_for, nullptr);
    post(engine, ledger, unrelated);
    held_for = &mine;
    Range range(4, [&](std::size_t) { related(); });
    range.chunk = 1;
    EXPECT_TRUE(engine.run(range, {}));
    const auto child = call(engine, ledger, [&] {
      related();
      dawdle(round);
    });
    dawdle(round);
    EXPECT_EQ(testing::wait(child), Wait::kDone);
    held_for = nullptr;
  };
  for (int round = 0; round < rounds(3000); ++round) {
    const auto left = call(engine, ledger, [&, round] { critical(round); });
    const auto right = call(engine, ledger, [&, round] { critical(round); });
    testing::wait(left);
    testing::wait(right);
  }
  over = true;
  flood.join();
}

// ---- several pools --------------------------------------------------------------------------------------------------

TEST_F(ThreadEngineWait, back_and_forth_between_two_pools_of_one_worker_ends) {
  Ledger ledger;
  ThreadEngine first(with(1));
  ThreadEngine second(with(1));
  for (int round = 0; round < rounds(2000); ++round) {
    const auto outer = call(first, ledger, [&] {
      const auto middle = call(second, ledger, [&] {
        const auto inner = call(first, ledger, [&] {
          const auto innermost = call(second, ledger, [] {});
          EXPECT_EQ(testing::wait(innermost), Wait::kDone);
        });
        EXPECT_EQ(testing::wait(inner), Wait::kDone);
      });
      dawdle(round);
      EXPECT_EQ(testing::wait(middle), Wait::kDone);
    });
    EXPECT_EQ(testing::wait(outer), Wait::kDone);
  }
}

// The task of the second pool goes to sleep before anybody waits for it.
TEST_F(ThreadEngineWait, that_comes_second_lets_the_first_lend) {
  Ledger ledger;
  ThreadEngine first(with(1));
  ThreadEngine second(with(1));
  Ref<Call> inner;
  const auto outer = call(first, ledger, [&] {
    inner = call(first, ledger, [] {});
    const auto middle = call(second, ledger, [&] { EXPECT_EQ(testing::wait(inner), Wait::kDone); });
    await([&] { return (inner->state.load() & (detail::kSleepers | Task::kDone)) != 0; });
    EXPECT_EQ(testing::wait(middle), Wait::kDone);
  });
  EXPECT_EQ(testing::wait(outer), Wait::kDone);
}

TEST_F(ThreadEngineWait, for_a_task_of_another_pool_that_runs_a_loop_here_ends) {
  Ledger ledger;
  ThreadEngine first(with(1));
  ThreadEngine second(with(1));
  for (int round = 0; round < rounds(2000); ++round) {
    const auto outer = call(first, ledger, [&] {
      const auto middle = call(second, ledger, [&] {
        Range range(10);
        range.chunk = 1;
        EXPECT_TRUE(first.run(range, {}));
        EXPECT_TRUE(range.each_once());
      });
      dawdle(round);
      EXPECT_EQ(testing::wait(middle), Wait::kDone);
    });
    EXPECT_EQ(testing::wait(outer), Wait::kDone);
  }
}

// The pool's last task is settled by a thread of another pool that claimed it, and then the pool is gone.
TEST_F(ThreadEngineWait, by_another_pools_task_lets_go_of_the_pool_before_it_ends) {
  Ledger ledger;
  ThreadEngine other(with(1));
  for (int round = 0; round < rounds(500); ++round) {
    auto engine = std::make_unique<ThreadEngine>(with(1));
    std::atomic<bool> go{false};
    post(*engine, ledger, [&] { await([&] { return go.load(); }); });
    const auto job = call(*engine, ledger, [&go] { go = true; });
    const auto waiter = call(other, ledger, [&, home = engine.get()] {
      // Nothing of the engine may be touched by who has not won one of its tasks.
      if (job->begin()) {
        home->lend(*job);
      } else {
        detail::await_bits(job->state, Task::kDone, kForever, detail::Scope::kPrivate);
      }
    });
    EXPECT_TRUE(engine->drain(kForever));
    engine.reset();
    testing::wait(waiter);
  }
}

}  // namespace
}  // namespace muster::engine::thread
