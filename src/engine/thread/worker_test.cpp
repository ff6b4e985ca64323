// A worker's life: hooks, replacement, what it shows of itself, and that it costs nothing while there is no work.

#include "engine/thread/worker.hpp"

#include <gtest/gtest.h>

#include <mutex>
#include <set>
#include <stdexcept>
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

class ThreadEngineWorker : public NoThreadLeaks {};

// ---- hooks ----------------------------------------------------------------------------------------------------------

TEST_F(ThreadEngineWorker, enters_before_its_first_task_and_leaves_after_its_last) {
  thread_local bool entered = false;
  std::atomic<int> enters{0};
  std::atomic<int> leaves{0};
  Ledger ledger;
  Settings settings = with(3);
  settings.hooks.worker_enter = [&] {
    EXPECT_FALSE(entered);
    entered = true;
    ++enters;
  };
  settings.hooks.worker_leave = [&] {
    EXPECT_TRUE(entered);
    entered = false;
    ++leaves;
  };
  {
    ThreadEngine engine(settings);
    EXPECT_EQ(enters, 3);
    for (int i = 0; i < 100; ++i) post(engine, ledger, [] { EXPECT_TRUE(entered); });
    Range range(100, [](std::size_t) { EXPECT_TRUE(entered); });
    EXPECT_TRUE(engine.run(range, {}));
    EXPECT_TRUE(engine.drain(kForever));
    EXPECT_EQ(leaves, 0);
  }
  EXPECT_EQ(enters, 3);
  EXPECT_EQ(leaves, 3);
}

TEST_F(ThreadEngineWorker, that_cannot_enter_fails_the_constructor) {
  std::atomic<int> enters{0};
  std::atomic<int> leaves{0};
  Settings settings = with(3);
  settings.hooks.worker_enter = [&] {
    if (++enters == 2) throw std::domain_error("no");
  };
  settings.hooks.worker_leave = [&] { ++leaves; };
  EXPECT_THROW(ThreadEngine engine(settings), std::domain_error);
  EXPECT_EQ(enters, 3);
  EXPECT_EQ(leaves, 2);
}

TEST_F(ThreadEngineWorker, that_cannot_be_replaced_ends_the_engine_and_says_why) {
  Ledger ledger;
  std::atomic<int> enters{0};
  Settings settings = with(1, 1);
  settings.hooks.worker_enter = [&] {
    if (++enters == 2) throw std::domain_error("no");
  };
  ThreadEngine engine(settings);
  EXPECT_EQ(engine.failure(), nullptr);
  std::atomic<bool> go{false};
  const auto first = call(engine, ledger, [&] { await([&] { return go.load(); }); });
  const auto second = call(engine, ledger, [] { ADD_FAILURE() << "there is no worker to run it"; });
  go = true;
  testing::wait(second);
  EXPECT_FALSE(first->dropped());
  EXPECT_TRUE(second->dropped());
  EXPECT_THROW(std::rethrow_exception(engine.failure()), std::domain_error);
  EXPECT_FALSE(submit(engine, make<Call>(ledger, [] {})));
}

TEST_F(ThreadEngineWorker, brackets_its_batches) {
  thread_local int open = 0;
  std::atomic<int> begins{0};
  std::atomic<int> ends{0};
  Ledger ledger;
  Settings settings = with(2);
  settings.hooks.batch_begin = [&] {
    EXPECT_EQ(open++, 0);
    ++begins;
  };
  settings.hooks.batch_end = [&] {
    EXPECT_EQ(--open, 0);
    ++ends;
  };
  {
    ThreadEngine engine(settings);
    for (int round = 0; round < 50; ++round) {
      const int before = ends;
      const auto job = call(engine, ledger, [] { EXPECT_EQ(open, 1); });
      testing::wait(job);
      await([&] { return ends > before; });
    }
  }
  EXPECT_EQ(begins, ends);
}

TEST_F(ThreadEngineWorker, bears_the_pools_name_and_its_number) {
  Ledger ledger;
  Settings settings = with(1);
  settings.name = "muster";
  ThreadEngine engine(settings);
  testing::wait(call(engine, ledger, [] { EXPECT_EQ(os::thread_name(), "muster/0"); }));
}

// ---- replacement ----------------------------------------------------------------------------------------------------

// Counts the tasks of each thread, and which threads live between their thread-locals' birth and death.
struct Lives {
  std::atomic<int> alive{0};
  std::atomic<int> born{0};

  struct Soul {
    explicit Soul(Lives& of) : lives(of) {
      ++lives.born;
      EXPECT_EQ(++lives.alive, 1) << "the one before still lives";
    }
    ~Soul() { --lives.alive; }
    Soul(const Soul&) = delete;
    Soul& operator=(const Soul&) = delete;
    Lives& lives;
    int tasks = 0;
  };
};

// Set before any worker is started, for the thread-local object's constructor.
Lives* g_lives = nullptr;

Lives::Soul& soul() {
  thread_local Lives::Soul mine(*g_lives);
  return mine;
}

TEST_F(ThreadEngineWorker, is_replaced_after_exactly_so_many_tasks_and_gone_before_its_successor_enters) {
  Lives lives;
  g_lives = &lives;
  Ledger ledger;
  std::atomic<int> enters{0};
  Settings settings = with(1, 5);
  settings.hooks.worker_enter = [&] {
    ++enters;
    soul();
  };
  {
    ThreadEngine engine(settings);
    for (int i = 0; i < 50; ++i) {
      post(engine, ledger, [i] { EXPECT_EQ(soul().tasks++, i % 5); });
    }
    testing::end(engine);
  }
  EXPECT_EQ(lives.alive, 0);
  EXPECT_GE(lives.born, 10);
  EXPECT_LE(lives.born, 11);
  EXPECT_EQ(enters, lives.born);
}

TEST_F(ThreadEngineWorker, counts_chunks_as_tasks) {
  Lives lives;
  g_lives = &lives;
  Ledger ledger;
  Settings settings = with(1, 2);
  {
    ThreadEngine engine(settings);
    const auto sweep = make<Sweep>(ledger, std::size_t{20}, [](std::size_t) { EXPECT_LT(soul().tasks++, 2); });
    sweep->range.chunk = 1;
    submit(engine, sweep);
    testing::wait(sweep);
    EXPECT_TRUE(sweep->range.each_once());
    testing::end(engine);
  }
  EXPECT_EQ(lives.born, 10);
}

TEST_F(ThreadEngineWorker, is_not_worn_out_by_tasks_that_others_ran_or_cancelled) {
  Lives lives;
  g_lives = &lives;
  Ledger ledger;
  Settings settings = with(1, 2);
  {
    ThreadEngine engine(settings);
    std::atomic<bool> go{false};
    post(engine, ledger, [&] {
      ++soul().tasks;
      await([&] { return go.load(); });
    });
    for (int i = 0; i < 10; ++i) {
      const auto job = call(engine, ledger, [] {});
      EXPECT_TRUE(testing::cancel(job));
    }
    post(engine, ledger, [] { EXPECT_EQ(soul().tasks++, 1); });
    go = true;
    testing::end(engine);
  }
  EXPECT_EQ(lives.born, 1);
}

TEST_F(ThreadEngineWorker, replaced_all_the_time_loses_nothing) {
  for (const int quota : {1, 3}) {
    Ledger ledger;
    ThreadEngine engine(with(2, quota));
    for (int round = 0; round < rounds(50); ++round) {
      std::vector<Ref<Sweep>> sweeps;
      for (int i = 0; i < 5; ++i) {
        sweeps.push_back(make<Sweep>(ledger, std::size_t{7}));
        sweeps.back()->range.chunk = 2;
        submit(engine, sweeps.back());
        post(engine, ledger, [&] {
          const auto inner = call(engine, ledger, [] {});
          EXPECT_EQ(testing::wait(inner), Wait::kDone);
          Range range(3);
          range.chunk = 1;
          EXPECT_TRUE(engine.run(range, {}));
          EXPECT_TRUE(range.each_once());
        });
      }
      for (const auto& sweep : sweeps) {
        testing::wait(sweep);
        EXPECT_TRUE(sweep->range.each_once());
      }
      EXPECT_TRUE(engine.drain(kForever));
    }
  }
}

// ---- idling ---------------------------------------------------------------------------------------------------------

// Waits on the clock's own futex, so that the test burns nothing itself.
void rest(Nanos time) {
  const std::atomic<std::uint32_t> word{0};
  const Nanos end = os::now() + time;
  while (os::now() < end) os::futex_wait(word, 0, os::Scope::kPrivate, end);
}

TEST_F(ThreadEngineWorker, without_work_burns_no_time) {
  Ledger ledger;
  Settings special = with(4);
  special.hooks.worker_enter = [] {};
  for (const Settings& settings : {with(4), special}) {
    ThreadEngine engine(settings);
    // Loops of callers that only wait, one after another in the same slots, and tasks.
    std::vector<std::thread> callers;
    for (int t = 0; t < 3; ++t) {
      callers.emplace_back([&] {
        for (int round = 0; round < rounds(2000); ++round) {
          Range range(3);
          range.chunk = 1;
          engine.run(range, {});
          post(engine, ledger, [] {});
        }
      });
    }
    for (std::thread& caller : callers) caller.join();
    EXPECT_TRUE(engine.drain(kForever));
    rest(10 * testing::kMillisecond);  // the last ones lie down
    constexpr Nanos kIdle = 200 * testing::kMillisecond;
    const Nanos before = os::process_cpu_time();
    rest(kIdle);
    // One worker that never sleeps would burn all of it.
    EXPECT_LT(os::process_cpu_time() - before, kIdle / 4);
  }
}

// ---- frames ---------------------------------------------------------------------------------------------------------

TEST(Frames, shows_the_outermost_and_finds_the_lowest) {
  Frames frames;
  std::array<std::atomic<std::uint32_t>, 3> words{};
  EXPECT_EQ(frames.shown(), 0);
  EXPECT_EQ(frames.find(words.data()), -1);
  frames.push(&words[0], 5, &typeid(int));
  frames.push(&words[1], 7, &typeid(char));
  frames.push(&words[0], 9, &typeid(long));
  EXPECT_EQ(frames.shown(), 3);
  EXPECT_EQ(frames.find(&words[0]), 0);
  EXPECT_EQ(frames.find(&words[1]), 1);
  EXPECT_EQ(frames.find(&words[2]), -1);
  EXPECT_EQ(frames[1].base, 7);
  EXPECT_EQ(frames[1].what, &typeid(char));
  frames.pop();
  frames.pop();
  EXPECT_EQ(frames.find(&words[1]), -1);
  EXPECT_EQ(frames.find(&words[0]), 0);
}

TEST(Frames, deeper_than_shown_are_counted) {
  Frames frames;
  std::atomic<std::uint32_t> deep{0};
  for (int i = 0; i < Frames::kShown; ++i) frames.push(nullptr, i, nullptr);
  frames.push(&deep, 99, nullptr);
  EXPECT_EQ(frames.shown(), Frames::kShown);
  EXPECT_EQ(frames.find(&deep), -1);
  frames.pop();
  EXPECT_EQ(frames.shown(), Frames::kShown);
  frames.pop();
  EXPECT_EQ(frames.shown(), Frames::kShown - 1);
}

}  // namespace
}  // namespace muster::engine::thread
