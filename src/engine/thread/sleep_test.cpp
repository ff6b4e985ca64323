#include "engine/thread/sleep.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "os/testing.hpp"

namespace muster::engine::thread {
namespace {

// With so many workers awake, of whom nobody searches.
class Awake : public Sleep {
 public:
  explicit Awake(int workers) {
    begin();
    reserve(workers);
    set_permits(workers);
    for (int worker = 0; worker < workers; ++worker) arrive();
  }
};

// A thread that goes to sleep and says when it was woken.
class Sleeper {
 public:
  explicit Sleeper(
      Sleep& sleep, std::function<bool()> pending = [] { return false; })
      : thread_([this, &sleep, pending = std::move(pending)] {
          sleep.sleep(bed_, false, [&pending] { return pending(); });
          awake_ = true;
        }) {}
  ~Sleeper() { thread_.join(); }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;

  bool awake() const { return awake_; }
  void await_asleep() { os::testing::await_sleepers(bed_.word(), 1); }
  void await_awake() {
    while (!awake_) os::yield();
  }

 private:
  Bed bed_;
  std::atomic<bool> awake_{false};
  std::thread thread_;
};

TEST(Sleep, notify_wakes_one_when_nobody_searches) {
  Awake sleep(2);
  EXPECT_TRUE(sleep.begin_search());
  {
    Sleeper first(sleep);
    first.await_asleep();
    sleep.notify();  // the other searches still
    EXPECT_FALSE(first.awake());
    EXPECT_TRUE(sleep.end_search());
    sleep.notify();
    first.await_awake();
  }
  EXPECT_TRUE(sleep.end_search());
}

TEST(Sleep, the_woken_one_searches_so_that_no_second_is_woken) {
  Awake sleep(3);
  {
    Sleeper first(sleep);
    Sleeper second(sleep);
    first.await_asleep();
    second.await_asleep();
    sleep.notify();
    while (!first.awake() && !second.awake()) os::yield();
    sleep.notify();
    EXPECT_NE(first.awake(), second.awake());
    EXPECT_TRUE(sleep.end_search());
    sleep.notify();
    first.await_awake();
    second.await_awake();
  }
}

TEST(Sleep, who_finds_work_pending_on_lying_down_is_woken_at_once) {
  Awake sleep(1);
  Sleeper sleeper(sleep, [] { return true; });
  sleeper.await_awake();
}

TEST(Sleep, permits_are_as_many_as_workers) {
  Awake sleep(2);
  EXPECT_FALSE(sleep.enter());
  Sleeper sleeper(sleep);
  sleeper.await_asleep();
  EXPECT_TRUE(sleep.enter());
  EXPECT_FALSE(sleep.enter());
  // No permit is free, so nobody is woken though nobody searches.
  sleep.notify();
  EXPECT_FALSE(sleeper.awake());
  sleep.leave();
  sleep.notify();
  sleeper.await_awake();
}

TEST(Sleep, searchers_are_few) {
  Awake sleep(2);
  EXPECT_TRUE(sleep.begin_search());
  EXPECT_FALSE(sleep.begin_search()) << "one is enough";
  EXPECT_TRUE(sleep.end_search());
  EXPECT_TRUE(sleep.begin_search());
  EXPECT_TRUE(sleep.end_search());
}

TEST(Sleep, everybody_is_woken_even_those_who_lie_down_meanwhile) {
  for (int round = 0; round < 500; ++round) {
    Awake sleep(3);
    std::atomic<bool> stopping{false};
    const auto pending = [&] {
      if (stopping) sleep.wake_everybody();
      return false;
    };
    const Sleeper first(sleep, pending);
    const Sleeper second(sleep, pending);
    const Sleeper third(sleep, pending);
    for (int spin = round % 100; spin > 0; --spin) os::relax();
    stopping = true;
    sleep.wake_everybody();
  }
}

// The last engine's workers have gone without a word of it.
TEST(Sleep, begins_with_nobody_awake) {
  Awake sleep(2);
  EXPECT_TRUE(sleep.begin_search());
  sleep.begin();
  EXPECT_FALSE(sleep.enter());
  sleep.set_permits(1);
  EXPECT_TRUE(sleep.enter());
  EXPECT_FALSE(sleep.anybody_searches());
}

// Workers that take tokens, sleep when there are none, and are called when one is published.
TEST(Sleep, no_token_is_left_while_all_sleep) {
  constexpr int kTokens = 20'000;
  constexpr int kWorkers = 3;
  Awake sleep(kWorkers);
  std::atomic<int> tokens{0};
  std::atomic<int> taken{0};
  const auto take = [&] {
    int now = tokens.load();
    while (now > 0 && !tokens.compare_exchange_weak(now, now - 1)) {
    }
    if (now > 0) ++taken;
    return now > 0;
  };
  const auto pending = [&] {
    if (taken == kTokens) sleep.wake_everybody();
    return tokens > 0;
  };
  std::vector<std::thread> workers;
  for (int w = 0; w < kWorkers; ++w) {
    workers.emplace_back([&] {
      Bed bed;
      bool searching = false;
      while (taken < kTokens) {
        if (take()) {
          if (std::exchange(searching, false) && sleep.end_search() && pending()) sleep.notify();
          continue;
        }
        if (!searching) searching = sleep.begin_search();
        if (searching && tokens > 0) continue;
        sleep.sleep(bed, std::exchange(searching, true), pending);
      }
      sleep.wake_everybody();
    });
  }
  for (int i = 0; i < kTokens; ++i) {
    ++tokens;
    sleep.notify();
    if (i % 32 == 0) {
      while (tokens > 0) os::yield();
    }
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(taken, kTokens);
}

}  // namespace
}  // namespace muster::engine::thread
