// Pools of every kind that are changed and held while they work: resize, pause, resume, stats.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>
#include <muster/cpu.hpp>
#include <muster/error.hpp>
#include <muster/pool.hpp>

#include <atomic>
#include <chrono>
#include <climits>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/api/pool_control.hpp"
#include "tests/support/crowd.hpp"
#include "tests/support/leaks.hpp"

namespace muster::testing {
namespace {

template <class Kind>
class PoolControl : public ::testing::Test {};

TYPED_TEST_SUITE(PoolControl, AllKinds, KindNames);

template <class Kind>
typename Kind::Options sized(int processes) {
  return Kind::with({.processes = processes});
}

// ---- resize ---------------------------------------------------------------------------------------------------------

TYPED_TEST(PoolControl, pain_25_work_after_a_wait_and_live_resizes) {
  PoolOf<TypeParam> pool(sized<TypeParam>(2));
  for (int round = 0; round < 20; ++round) {
    const Notes notes;
    for (int i = 0; i < 100; ++i) pool.post(note, notes.path(), i);
    pool.wait_all();
    EXPECT_EQ(notes.lines().size(), 100U);
    const int workers = 1 + round % 5;
    pool.resize(workers);
    EXPECT_EQ(pool.processes(), workers);
    EXPECT_EQ(pool.stats().workers, workers);
    expect_to_meet(pool, workers);
  }
}

TYPED_TEST(PoolControl, a_grown_pool_takes_up_what_waits) {
  PoolOf<TypeParam> pool(sized<TypeParam>(1));
  Held held(pool, 3);
  held.await_begun(1);
  pool.resize(3);
  held.await_begun(2);
  held.let_go();
}

// Whether nobody else was here at that time.
bool alone(const std::string& path, int /*item*/) {
  const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  const bool got = flock(file, LOCK_EX | LOCK_NB) == 0;
  sched_yield();
  ::close(file);
  return got;
}

TYPED_TEST(PoolControl, a_shrunk_pool_ends_what_has_begun_and_then_runs_less_at_a_time) {
  PoolOf<TypeParam> pool(sized<TypeParam>(3));
  {
    Held held(pool, 3);
    held.await_begun(3);
    pool.resize(1);
    EXPECT_EQ(pool.processes(), 1);
    held.let_go();
  }
  // A worker that is one too many may just be taking a task, until all have seen that there is nothing to do.
  pool.wait_all();
  await([&] { return pool.stats().running == 0; });
  const Notes place;
  for (int round = 0; round < 20; ++round) {
    for (const bool nobody : pool.map(muster::bind(alone, place.path()), std::views::iota(0, 200), {.chunksize = 1})) {
      ASSERT_TRUE(nobody);
    }
  }
}

TYPED_TEST(PoolControl, what_a_dismissed_worker_has_not_begun_is_done_by_others) {
  PoolOf<TypeParam> pool(sized<TypeParam>(3));
  for (int round = 0; round < 50; ++round) {
    pool.resize(3);
    std::vector<AsyncResult<int>> calls;
    for (int i = 0; i < 100; ++i) calls.push_back(pool.apply_async(square, i));
    const auto map = pool.map_async(square, std::views::iota(0, 100), {.chunksize = 3});
    pool.resize(1);
    for (int i = 0; i < 100; ++i) ASSERT_EQ(calls[static_cast<std::size_t>(i)].get(), i * i);
    for (int i = 0; i < 100; ++i) ASSERT_EQ(map.get()[static_cast<std::size_t>(i)], i * i);
  }
}

TYPED_TEST(PoolControl, resizes_from_callbacks_and_from_several_threads_lose_nothing) {
  PoolOf<TypeParam> pool(sized<TypeParam>(2));
  std::atomic<int> callbacks{0};
  {
    const Crowd crowd(3, [&](int number) {
      for (int round = 0; round < 20; ++round) {
        std::vector<AsyncResult<int>> calls;
        for (int i = 0; i < 20; ++i) calls.push_back(pool.apply_async(square, i));
        if (number == 0) {
          calls[7].callback([&pool, &callbacks, round](int) {
            pool.resize(1 + round % 4);
            ++callbacks;
          });
        } else {
          pool.resize(1 + (round + number) % 3);
        }
        const auto squares = pool.map(square, std::views::iota(0, 50), {.chunksize = 1});
        EXPECT_EQ(squares[49], 49 * 49);
        for (int i = 0; i < 20; ++i) EXPECT_EQ(calls[static_cast<std::size_t>(i)].get(), i * i);
      }
    });
  }
  pool.wait_all();
  EXPECT_EQ(callbacks, 20);
  pool.resize(2);
  expect_to_meet(pool, 2);
}

void begin(const std::string& path) { note(path, 0); }

TYPED_TEST(PoolControl, a_resize_runs_the_initializer_in_new_workers_before_it_returns) {
  const Notes begun;
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 1, .initializer = muster::bind(begin, begun.path())}));
  pool.resize(4);
  EXPECT_EQ(begun.lines().size(), 4U);
  pool.resize(1);
  pool.resize(2);
  EXPECT_GE(begun.lines().size(), 4U);
  EXPECT_LE(begun.lines().size(), 5U) << "a worker that has not gone yet stays";
}

void begin_once(const std::string& path) {
  note(path, 0);
  if (std::ifstream file(path); std::distance(std::istream_iterator<int>(file), {}) > 1) {
    throw std::domain_error("cannot begin");
  }
}

TYPED_TEST(PoolControl, a_resize_throws_what_an_initializer_throws) {
  const Notes begun;
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 1, .initializer = muster::bind(begin_once, begun.path())}));
  EXPECT_THROW(pool.resize(2), std::domain_error);
  EXPECT_THROW(pool.apply(square, 1), std::domain_error);
  EXPECT_THROW(pool.resize(3), std::domain_error);
}

TYPED_TEST(PoolControl, refuses_sizes_that_are_none) {
  PoolOf<TypeParam> pool(sized<TypeParam>(1));
  EXPECT_THROW(pool.resize(-1), ValueError);
  EXPECT_THROW(pool.resize(INT_MAX), ValueError);
  EXPECT_EQ(pool.processes(), 1);
  pool.resize(0);
  EXPECT_EQ(pool.processes(), usable_cpus());
}

TYPED_TEST(PoolControl, an_ended_pool_cannot_be_resized) {
  PoolOf<TypeParam> pool(sized<TypeParam>(1));
  pool.terminate();
  EXPECT_THROW(pool.resize(2), PoolClosed);
  pool.join();
  EXPECT_THROW(pool.resize(2), PoolClosed);
  EXPECT_THROW(pool.resize(1), PoolClosed);
}

TYPED_TEST(PoolControl, a_closed_pool_can_be_resized_until_it_is_joined) {
  PoolOf<TypeParam> pool(sized<TypeParam>(1));
  Held held(pool, 3);
  pool.close();
  pool.resize(3);
  held.await_begun(3);
  held.let_go();
  pool.join();
  EXPECT_THROW(pool.resize(2), PoolClosed);
  EXPECT_EQ(pool.stats().finished, 3U);
}

TYPED_TEST(PoolControl, resizes_beside_the_end_of_the_pool) {
  for (int round = 0; round < 20; ++round) {
    PoolOf<TypeParam> pool(sized<TypeParam>(1 + round % 2));
    std::vector<AsyncResult<int>> calls;
    for (int i = 0; i < 10; ++i) calls.push_back(pool.apply_async(square, i));
    std::atomic<bool> begun{false};
    std::thread resizer([&] {
      try {
        for (int i = 0;; ++i) {
          pool.resize(1 + i % 3);
          begun = true;
        }
      } catch (const PoolClosed&) {
      }
    });
    await([&] { return begun.load(); });
    if (round % 3 == 0) pool.pause();
    round % 2 == 0 ? pool.terminate() : pool.close();
    pool.join();
    resizer.join();
    for (const auto& call : calls) EXPECT_TRUE(call.ready());
  }
}

TYPED_TEST(PoolControl, a_resized_pool_counts_on_with_replaced_workers) {
  PoolOf<TypeParam> pool(TypeParam::with({.processes = 1, .maxtasksperchild = 2}));
  const Notes done;
  for (int round = 0; round < 60; ++round) {
    for (int i = 0; i < 5; ++i) pool.post(note, done.path(), i);
    pool.resize(1 + round % 3);
  }
  pool.wait_all();
  EXPECT_EQ(done.lines().size(), 300U);
}

// ---- pauses ---------------------------------------------------------------------------------------------------------

TYPED_TEST(PoolControl, what_is_submitted_to_a_paused_pool_begins_when_it_resumes) {
  PoolOf<TypeParam> pool(sized<TypeParam>(2));
  for (int round = 0; round < 50; ++round) {
    const Notes done;
    pool.post(square, 3);  // workers that look for work just now
    pool.pause();
    pool.pause();
    for (int i = 0; i < 40; ++i) pool.post(note, done.path(), i);
    const auto asked = pool.map_async(muster::bind(note, done.path()), std::views::iota(0, 40));
    EXPECT_FALSE(asked.wait(0s));
    EXPECT_EQ(done.lines().size(), 0U);
    pool.resume();
    pool.resume();
    pool.wait_all();
    EXPECT_EQ(done.lines().size(), 80U);
  }
}

TYPED_TEST(PoolControl, calls_that_were_held_by_a_pause_begin_in_their_order) {
  PoolOf<TypeParam> pool(sized<TypeParam>(1));
  for (int round = 0; round < 20; ++round) {
    const Notes done;
    Held held(pool, 1);
    held.await_begun(1);
    for (int i = 0; i < 30; ++i) pool.post(note, done.path(), i);
    pool.pause();
    for (int i = 30; i < 40; ++i) pool.post(note, done.path(), i);
    held.let_go();
    pool.resume();
    pool.wait_all();
    EXPECT_EQ(done.lines(), numbers_to(40));
  }
}

int hold_first(const std::string& bell, const std::string& gate, const std::string& notes, int i) {
  if (i < 2) hold(bell, gate, 0);
  note(notes, i);
  return i;
}

TYPED_TEST(PoolControl, a_pause_holds_the_rest_of_a_map) {
  PoolOf<TypeParam> pool(sized<TypeParam>(2));
  const Notes done;
  Bell bell;
  Gate gate;
  std::thread caller([&] {
    const auto map = muster::bind(hold_first, bell.path(), gate.path(), done.path());
    EXPECT_EQ(pool.map(map, std::views::iota(0, 300), {.chunksize = 1})[299], 299);
  });
  bell.await(2);
  pool.pause();
  gate.open();
  await([&] { return done.lines().size() == 2 && pool.stats().running == 0; });
  EXPECT_EQ(done.lines().size(), 2U);
  EXPECT_EQ(pool.stats().finished, 0U);
  pool.resume();
  caller.join();
  EXPECT_EQ(done.lines().size(), 300U);
}

TYPED_TEST(PoolControl, who_calls_a_paused_pool_waits) {
  PoolOf<TypeParam> pool(sized<TypeParam>(1));
  pool.pause();
  const Notes done;
  std::thread maps([&] { pool.map(muster::bind(note, done.path()), std::views::iota(0, 10)); });
  std::thread applies([&] { pool.apply(note, done.path(), 10); });
  std::thread reads([&] {
    int next = 0;
    for (const int value : pool.imap(square, std::views::iota(0, 10))) {
      EXPECT_EQ(value, next * next);
      ++next;
    }
    EXPECT_EQ(next, 10);
  });
  await([&] { return pool.stats().submitted >= 3; });
  EXPECT_EQ(done.lines().size(), 0U);
  EXPECT_EQ(pool.stats().finished, 0U);
  pool.resume();
  maps.join();
  applies.join();
  reads.join();
  EXPECT_EQ(done.lines().size(), 11U);
}

TYPED_TEST(PoolControl, a_stream_that_is_read_goes_on_after_each_pause) {
  PoolOf<TypeParam> pool(sized<TypeParam>(2));
  std::atomic<bool> over{false};
  std::thread pauser([&] {
    while (!over) {
      pool.pause();
      pool.resume();
      pool.apply(square, 1);
    }
  });
  int next = 0;
  for (const int value : pool.imap(square, std::views::iota(0, 2000))) {
    ASSERT_EQ(value, next * next);
    ++next;
  }
  EXPECT_EQ(next, 2000);
  over = true;
  pauser.join();
}

TYPED_TEST(PoolControl, a_stream_over_a_paused_pool_may_be_left) {
  PoolOf<TypeParam> pool(sized<TypeParam>(2));
  {
    auto stream = pool.imap(square, std::views::iota(0, 1000));
    EXPECT_EQ(*stream.next(), 0);
    pool.pause();
  }
  pool.resume();
  EXPECT_EQ(pool.apply(square, 3), 9);
}

TYPED_TEST(PoolControl, a_paused_pool_ends_like_any_other) {
  const Notes done;
  {
    PoolOf<TypeParam> pool(sized<TypeParam>(2));
    pool.pause();
    for (int i = 0; i < 10; ++i) pool.post(note, done.path(), i);
    pool.close();
    pool.join();
    EXPECT_EQ(done.lines().size(), 10U) << "join ends the pause";
  }
  {
    PoolOf<TypeParam> pool(sized<TypeParam>(2));
    pool.pause();
    for (int i = 0; i < 10; ++i) pool.post(note, done.path(), i);
    const auto asked = pool.apply_async(square, 3);
    pool.terminate();
    EXPECT_THROW(asked.get(), Cancelled);
    pool.pause();  // too late
    pool.join();
  }
  {
    PoolOf<TypeParam> pool(sized<TypeParam>(2));
    pool.pause();
    for (int i = 0; i < 10; ++i) pool.post(note, done.path(), i);
  }
  EXPECT_EQ(done.lines().size(), 10U);
}

TYPED_TEST(PoolControl, a_paused_pool_may_be_resized) {
  PoolOf<TypeParam> pool(sized<TypeParam>(1));
  pool.pause();
  const Notes done;
  for (int i = 0; i < 10; ++i) pool.post(note, done.path(), i);
  pool.resize(3);
  pool.resize(2);
  EXPECT_EQ(done.lines().size(), 0U);
  pool.resume();
  pool.wait_all();
  EXPECT_EQ(done.lines().size(), 10U);
  expect_to_meet(pool, 2);
}

TYPED_TEST(PoolControl, pauses_at_random_moments_lose_nothing) {
  PoolOf<TypeParam> pool(sized<TypeParam>(3));
  std::atomic<bool> over{false};
  std::thread pauser([&] {
    for (int i = 0; !over; ++i) {
      pool.pause();
      if (i % 3 == 0) pool.resize(1 + i % 4);
      pool.resume();
      pool.apply(square, 2);  // something gets done between the pauses
    }
  });
  {
    const Crowd crowd(2, [&](int) {
      for (int round = 0; round < 100; ++round) {
        const auto call = pool.apply_async(square, round);
        const auto squares = pool.map(square, std::views::iota(0, 19), {.chunksize = 1});
        for (int i = 0; i < 19; ++i) EXPECT_EQ(squares[static_cast<std::size_t>(i)], i * i);
        EXPECT_EQ(pool.apply(square, 3), 9);
        EXPECT_EQ(call.get(), round * round);
      }
    });
  }
  over = true;
  pauser.join();
}

// ---- stats ----------------------------------------------------------------------------------------------------------

void fail(int /*item*/) { throw std::runtime_error("counts, too"); }

TYPED_TEST(PoolControl, pain_23_counts_match_the_truth) {
  PoolOf<TypeParam> pool(sized<TypeParam>(3));
  EXPECT_EQ(pool.stats().workers, 3);
  EXPECT_EQ(pool.stats().running, 0);
  EXPECT_EQ(pool.stats().submitted, 0U);
  {
    Held held(pool, 5);
    held.await_begun(3);
    const PoolStats stats = pool.stats();
    EXPECT_EQ(stats.running, 3);
    EXPECT_EQ(stats.submitted, 5U);
    EXPECT_EQ(stats.finished, 0U);
    EXPECT_EQ(stats.unfinished(), 5U);
    EXPECT_GT(stats.working.nanoseconds(), 0ns);
    held.let_go();
  }
  pool.map(square, std::views::iota(0, 1000));
  EXPECT_THROW(pool.apply(fail, 0), std::runtime_error);
  pool.wait_all();
  EXPECT_EQ(pool.stats().submitted, 7U);
  EXPECT_EQ(pool.stats().finished, 7U);
  await([&] { return pool.stats().running == 0; });
}

// What a worker does not work it waits: so both sum to the time that there was.
TYPED_TEST(PoolControl, pain_23_the_time_of_work_is_that_in_which_there_was_some) {
  const auto begin = std::chrono::steady_clock::now();
  PoolOf<TypeParam> pool(sized<TypeParam>(2));
  Held held(pool, 2);
  held.await_begun(2);
  const auto before = pool.stats().working.nanoseconds();
  const auto both = std::chrono::steady_clock::now();
  await([&] { return std::chrono::steady_clock::now() - both > 2ms; });
  EXPECT_GE(pool.stats().working.nanoseconds() - before, 2 * 2ms) << "both had a task all the time";
  held.let_go();
  EXPECT_LE(pool.stats().working.nanoseconds(), 2 * (std::chrono::steady_clock::now() - begin));
  await([&] { return pool.stats().running == 0; });
  const auto after = pool.stats().working.nanoseconds();
  const auto idle = std::chrono::steady_clock::now();
  await([&] { return std::chrono::steady_clock::now() - idle > 20ms; });
  EXPECT_LT(pool.stats().working.nanoseconds() - after, 10ms) << "nobody had a task";
}

TYPED_TEST(PoolControl, the_work_of_those_who_are_gone_is_remembered) {
  PoolOf<TypeParam> pool(sized<TypeParam>(3));
  {
    Held held(pool, 3);
    held.await_begun(3);
    const auto all = std::chrono::steady_clock::now();
    await([&] { return std::chrono::steady_clock::now() - all > 2ms; });
    held.let_go();
  }
  pool.resize(1);
  pool.apply(square, 3);
  EXPECT_GE(pool.stats().working.nanoseconds(), 3 * 2ms);
  pool.close();
  pool.join();
  EXPECT_GE(pool.stats().working.nanoseconds(), 3 * 2ms);
  EXPECT_EQ(pool.stats().finished, 4U);
}

}  // namespace
}  // namespace muster::testing
