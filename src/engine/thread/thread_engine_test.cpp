// The thread engine as its contract describes it: accepting, settling, cancelling, ending.

#include "engine/thread/thread_engine.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "engine/thread/testing.hpp"

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

class ThreadEngineTask : public NoThreadLeaks {};
class ThreadEngineEnd : public NoThreadLeaks {};

// ---- tasks ----------------------------------------------------------------------------------------------------------

TEST_F(ThreadEngineTask, runs_on_a_worker_and_settles_before_the_wait_ends) {
  Ledger ledger;
  ThreadEngine engine(with(1));
  std::int64_t where = 0;
  const auto job = call(engine, ledger, [&] { where = os::native_thread_id(); });
  EXPECT_EQ(testing::wait(job), Wait::kDone);
  EXPECT_NE(where, 0);
  EXPECT_NE(where, os::native_thread_id());
  EXPECT_EQ(&engine, job->home);
}

TEST_F(ThreadEngineTask, each_of_many_from_many_threads_is_settled_once) {
  Ledger ledger;
  {
    ThreadEngine engine(with(3));
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&] {
        std::vector<Ref<Call>> jobs;
        for (int i = 0; i < rounds(5000); ++i) {
          post(engine, ledger, [] {});
          jobs.push_back(call(engine, ledger, [] {}));
        }
        for (const auto& job : jobs) EXPECT_EQ(testing::wait(job), Wait::kDone);
      });
    }
    for (std::thread& thread : threads) thread.join();
    testing::end(engine);
  }
  EXPECT_EQ(ledger.ran, 3 * 2 * rounds(5000));
}

TEST_F(ThreadEngineTask, one_worker_runs_them_in_the_order_of_submission) {
  Ledger ledger;
  std::vector<int> order;
  ThreadEngine engine(with(1));
  std::atomic<bool> go{false};
  post(engine, ledger, [&] { await([&] { return go.load(); }); });
  for (int i = 0; i < 100; ++i) post(engine, ledger, [&order, i] { order.push_back(i); });
  go = true;
  testing::end(engine);
  ASSERT_EQ(order.size(), 100U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

// As many as there are workers that all wait for one another: no worker may sleep while one of them is pending.
TEST_F(ThreadEngineTask, as_many_as_workers_run_at_the_same_time) {
  for (const int workers : {2, 4}) {
    Ledger ledger;
    ThreadEngine engine(with(workers));
    for (int round = 0; round < rounds(3000); ++round) {
      Meeting meeting(workers);
      std::vector<Ref<Call>> jobs;
      for (int i = 0; i < workers; ++i) jobs.push_back(call(engine, ledger, [&] { meeting.join(); }));
      for (const auto& job : jobs) testing::wait(job);
    }
  }
}

TEST_F(ThreadEngineTask, what_a_busy_worker_takes_from_outside_stays_visible_to_the_others) {
  Ledger ledger;
  ThreadEngine engine(with(2));
  for (int round = 0; round < rounds(20000); ++round) {
    // One task keeps a worker busy for a moment, so that it comes to the pair from work and not from sleep.
    Meeting meeting(2);
    const auto first = call(engine, ledger, [&] {
      for (int spin = round % 64; spin > 0; --spin) os::relax();
    });
    const auto left = call(engine, ledger, [&] { meeting.join(); });
    const auto right = call(engine, ledger, [&] { meeting.join(); });
    testing::wait(right);
    testing::wait(left);
    testing::wait(first);
  }
}

TEST_F(ThreadEngineTask, as_many_submitted_by_a_task_run_at_the_same_time) {
  Ledger ledger;
  ThreadEngine engine(with(3));
  for (int round = 0; round < rounds(2000); ++round) {
    Meeting meeting(3);
    std::vector<Ref<Call>> inner(2);
    const auto outer = call(engine, ledger, [&] {
      for (auto& job : inner) job = call(engine, ledger, [&] { meeting.join(); });
      meeting.join();
    });
    testing::wait(outer);
    for (const auto& job : inner) testing::wait(job);
  }
}

TEST_F(ThreadEngineTask, cancelled_before_its_begin_never_runs) {
  Ledger ledger;
  ThreadEngine engine(with(1));
  std::atomic<bool> go{false};
  const auto blocker = call(engine, ledger, [&] { await([&] { return go.load(); }); });
  const auto job = call(engine, ledger, [] { ADD_FAILURE() << "was cancelled"; });
  EXPECT_TRUE(testing::cancel(job));
  EXPECT_FALSE(testing::cancel(job));
  EXPECT_TRUE(job->done());
  EXPECT_TRUE(job->dropped());
  go = true;
  testing::wait(blocker);
  EXPECT_FALSE(testing::cancel(blocker));
}

TEST_F(ThreadEngineTask, cancel_and_begin_have_one_winner) {
  Ledger ledger;
  std::atomic<int> cancelled{0};
  {
    ThreadEngine engine(with(2));
    for (int round = 0; round < rounds(200); ++round) {
      std::vector<Ref<Call>> jobs;
      for (int i = 0; i < 20; ++i) jobs.push_back(call(engine, ledger, [] {}));
      std::thread rival([&] {
        for (const auto& job : jobs) cancelled += testing::cancel(job) ? 1 : 0;
      });
      for (auto job = jobs.rbegin(); job != jobs.rend(); ++job) cancelled += testing::cancel(*job) ? 1 : 0;
      rival.join();
    }
    testing::end(engine);
  }
  EXPECT_EQ(ledger.dropped, cancelled);
}

TEST_F(ThreadEngineTask, no_more_run_at_a_time_than_there_are_workers) {
  constexpr int kWorkers = 2;
  Ledger ledger;
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  const auto work = [&] {
    const int now = running.fetch_add(1) + 1;
    int seen = most.load();
    while (seen < now && !most.compare_exchange_weak(seen, now)) {
    }
    os::yield();
    running.fetch_sub(1);
  };
  {
    ThreadEngine engine(with(kWorkers));
    std::vector<std::thread> callers;
    for (int t = 0; t < 3; ++t) {
      callers.emplace_back([&] {
        for (int round = 0; round < rounds(300); ++round) {
          Range range(8, [&](std::size_t) { work(); });
          range.chunk = 1;
          EXPECT_TRUE(engine.run(range, {}));
          EXPECT_TRUE(range.each_once());
          post(engine, ledger, work);
        }
      });
    }
    for (std::thread& caller : callers) caller.join();
    testing::end(engine);
  }
  EXPECT_EQ(most, kWorkers);
}

TEST_F(ThreadEngineTask, inside_is_true_in_tasks_of_this_engine_only) {
  Ledger ledger;
  ThreadEngine engine(with(1));
  ThreadEngine other(with(1));
  EXPECT_FALSE(engine.inside());
  const auto job = call(engine, ledger, [&] {
    EXPECT_TRUE(engine.inside());
    EXPECT_FALSE(other.inside());
  });
  testing::wait(job);
}

TEST_F(ThreadEngineTask, reports_what_busy_workers_run) {
  Ledger ledger;
  ThreadEngine engine(with(2));
  EXPECT_TRUE(engine.running().empty());
  std::atomic<bool> go{false};
  std::atomic<bool> begun{false};
  const auto job = call(engine, ledger, [&] {
    begun = true;
    await([&] { return go.load(); });
  });
  await([&] { return begun.load(); });
  EXPECT_EQ(engine.running(), (std::vector<const std::type_info*>{&typeid(Call)}));
  go = true;
  testing::wait(job);
}

// ---- ending ---------------------------------------------------------------------------------------------------------

TEST_F(ThreadEngineEnd, closed_refuses_outsiders_and_serves_tasks) {
  Ledger ledger;
  ThreadEngine engine(with(1));
  std::atomic<bool> closed{false};
  Ref<Call> inner;
  const auto outer = call(engine, ledger, [&] {
    await([&] { return closed.load(); });
    inner = make<Call>(ledger, [] {});
    EXPECT_TRUE(submit(engine, inner));
    Range range(10);
    EXPECT_TRUE(engine.run(range, {}));
    EXPECT_TRUE(range.each_once());
  });
  engine.close();
  EXPECT_FALSE(submit(engine, make<Call>(ledger, [] { ADD_FAILURE() << "was refused"; })));
  Range range(10);
  EXPECT_FALSE(engine.run(range, {}));
  closed = true;
  EXPECT_TRUE(engine.drain(kForever));
  EXPECT_TRUE(outer->done());
  EXPECT_TRUE(inner->done());
  EXPECT_FALSE(inner->dropped());
}

TEST_F(ThreadEngineEnd, terminated_drops_the_queued_and_refuses_tasks_too) {
  Ledger ledger;
  ThreadEngine engine(with(1));
  std::atomic<bool> begun{false};
  std::atomic<bool> terminated{false};
  const auto running = call(engine, ledger, [&] {
    begun = true;
    await([&] { return terminated.load(); });
    EXPECT_FALSE(submit(engine, make<Call>(ledger, [] { ADD_FAILURE() << "was refused"; })));
  });
  await([&] { return begun.load(); });
  std::vector<Ref<Call>> queued;
  for (int i = 0; i < 100; ++i) {
    queued.push_back(call(engine, ledger, [] { ADD_FAILURE() << "was dropped"; }));
    post(engine, ledger, [] { ADD_FAILURE() << "was dropped"; });
  }
  engine.terminate();
  for (const auto& job : queued) {
    EXPECT_TRUE(job->done());
    EXPECT_TRUE(job->dropped());
  }
  EXPECT_FALSE(running->done());
  terminated = true;
  EXPECT_TRUE(engine.drain(kForever));
  EXPECT_FALSE(running->dropped());
}

TEST_F(ThreadEngineEnd, drain_gives_up_at_its_deadline) {
  Ledger ledger;
  ThreadEngine engine(with(1));
  EXPECT_TRUE(engine.drain(0));
  std::atomic<bool> go{false};
  post(engine, ledger, [&] { await([&] { return go.load(); }); });
  EXPECT_FALSE(engine.drain(0));
  EXPECT_FALSE(engine.drain(os::now() + testing::kMillisecond));
  go = true;
  EXPECT_TRUE(engine.drain(kForever));
}

// The workers go by themselves when the last task is over, with what that one has submitted.
TEST_F(ThreadEngineEnd, drain_to_stop_returns_when_all_is_settled_and_the_workers_are_gone) {
  Ledger ledger;
  for (int round = 0; round < rounds(500); ++round) {
    std::atomic<int> left{0};
    Settings settings = with(2);
    settings.hooks.worker_leave = [&left] { ++left; };
    ThreadEngine engine(std::move(settings));
    std::atomic<bool> ran{false};
    std::atomic<bool> go{round % 2 == 0};
    post(engine, ledger, [&] {
      await([&] { return go.load(); });
      post(engine, ledger, [&] { ran = true; });
    });
    engine.close();
    if (!go) {
      EXPECT_FALSE(engine.drain_to_stop(0));
      EXPECT_FALSE(engine.drain_to_stop(os::now() + testing::kMillisecond / 10));
      go = true;
    }
    EXPECT_TRUE(engine.drain_to_stop(kForever));
    EXPECT_TRUE(ran);
    EXPECT_EQ(left, 2);
    EXPECT_TRUE(engine.drain_to_stop(kForever)) << "once more does no harm";
    engine.stop();
  }
}

TEST_F(ThreadEngineEnd, drain_waits_for_what_tasks_submit) {
  Ledger ledger;
  std::atomic<int> leaves{0};
  ThreadEngine engine(with(3));
  for (int round = 0; round < rounds(100); ++round) {
    leaves = 0;
    std::function<void(int)> split = [&](int depth) {
      if (depth == 0) {
        ++leaves;
        return;
      }
      for (int i = 0; i < 3; ++i) post(engine, ledger, [&, depth] { split(depth - 1); });
    };
    post(engine, ledger, [&] { split(4); });
    EXPECT_TRUE(engine.drain(kForever));
    EXPECT_EQ(leaves, 81);
  }
}

TEST_F(ThreadEngineEnd, many_drain_at_once) {
  Ledger ledger;
  ThreadEngine engine(with(2));
  std::vector<std::thread> threads;
  std::atomic<int> ran{0};
  for (int i = 0; i < 100; ++i) post(engine, ledger, [&] { ++ran; });
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      EXPECT_TRUE(engine.drain(kForever));
      EXPECT_EQ(ran, 100);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(ThreadEngineEnd, destructor_drops_the_queued_and_waits_for_the_begun) {
  Ledger ledger;
  std::atomic<bool> begun{false};
  std::atomic<bool> ended{false};
  const Ref<Call> queued = make<Call>(ledger, [] { ADD_FAILURE() << "was dropped"; });
  {
    ThreadEngine engine(with(1));
    post(engine, ledger, [&] {
      begun = true;
      // Only the destructor's terminate drops it.
      await([&] { return queued->done(); });
      ended = true;
    });
    submit(engine, queued);
    await([&] { return begun.load(); });
  }
  EXPECT_TRUE(ended);
}

TEST_F(ThreadEngineEnd, terminate_ends_loops_early) {
  Ledger ledger;
  ThreadEngine engine(with(2));
  std::atomic<bool> begun{false};
  std::atomic<bool> terminated{false};
  const auto item = [&](std::size_t) {
    begun = true;
    await([&] { return terminated.load(); });
  };
  const auto sweep = make<Sweep>(ledger, std::size_t{1000}, item);
  sweep->range.chunk = 1;
  submit(engine, sweep);
  Range range(1000, item);
  range.chunk = 1;
  std::thread caller([&] { engine.run(range, {}); });
  await([&] { return begun.load(); });
  engine.terminate();
  terminated = true;
  caller.join();
  EXPECT_TRUE(engine.drain(kForever));
  EXPECT_TRUE(sweep->done());
  EXPECT_TRUE(sweep->range.each_at_most_once());
  EXPECT_TRUE(range.each_at_most_once());
  EXPECT_FALSE(sweep->range.each_once() && range.each_once());
}

// ---- abandoning -----------------------------------------------------------------------------------------------------

// As a pool that is destroyed by one of its own tasks.
struct Abandoned {
  explicit Abandoned(Settings settings, std::atomic<bool>& ended) : engine(std::move(settings)), gone(ended) {}
  ~Abandoned() { gone = true; }
  ThreadEngine engine;
  std::atomic<bool>& gone;
};

TEST_F(ThreadEngineEnd, abandoned_by_its_own_task_lives_until_its_workers_are_gone) {
  for (int round = 0; round < rounds(200); ++round) {
    Ledger ledger;
    std::atomic<bool> gone{false};
    auto self = std::make_shared<Abandoned>(with(1 + round % 3), gone);
    ThreadEngine& engine = self->engine;
    Meeting meeting(2);
    post(engine, ledger, [&engine, &meeting, &gone, &ledger, self]() mutable {
      meeting.join();
      engine.abandon(std::move(self));
      EXPECT_FALSE(gone);
      EXPECT_FALSE(submit(engine, make<Call>(ledger, [] {})));
    });
    for (int i = 0; i < round % 7; ++i) post(engine, ledger, [] {});
    self.reset();
    meeting.join();
    await([&] { return gone.load() && ledger.destroyed == ledger.made; });
  }
}

TEST_F(ThreadEngineEnd, abandoned_lives_until_who_cancels_from_outside_has_left) {
  Ledger ledger;
  std::atomic<bool> gone{false};
  auto self = std::make_shared<Abandoned>(with(1), gone);
  ThreadEngine& engine = self->engine;
  std::atomic<bool> cancelling{false};
  std::atomic<bool> abandoned{false};
  post(engine, ledger, [&engine, &cancelling, &abandoned, self]() mutable {
    await([&] { return cancelling.load(); });
    engine.abandon(std::move(self));
    abandoned = true;
  });
  auto job = make<Call>(ledger, [] { ADD_FAILURE() << "was cancelled"; });
  job->on_drop = [&] {
    cancelling = true;
    await([&] { return abandoned.load(); });
    // Time for the workers to go, if they mean to go too early.
    for (int i = 0; i < 10'000 && !gone; ++i) os::yield();
    EXPECT_FALSE(gone);
  };
  submit(engine, job);
  self.reset();
  EXPECT_TRUE(testing::cancel(job));
  await([&] { return gone.load(); });
}

}  // namespace
}  // namespace muster::engine::thread
