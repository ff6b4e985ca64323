// How a pool of work requests ends, and all of it at once.

#include <gtest/gtest.h>
#include <muster/process_pool.hpp>
#include <muster/threading.hpp>
#include <muster/threadpool.hpp>

#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "tests/support/forked.hpp"
#include "tests/support/leaks.hpp"
#include "tests/support/tracked.hpp"
#include "tests/support/work_requests.hpp"

namespace muster::testing {
namespace {

using namespace std::chrono_literals;

// ---- the end -------------------------------------------------------------------------------------------------------

TEST(RequestPoolEnd, its_end_drops_what_has_not_begun_and_asks_the_rest_to_stop) {
  std::atomic<int> ran{0};
  {
    Event begun;
    ThreadPool pool(1);
    pool.put_request(WorkRequest([&](const std::stop_token& stop) {
      begun.set();
      while (!stop.stop_requested()) std::this_thread::yield();
      ++ran;
    }));
    put_all(pool, make_requests([&ran](int) { ++ran; }, {1, 2, 3}));
    begun.wait();
  }
  EXPECT_EQ(ran, 1);
}

TEST(RequestPoolEnd, its_end_tells_of_failures_that_nobody_polled) {
  ::testing::internal::CaptureStderr();
  {
    ThreadPool pool(1);
    const WorkRequest request(fail, std::tuple(3));
    pool.put_request(request);
    while (!request.exception()) std::this_thread::yield();
  }
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("failed: std::runtime_error: no 3"), std::string::npos);
}

TEST(RequestPoolEnd, may_end_in_a_request_of_its_own) {
  auto pool = std::make_unique<ThreadPool>(2);
  Event ended;
  pool->put_request(WorkRequest([&] {
    pool.reset();
    ended.set();
  }));
  ended.wait();
}

TEST(RequestPoolEnd, its_end_refuses_what_its_requests_would_have_it_do) {
  std::atomic<int> refused{0};
  {
    Event begun;
    ThreadPool pool(1, 1);
    pool.put_request(WorkRequest([&](const std::stop_token& stop) {
      begun.set();
      while (!stop.stop_requested()) std::this_thread::yield();
      EXPECT_THROW(pool.create_workers(1), PoolClosed);
      EXPECT_THROW(pool.put_request(WorkRequest(square, std::tuple(1))), PoolClosed);
      ++refused;
    }));
    begun.wait();
  }
  {
    Event begun;
    ThreadPool pool(1, 1);
    pool.put_request(WorkRequest([&] {
      begun.set();
      for (;;) {
        try {
          pool.put_request(WorkRequest(square, std::tuple(1)), true, 1h);  // waits: nobody makes room
        } catch (const PoolClosed&) {
          ++refused;
          return;
        }
      }
    }));
    begun.wait();
  }
  EXPECT_EQ(refused, 2);
}

TEST(RequestPoolEnd, processes_can_be_started_beside_one_that_is_idle) {
  ThreadPool pool(3);
  pool.put_request(WorkRequest(square, std::tuple(1)));
  pool.wait();
  ProcessPool processes(1);
  EXPECT_EQ(processes.apply(square, 4), 16);
}

TEST(RequestPoolEnd, in_a_copy_of_its_process_it_refuses_work_and_ends) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer's own memory may be locked for ever in a copy";
#endif
  auto pool = std::make_unique<ThreadPool>(2);
  pool->put_request(WorkRequest(square, std::tuple(1)));
  pool->wait();
  Forked copy([&pool] {
    int refused = 0;
    const auto expect_error = [&refused](const auto& call) {
      try {
        call();
      } catch (const Error&) {
        ++refused;
      }
    };
    expect_error([&] { pool->put_request(WorkRequest(square, std::tuple(1))); });
    expect_error([&] { pool->poll(); });
    expect_error([&] { pool->wait(); });
    expect_error([&] { pool->create_workers(1); });
    pool->dismiss_workers(1, true);
    pool->join_all_dismissed_workers();
    if (pool->workers() != 0) throw std::runtime_error("there are no workers here");
    pool.reset();
    if (refused != 4) throw std::runtime_error("refused " + std::to_string(refused));
    return true;
  });
  EXPECT_EQ(copy.reap(), 0);
}

// ---- all at once ---------------------------------------------------------------------------------------------------

// Producers, pollers, and somebody who replaces workers: every request is handed out once, as what it was.
void play(int queue_size, int result_queue_size) {
  constexpr int kProducers = 3;
  constexpr int kEach = 2000;
  ThreadPool pool(2, queue_size, result_queue_size);
  std::vector<std::atomic<int>> seen(kProducers * kEach);
  std::atomic<int> handed_out{0};
  std::atomic<bool> over{false};
  const auto odd_fails = [](int i) {
    if (i % 2 != 0) throw i;
    return i;
  };
  const auto count = [&](int i) {
    ++seen[static_cast<std::size_t>(i)];
    ++handed_out;
  };
  std::vector<std::thread> threads;
  for (int producer = 0; producer < kProducers; ++producer) {
    threads.emplace_back([&, producer] {
      const int first = producer * kEach;
      for (const WorkRequest& request : make_requests(
               odd_fails, std::views::iota(first, first + kEach), [&](const WorkRequest&, int i) { count(i); },
               [&](const WorkRequest&, const std::exception_ptr& error) {
                 try {
                   std::rethrow_exception(error);
                 } catch (int i) {
                   count(i);
                 }
               })) {
        pool.put_request(request);
      }
    });
  }
  for (int poller = 0; poller < 2; ++poller) {
    threads.emplace_back([&] {
      while (handed_out < kProducers * kEach) {
        pool.wait();
        std::this_thread::yield();
      }
      over = true;
    });
  }
  std::thread changes([&] {
    for (bool join = true; !over; join = !join) {
      pool.create_workers(1);
      pool.dismiss_workers(1, join);
      std::this_thread::yield();
    }
    pool.join_all_dismissed_workers();
  });
  for (std::thread& thread : threads) thread.join();
  changes.join();
  for (const std::atomic<int>& times : seen) ASSERT_EQ(times, 1);
  EXPECT_THROW(pool.poll(), NoResultsPending);
}

TEST(RequestPoolStress, every_request_is_handed_out_once) { play(0, 0); }
TEST(RequestPoolStress, every_request_is_handed_out_once_by_short_queues) { play(2, 1); }

TEST(RequestPoolStress, ends_at_any_moment) {
  Tracked::reset();
  for (int round = 0; round < 300; ++round) {
    ThreadPool pool(1 + round % 3, round % 2 == 0 ? 0 : 2, round % 5 == 0 ? 1 : 0);
    for (const WorkRequest& request :
         make_requests([kept = Tracked(1)](int i) { return kept.value + i; }, std::views::iota(0, 20))) {
      try {
        pool.put_request(request, round % 2 == 0);
      } catch (const Full&) {
        break;
      }
    }
    if (round % 4 == 0) pool.dismiss_workers(1);
    try {
      if (round % 3 == 0) pool.poll();
    } catch (const NoResultsPending&) {
    }
  }
  EXPECT_EQ(Tracked::live, 0) << "no request is left";
}

}  // namespace
}  // namespace muster::testing
