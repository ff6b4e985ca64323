// What users of other pools of threads suffer from, and that it is cured here: chunks of the wrong size, and tasks that
// must wait their turn. See pains_threads_test.cpp.

#include <gtest/gtest.h>
#include <muster/thread_pool.hpp>
#include <muster/threading.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <latch>
#include <random>
#include <ranges>
#include <utility>
#include <vector>

#include "tests/support/leaks.hpp"
#include "tests/support/sanitized.hpp"

namespace muster::testing {
namespace {

// ---- 21: the size of chunks must be guessed ----

// Items that cost 1, and one in a hundred that costs 100.
using Costs = std::vector<int>;

// Where the chunks of a map over such items began. A map gives each chunk a fresh copy of a callable that is as simple
// as this one, so the copy knows where its chunk begins. (Were that no longer so, there would seem to be but one chunk
// for all, and these tests would fail.)
struct Spin {
  const int* costs;
  char* begins;
  mutable bool begun = false;

  int operator()(int i) const {
    constexpr int kTurns = 200;  // about a microsecond
    begins[i] = std::exchange(begun, true) ? 0 : 1;
    for (std::atomic<int> turn{0}; turn < costs[i] * kTurns; ++turn) {
    }
    return i;
  }
};

struct Schedule {
  double by_ideal;  // the time until all workers have ended, by the shortest that is possible
  std::size_t chunks;
};

// What the chunks come to on workers that are all equally fast: each next chunk goes to who is free first. It depends
// on how the map was cut, and on nothing else that the machine did meanwhile.
Schedule schedule(const Costs& costs, const std::vector<char>& begins, int workers) {
  std::vector<long> free_at(static_cast<std::size_t>(workers), 0);
  std::size_t chunks = 0;
  long total = 0;
  auto worker = free_at.begin();
  for (std::size_t i = 0; i < costs.size(); ++i) {
    if (begins[i] != 0) {
      worker = std::min_element(free_at.begin(), free_at.end());
      ++chunks;
    }
    *worker += costs[i];
    total += costs[i];
  }
  const long last = *std::max_element(free_at.begin(), free_at.end());
  return {static_cast<double>(last) * workers / static_cast<double>(total), chunks};
}

Schedule schedule_of_a_map(const Costs& costs, int workers, int chunksize) {
  ThreadPool pool(workers);
  std::vector<char> begins(costs.size(), 0);
  const int items = static_cast<int>(costs.size());
  pool.map(Spin{costs.data(), begins.data()}, std::views::iota(0, items), {.chunksize = chunksize});
  return schedule(costs, begins, workers);
}

// `items` of them, of which those from `first_hard` on are hard.
Costs hard_from(int first_hard, int items = 10'000) {
  Costs costs(static_cast<std::size_t>(items), 1);
  std::fill_n(costs.begin() + first_hard, items / 100, 100);
  return costs;
}
Costs every_hundredth_hard() {
  Costs costs(10'000, 1);
  for (std::size_t i = 99; i < costs.size(); i += 100) costs[i] = 100;
  return costs;
}
Costs hard_at_random() {
  Costs costs = hard_from(0);
  std::shuffle(costs.begin(), costs.end(), std::mt19937(1));
  return costs;
}

// Hard items in the midst of easy ones come as a surprise to who has just taken a twentieth of a millisecond of easy
// ones: there the map must be longer, so that they do not all fit into what one worker took.
TEST(PainsOfThreads, pain_21_skewed_maps_take_hardly_longer_than_the_ideal_untuned) {
  const std::pair<const char*, Costs> skewed[] = {{"every hundredth is hard", every_hundredth_hard()},
                                                  {"hard at random", hard_at_random()},
                                                  {"hard ones first", hard_from(0)},
                                                  {"hard ones in the middle", hard_from(50'000, 100'000)},
                                                  {"hard ones last", hard_from(9900)},
                                                  {"all are the same", Costs(10'000, 1)}};
  for (const int workers : {2, 4}) {
    for (const auto& [name, costs] : skewed) {
      for (int round = 0; round < (sanitized() ? 1 : 5); ++round) {
        const Schedule found = schedule_of_a_map(costs, workers, 0);
        EXPECT_LE(found.by_ideal, 1.15) << name << ", " << workers << " workers, " << found.chunks << " chunks";
      }
    }
  }
}

// A quarter of each worker's share, which is what Python takes.
TEST(PainsOfThreads, pain_21_skewed_maps_would_take_longer_by_the_usual_guess) {
  const Costs costs = hard_from(9900);
  for (const int workers : {2, 4}) {
    const Schedule found = schedule_of_a_map(costs, workers, 10'000 / (4 * workers));
    EXPECT_EQ(found.chunks, 4U * static_cast<std::size_t>(workers));
    EXPECT_GT(found.by_ideal, 1.15);
  }
}

// ---- 22: no priorities ----

// One worker, whose turns are in a fixed order: so we can count what begins before what. Every so often it takes what
// would starve, so one task of less priority may come between.
class Queue {
 public:
  explicit Queue(int workers = 1) : begun_(workers), pool_(workers) {}
  // All workers are kept until let_go(), or until one of them is.
  void hold() {
    for (int i = 0; i < pool_.processes(); ++i) {
      pool_.post([this, i] {
        begun_.count_down();
        (i == 0 ? first_ : others_).wait();
      });
    }
    begun_.wait();
  }
  void let_first_go() { first_.set(); }
  void let_go() {
    first_.set();
    others_.set();
  }
  ThreadPool& pool() { return pool_; }

 private:
  std::latch begun_;
  threading::Event first_;
  threading::Event others_;
  ThreadPool pool_;
};

constexpr int kLow = 100'000;

TEST(PainsOfThreads, pain_22_behind_a_hundred_thousand_low_tasks_a_high_one_starts_next) {
  for (const auto& [low, high] : {std::pair{0, 1}, std::pair{-1, 1}, std::pair{-1, 0}}) {
    for (const int workers : {1, 3}) {
      Queue queue(workers);
      queue.hold();
      std::atomic<int> begun{0};
      std::atomic<int> before_high{-1};
      threading::Event high_done;
      for (int i = 0; i < kLow; ++i) queue.pool().with({.priority = low}).post([&begun] { ++begun; });
      queue.pool().with({.priority = high}).post([&] {
        before_high = begun.load();
        high_done.set();
      });
      queue.let_first_go();  // the others stay where they are: nobody begins a low one beside the high one
      high_done.wait();
      EXPECT_LE(before_high, 1) << "low tasks of priority " << low << " before one of " << high;
      queue.let_go();
      queue.pool().wait_all();
      EXPECT_EQ(begun, kLow);
    }
  }
}

TEST(PainsOfThreads, pain_22_a_high_task_that_a_low_one_submits_starts_next) {
  constexpr int kEvery = 100;
  for (const int low : {0, -1}) {
    Queue queue;
    queue.hold();
    int begun = 0;  // all of it is one worker's
    std::vector<int> between;
    for (int i = 0; i < kLow; ++i) {
      queue.pool().with({.priority = low}).post([&] {
        if (++begun % kEvery != 0) return;
        queue.pool().with({.priority = 1}).post([&, submitted = begun] { between.push_back(begun - submitted); });
      });
    }
    queue.let_go();
    queue.pool().wait_all();
    ASSERT_EQ(between.size(), static_cast<std::size_t>(kLow / kEvery));
    EXPECT_LE(*std::max_element(between.begin(), between.end()), 1);
    EXPECT_LE(std::count(between.begin(), between.end(), 1), kLow / kEvery / 10);
  }
}

// At least one in a thousand tasks that begin is one of those that have to stand back.
TEST(PainsOfThreads, pain_22_low_tasks_do_not_starve_under_a_steady_stream_of_high_ones) {
  constexpr int kPatient = 200;
  constexpr int kMost = 1000 * kPatient;
  for (const auto& [low, high] : {std::pair{0, 1}, std::pair{-1, 1}, std::pair{-1, 0}}) {
    Queue queue;
    queue.hold();
    int low_done = 0;  // all of it is one worker's
    int high_begun = 0;
    int low_done_in_time = 0;
    const std::function<void()> stream = [&, priority = high] {
      if (++high_begun == kMost) low_done_in_time = low_done;
      if (high_begun < kMost) queue.pool().with({.priority = priority}).post(std::cref(stream));
    };
    for (int i = 0; i < kPatient; ++i) queue.pool().with({.priority = low}).post([&low_done] { ++low_done; });
    for (int i = 0; i < 4; ++i) queue.pool().with({.priority = high}).post(std::cref(stream));
    queue.let_go();
    queue.pool().wait_all();
    EXPECT_EQ(low_done_in_time, kPatient) << "of priority " << low << " under a stream of " << high;
    EXPECT_EQ(low_done, kPatient);
  }
}

}  // namespace
}  // namespace muster::testing
