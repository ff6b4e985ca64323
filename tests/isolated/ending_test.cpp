// What a process hears and does at a pool's end: reports on stderr, pools that live until exit or end in their own
// task.

#include <gtest/gtest.h>
#include <muster/error.hpp>
#include <muster/thread_pool.hpp>
#include <muster/threading.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>

#include "tests/support/child.hpp"
#include "tests/support/leaks.hpp"

namespace muster::testing {
namespace {

using namespace std::chrono_literals;

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(PoolEnding, failures_of_posts_that_nobody_asked_for_are_told_once_on_stderr) {
  const Ended ended = run_in_child([] {
    ThreadPool pool(2);
    for (int i = 0; i < 3; ++i) pool.post([] { throw std::runtime_error("the post's own text"); });
    pool.close();
    pool.join();
  });
  EXPECT_TRUE(ended.well()) << ended;
  EXPECT_TRUE(contains(ended.err, "3 posted tasks failed")) << ended;
  EXPECT_TRUE(contains(ended.err, "the post's own text")) << ended;
  EXPECT_EQ(std::count(ended.err.begin(), ended.err.end(), '\n'), 1) << ended;
}

TEST(PoolEnding, failures_that_wait_all_threw_are_not_told_again) {
  const Ended ended = run_in_child([] {
    ThreadPool pool(2);
    pool.post([] { throw std::runtime_error("told"); });
    try {
      pool.wait_all();
    } catch (const std::runtime_error&) {
    }
  });
  EXPECT_TRUE(ended.well()) << ended;
  EXPECT_EQ(ended.err, "");
}

TEST(PoolEnding, posts_that_were_dropped_are_no_failures) {
  const Ended ended = run_in_child([] {
    ThreadPool pool(1);
    threading::Event begun;
    threading::Event go;
    pool.post([&] {
      begun.set();
      go.wait();
    });
    for (int i = 0; i < 10; ++i) pool.post([] {});
    begun.wait();
    pool.terminate();
    go.set();
  });
  EXPECT_TRUE(ended.well()) << ended;
  EXPECT_EQ(ended.err, "");
}

void stubborn_task(threading::Event& begun, threading::Event& go) {
  begun.set();
  go.wait();
}
struct StubbornFunctor {
  threading::Event* begun;
  threading::Event* go;
  void operator()(int) const { stubborn_task(*begun, *go); }
};

// In a child: its stderr passes through here, so that somebody can wait until something was said.
class Overheard {
 public:
  Overheard() : outside_(dup(STDERR_FILENO)) {
    int ends[2];
    require(outside_ >= 0 && pipe2(ends, O_CLOEXEC) == 0 && dup2(ends[1], STDERR_FILENO) >= 0, "a pipe for stderr");
    ::close(ends[1]);
    from_ = ends[0];
  }
  // Passes on what is said, until it holds `part`.
  void await(const std::string& part) {
    while (!contains(said_, part)) require(pass_on(), "end of stderr");
  }
  // Passes on all the rest, until end().
  void follow() {
    while (pass_on()) {
    }
    ::close(from_);
  }
  // stderr is what it was before.
  void end() const { dup2(outside_, STDERR_FILENO); }

 private:
  bool pass_on() {
    char buffer[4096];
    const ssize_t got = ::read(from_, buffer, sizeof buffer);
    if (got <= 0) return false;
    said_.append(buffer, static_cast<std::size_t>(got));
    return ::write(outside_, buffer, static_cast<std::size_t>(got)) == got;
  }

  int outside_;
  int from_ = -1;
  std::string said_;
};

// Ends a pool whose task goes on until the pool has named it, and for `longer` after that.
Ended outlast(Duration grace, std::chrono::milliseconds longer) {
  return run_in_child([=] {
    Overheard heard;
    threading::Event begun;
    threading::Event go;
    std::thread lets_go;
    {
      ThreadPool pool({.processes = 1, .grace = grace});
      pool.post(StubbornFunctor{&begun, &go}, 1);
      begun.wait();
      lets_go = std::thread([&] {
        heard.await("StubbornFunctor");
        std::this_thread::sleep_for(longer);  // time for what must not happen; nothing waits for it
        go.set();
        heard.follow();
      });
    }
    heard.end();
    lets_go.join();
  });
}

TEST(PoolEnding, a_task_that_outlasts_the_grace_period_is_named_on_stderr) {
  const Ended ended = outlast(10ms, 0ms);
  EXPECT_TRUE(ended.well()) << ended;
  EXPECT_TRUE(contains(ended.err, "StubbornFunctor")) << ended;
}

TEST(PoolEnding, a_grace_period_of_nothing_does_not_flood_stderr) {
  const Ended ended = outlast(0s, 200ms);
  EXPECT_TRUE(ended.well()) << ended.status;
  EXPECT_TRUE(contains(ended.err, "StubbornFunctor"));
  EXPECT_LT(std::count(ended.err.begin(), ended.err.end(), '\n'), 20);
}

TEST(PoolEnding, a_quick_end_says_nothing) {
  const Ended ended = run_in_child([] {
    ThreadPool pool(2);
    pool.map([](int i) { return i; }, std::views::iota(0, 1000));
    auto later = pool.apply_async([] { throw std::runtime_error("asked for"); });
    later.wait();
  });
  EXPECT_TRUE(ended.well()) << ended;
  EXPECT_EQ(ended.err, "");
}

ThreadPool& pool_of_the_program() {
  static ThreadPool pool(2);
  return pool;
}

TEST(PoolEnding, a_static_pool_ends_with_the_program) {
  const Ended ended = run_in_child([] {
    require(pool_of_the_program().apply([] { return 3; }) == 3, "apply");
    for (int i = 0; i < 1000; ++i) pool_of_the_program().post([] {});
  });
  EXPECT_TRUE(ended.well()) << ended;
  EXPECT_EQ(ended.err, "");
}

TEST(PoolEnding, exit_in_the_middle_of_everything) {
  const Ended ended = run_in_child([] {
    static auto kept = pool_of_the_program().imap([](int i) { return i; }, std::views::iota(0));
    require(kept.next() == 0, "imap");
    static auto result = pool_of_the_program().map_async([](int i) { return i; }, std::views::iota(0, 100'000));
    std::exit(0);  // NOLINT(concurrency-mt-unsafe)
  });
  EXPECT_TRUE(ended.well()) << ended;
}

TEST(PoolEnding, quick_exit_while_a_pool_is_alive) {
  const Ended ended = run_in_child([] {
    auto* leaked = new ThreadPool(2);
    leaked->post([] {});
    std::quick_exit(0);
  });
  EXPECT_TRUE(ended.well()) << ended;
}

TEST(PoolEnding, a_pool_that_is_never_destroyed_keeps_no_program_from_ending) {
  const Ended ended = run_in_child([] {
    static auto* const leaked = new ThreadPool(2);
    leaked->post([] {});
    require(leaked->apply([] { return 5; }) == 5, "apply");
  });
  EXPECT_TRUE(ended.well()) << ended;
}

TEST(PoolEnding, a_pool_destroyed_in_its_own_task) {
  const Ended ended = run_in_child([] {
    for (int round = 0; round < 20; ++round) {
      auto pool = std::make_unique<ThreadPool>(1 + round % 3);
      auto task = pool->apply_async([&] {
        pool.reset();
        return 5;
      });
      require(task.get() == 5, "the task goes on without its pool");
    }
  });
  EXPECT_TRUE(ended.well()) << ended;
  EXPECT_EQ(ended.err, "");
}

TEST(PoolEnding, a_pool_destroyed_in_a_map_of_its_own) {
  const Ended ended = run_in_child([] {
    auto pool = std::make_unique<ThreadPool>(2);
    auto map = pool->map_async(
        [&](int i) {
          if (i == 0) pool.reset();
          return i;
        },
        std::views::iota(0, 100), CallOptions{.chunksize = 1});
    map.wait();
  });
  EXPECT_TRUE(ended.well()) << ended;
}

TEST(PoolEnding, a_pool_destroyed_by_who_cancels_or_terminates) {
  const Ended ended = run_in_child([] {
    for (const bool by_cancel : {true, false}) {
      auto pool = std::make_unique<ThreadPool>(1);
      threading::Event begun;
      threading::Event go;
      auto running = pool->apply_async([&] {
        begun.set();
        go.wait();
      });
      begun.wait();
      auto queued = pool->apply_async([] {});
      // Runs on this thread, which is no worker: the callback's own task must not keep the destructor waiting.
      queued.error_callback([&](const std::exception&) {
        go.set();
        pool.reset();
      });
      if (by_cancel) {
        queued.cancel();
      } else {
        pool->terminate();
      }
      require(queued.ready() && pool == nullptr, "ended");
      running.wait();
    }
  });
  EXPECT_TRUE(ended.well()) << ended;
}

}  // namespace
}  // namespace muster::testing
