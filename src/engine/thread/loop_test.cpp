// Loops: each item is run once, whoever comes and goes.

#include <gtest/gtest.h>

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
using testing::submit;
using testing::Sweep;
using testing::with;

// On workers like all others, and on special ones, where callers only wait.
struct Kind {
  int workers;
  bool special;
};

class ThreadEngineLoop : public NoThreadLeaks, public ::testing::WithParamInterface<Kind> {
 protected:
  static Settings settings() {
    Settings settings = with(GetParam().workers);
    if (GetParam().special) settings.hooks.worker_enter = [] {};
    return settings;
  }
};
INSTANTIATE_TEST_SUITE_P(, ThreadEngineLoop,
                         ::testing::Values(Kind{1, false}, Kind{1, true}, Kind{3, false}, Kind{3, true}),
                         [](const auto& tested) {
                           return std::to_string(tested.param.workers) + (tested.param.special ? "_special" : "_plain");
                         });

constexpr std::size_t kSizes[] = {0, 1, 2, 3, 63, 64, 65, 1000, 20'011};

TEST_P(ThreadEngineLoop, runs_each_item_once) {
  ThreadEngine engine(settings());
  for (const std::size_t size : kSizes) {
    for (const std::size_t chunk : {0U, 1U, 7U, 100'000U}) {
      Range range(size);
      range.chunk = chunk;
      EXPECT_TRUE(engine.run(range, {}));
      EXPECT_TRUE(range.each_once()) << size << " by " << chunk;
    }
  }
}

TEST_P(ThreadEngineLoop, of_known_pace_runs_each_item_once) {
  ThreadEngine engine(settings());
  for (const std::size_t size : kSizes) {
    for (const std::uint64_t pace : {std::uint64_t{1}, std::uint64_t{1000}, std::uint64_t{1'000'000}, UINT64_MAX}) {
      detail::Pace known{pace};
      Range range(size);
      range.pace = &known;
      EXPECT_TRUE(engine.run(range, {}));
      EXPECT_TRUE(range.each_once()) << size << " at " << pace;
    }
  }
}

TEST_P(ThreadEngineLoop, from_many_callers_at_once_runs_each_item_once) {
  ThreadEngine engine(settings());
  std::vector<std::thread> callers;
  for (int t = 0; t < 3; ++t) {
    callers.emplace_back([&, t] {
      testing::Dice dice(static_cast<std::uint64_t>(t));
      for (int round = 0; round < rounds(300); ++round) {
        Range range(static_cast<std::size_t>(dice.below(200)));
        range.chunk = static_cast<std::size_t>(dice.below(5));
        EXPECT_TRUE(engine.run(range, {}));
        EXPECT_TRUE(range.each_once());
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
}

TEST_P(ThreadEngineLoop, of_loops_of_loops_runs_each_item_once) {
  ThreadEngine engine(settings());
  std::atomic<int> leaves{0};
  Range outer(10, [&](std::size_t) {
    Range middle(10, [&](std::size_t) {
      Range inner(10, [&](std::size_t) { ++leaves; });
      EXPECT_TRUE(engine.run(inner, {}));
      EXPECT_TRUE(inner.each_once());
    });
    EXPECT_TRUE(engine.run(middle, {}));
    EXPECT_TRUE(middle.each_once());
  });
  EXPECT_TRUE(engine.run(outer, {}));
  EXPECT_TRUE(outer.each_once());
  EXPECT_EQ(leaves, 1000);
}

TEST_P(ThreadEngineLoop, that_is_a_task_runs_each_item_once_and_settles_once) {
  Ledger ledger;
  ThreadEngine engine(settings());
  for (const std::size_t size : kSizes) {
    const auto sweep = make<Sweep>(ledger, size);
    submit(engine, sweep);
    EXPECT_EQ(testing::wait(sweep), Wait::kDone);
    EXPECT_TRUE(sweep->range.each_once());
  }
}

// More than the board has room for.
TEST_P(ThreadEngineLoop, a_hundred_tasks_at_once_run_each_item_once) {
  Ledger ledger;
  ThreadEngine engine(settings());
  for (int round = 0; round < rounds(20); ++round) {
    std::vector<Ref<Sweep>> sweeps;
    for (int i = 0; i < 100; ++i) {
      sweeps.push_back(make<Sweep>(ledger, std::size_t{50}));
      sweeps.back()->range.chunk = 1;
      submit(engine, sweeps.back());
    }
    for (const auto& sweep : sweeps) {
      EXPECT_EQ(testing::wait(sweep), Wait::kDone);
      EXPECT_TRUE(sweep->range.each_once());
    }
  }
}

TEST_P(ThreadEngineLoop, a_hundred_callers_at_once_all_come_home) {
  ThreadEngine engine(settings());
  std::vector<std::thread> callers;
  Meeting meeting(100);
  for (int t = 0; t < 100; ++t) {
    callers.emplace_back([&] {
      meeting.join();
      Range range(20, [](std::size_t) { os::yield(); });
      range.chunk = 1;
      EXPECT_TRUE(engine.run(range, {}));
      EXPECT_TRUE(range.each_once());
    });
  }
  for (std::thread& caller : callers) caller.join();
}

TEST_P(ThreadEngineLoop, hands_out_nothing_more_once_a_chunk_says_stop) {
  ThreadEngine engine(settings());
  for (int round = 0; round < rounds(200); ++round) {
    Range range(1000);
    range.chunk = 3;
    range.stop_at = static_cast<std::size_t>(round);
    EXPECT_TRUE(engine.run(range, {}));
    EXPECT_TRUE(range.stopped);
    EXPECT_TRUE(range.each_at_most_once());
    EXPECT_TRUE(range.ran(range.stop_at));
    EXPECT_TRUE(range.has_no_holes());
  }
}

TEST_P(ThreadEngineLoop, stopped_from_outside_ends) {
  ThreadEngine engine(settings());
  Range range(1'000'000);
  range.chunk = 1;
  std::thread stopper([&] {
    await([&] { return range.ran(10); });
    range.stopped = true;
  });
  EXPECT_TRUE(engine.run(range, {}));
  stopper.join();
  EXPECT_TRUE(range.each_at_most_once());
  EXPECT_TRUE(range.has_no_holes());
}

TEST_P(ThreadEngineLoop, cancelled_before_its_begin_runs_nothing) {
  Ledger ledger;
  ThreadEngine engine(settings());
  std::atomic<int> busy{0};
  std::atomic<bool> go{false};
  for (int i = 0; i < engine.workers(); ++i) {
    post(engine, ledger, [&] {
      ++busy;
      await([&] { return go.load(); });
    });
  }
  await([&] { return busy == engine.workers(); });
  const auto sweep = make<Sweep>(ledger, std::size_t{10});
  submit(engine, sweep);
  EXPECT_TRUE(testing::cancel(sweep));
  go = true;
  testing::end(engine);
  EXPECT_FALSE(sweep->range.ran(0));
}

// Items that all wait for one another: every permit must come to be used, the caller's included.
TEST_P(ThreadEngineLoop, as_many_items_as_workers_run_at_the_same_time) {
  ThreadEngine engine(settings());
  for (int round = 0; round < rounds(3000); ++round) {
    Meeting meeting(engine.workers());
    Range range(static_cast<std::size_t>(engine.workers()), [&](std::size_t) { meeting.join(); });
    range.chunk = 1;
    EXPECT_TRUE(engine.run(range, {}));
  }
}

TEST_P(ThreadEngineLoop, as_many_items_of_a_task_as_workers_run_at_the_same_time) {
  Ledger ledger;
  ThreadEngine engine(settings());
  for (int round = 0; round < rounds(3000); ++round) {
    Meeting meeting(engine.workers());
    const auto sweep =
        make<Sweep>(ledger, static_cast<std::size_t>(engine.workers()), [&](std::size_t) { meeting.join(); });
    sweep->range.chunk = 1;
    submit(engine, sweep);
    testing::wait(sweep);
  }
}

class ThreadEngineWornOut : public NoThreadLeaks {};

// What a loop's end calls runs on a worker that may be about to be replaced.
TEST_F(ThreadEngineWornOut, loop_that_is_run_from_the_end_of_another_ends) {
  Ledger ledger;
  ThreadEngine engine(with(1, 1));
  for (int round = 0; round < 20; ++round) {
    bool inner_ran = false;
    const auto sweep = make<Sweep>(ledger, std::size_t{3}, Range::Item{}, [&] {
      Range inner(5);
      inner.chunk = 1;
      EXPECT_TRUE(engine.run(inner, {}));
      inner_ran = inner.each_once();
    });
    sweep->range.chunk = 1;
    submit(engine, sweep);
    testing::wait(sweep);
    EXPECT_TRUE(inner_ran);
  }
}

}  // namespace
}  // namespace muster::engine::thread
