// Everything at once, in an order that dice decide: whatever happens, each task is settled once and each thread comes
// home. MUSTER_TEST_SEED repeats the dice of a run.

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
using testing::Dice;
using testing::Ledger;
using testing::make;
using testing::NoThreadLeaks;
using testing::post;
using testing::Range;
using testing::Ref;
using testing::rounds;
using testing::submit;
using testing::Sweep;
using testing::with;

class ThreadEngineRace : public NoThreadLeaks {};

Settings any_settings(Dice& dice) {
  Settings settings = with(1 + dice.below(4));
  switch (dice.below(4)) {
    case 0:
      settings.tasks_per_worker = 1 + dice.below(4);
      break;
    case 1:
      settings.hooks.worker_enter = [] {};
      break;
    default:
      break;
  }
  return settings;
}

// What a task or an outsider may do, so many steps deep.
void do_something(ThreadEngine& engine, Ledger& ledger, Dice& dice, int depth) {
  // A task's own dice: it may outlive the submitter's turn.
  const auto inner = [&engine, &ledger, stream = static_cast<std::uint64_t>(dice.below(1 << 30)), depth] {
    Dice own(stream);
    if (depth > 0 && own.below(3) != 0) do_something(engine, ledger, own, depth - 1);
  };
  const auto item = [inner](std::size_t at) {
    if (at == 0) inner();
  };
  switch (dice.below(7)) {
    case 0:
      post(engine, ledger, inner);
      break;
    case 1: {
      const auto job = make<Call>(ledger, inner);
      if (submit(engine, job)) testing::cancel(job);
      break;
    }
    case 2: {
      const auto job = make<Call>(ledger, inner);
      if (submit(engine, job, {.attended = true})) {
        EXPECT_EQ(testing::wait(job), Wait::kDone);
      }
      break;
    }
    case 3: {
      const auto job = make<Call>(ledger, inner);
      if (submit(engine, job)) testing::wait(job, os::now() + dice.below(20'000));
      break;
    }
    case 4: {
      Range range(static_cast<std::size_t>(dice.below(6)), item);
      range.chunk = static_cast<std::size_t>(dice.below(3));
      if (engine.run(range, {})) {
        EXPECT_TRUE(range.stopped ? range.each_at_most_once() : range.each_once());
      }
      break;
    }
    case 5: {
      const auto sweep = make<Sweep>(ledger, static_cast<std::size_t>(dice.below(6)), item, inner);
      sweep->range.chunk = static_cast<std::size_t>(dice.below(3));
      submit(engine, sweep);
      break;
    }
    default: {
      const auto sweep = make<Sweep>(ledger, static_cast<std::size_t>(dice.below(6)), item);
      if (submit(engine, sweep)) {
        EXPECT_EQ(testing::wait(sweep), Wait::kDone);
      }
      break;
    }
  }
}

// Threads that keep an engine busy until they are stopped or it refuses them.
class Crowd {
 public:
  Crowd(ThreadEngine& engine, Ledger& ledger, int count, std::uint64_t stream) {
    for (int t = 0; t < count; ++t) {
      threads_.emplace_back([this, &engine, &ledger, dice = Dice(stream + static_cast<std::uint64_t>(t))]() mutable {
        for (int step = 0; step < 40 && !over_; ++step) {
          do_something(engine, ledger, dice, 3);
          ++steps_;
        }
      });
    }
  }
  ~Crowd() { go_home(); }
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  void await_steps(int count) {
    await([&] { return steps_ >= count; });
  }
  void go_home() {
    over_ = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  std::atomic<bool> over_{false};
  std::atomic<int> steps_{0};
  std::vector<std::thread> threads_;
};

TEST_F(ThreadEngineRace, of_everything_with_the_end_settles_each_task_once) {
  for (int round = 0; round < rounds(300); ++round) {
    Dice dice(static_cast<std::uint64_t>(round) << 32U);
    Ledger ledger;
    ThreadEngine engine(any_settings(dice));
    Crowd crowd(engine, ledger, 2, (static_cast<std::uint64_t>(round) << 32U) + 1);
    crowd.await_steps(dice.below(60));
    const int how = dice.below(4);
    if (how == 0) crowd.go_home();
    if (how == 1) engine.terminate();
    engine.close();
    if (how == 2) {
      engine.drain(os::now() + dice.below(50'000));
      engine.terminate();
    }
    EXPECT_TRUE(engine.drain(kForever));
    crowd.go_home();
    EXPECT_TRUE(engine.drain(kForever));
    if (dice.below(2) == 0) engine.stop();
  }
}

TEST_F(ThreadEngineRace, of_everything_in_two_pools_that_wait_for_each_other_ends) {
  for (int round = 0; round < rounds(100); ++round) {
    Dice dice((static_cast<std::uint64_t>(round) << 32U) + 7777);
    Ledger ledger;
    ThreadEngine first(with(1 + dice.below(2)));
    ThreadEngine second(with(1 + dice.below(2)));
    // Deeper tasks wait only for those below them, so the waits have no circle.
    std::function<void(std::uint64_t, int)> step = [&](std::uint64_t stream, int depth) {
      Dice own(stream);
      ThreadEngine& where = own.below(2) == 0 ? first : second;
      const auto below = [&step, next = static_cast<std::uint64_t>(own.below(1 << 30)), depth] {
        if (depth > 0) step(next, depth - 1);
      };
      if (own.below(3) == 0) {
        Range range(3, [&](std::size_t at) {
          if (at != 1) below();
        });
        range.chunk = 1;
        EXPECT_TRUE(where.run(range, {}));
      } else {
        const auto left = call(where, ledger, below);
        const auto right = call(where, ledger, below);
        testing::wait(left);
        testing::wait(right);
      }
    };
    std::thread other([&, stream = static_cast<std::uint64_t>(dice.below(1 << 30))] { step(stream, 5); });
    step(static_cast<std::uint64_t>(dice.below(1 << 30)), 5);
    other.join();
  }
}

TEST_F(ThreadEngineRace, of_abandon_with_everything_settles_each_task_once) {
  struct Pool {
    Pool(Settings settings, std::atomic<bool>& ended) : farewell{ended}, engine(std::move(settings)) {}
    struct Farewell {
      std::atomic<bool>& said;
      ~Farewell() { said = true; }
    };
    Farewell farewell;  // once the engine is gone
    ThreadEngine engine;
  };
  for (int round = 0; round < rounds(300); ++round) {
    Dice dice((static_cast<std::uint64_t>(round) << 32U) + 5555);
    Ledger ledger;
    std::atomic<bool> gone{false};
    auto pool = std::make_shared<Pool>(any_settings(dice), gone);
    ThreadEngine& engine = pool->engine;
    for (int i = dice.below(30); i > 0; --i) {
      const auto stream = static_cast<std::uint64_t>(dice.below(1 << 30));
      post(engine, ledger, [&engine, &ledger, stream] {
        Dice own(stream);
        do_something(engine, ledger, own, 3);
      });
    }
    std::atomic<bool> abandoned{false};
    std::vector<Ref<Call>> handles;
    post(engine, ledger, [&abandoned, &engine, pool]() mutable {
      engine.abandon(std::move(pool));
      abandoned = true;
    });
    for (int i = dice.below(10); i > 0; --i) {
      const auto job = make<Call>(ledger, [] {});
      if (submit(engine, job)) handles.push_back(job);
    }
    pool.reset();
    // Handles outlive their pool.
    for (const auto& job : handles) testing::cancel(job);
    await([&] { return abandoned && gone && ledger.destroyed + static_cast<int>(handles.size()) == ledger.made; });
  }
}

}  // namespace
}  // namespace muster::engine::thread
