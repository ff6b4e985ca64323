// The pool of work requests: putting, polling, and its workers.

#include <gtest/gtest.h>
#include <muster/threading.hpp>
#include <muster/threadpool.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <ranges>
#include <set>
#include <stdexcept>
#include <thread>
#include <tuple>
#include <vector>

#include "tests/support/work_requests.hpp"

namespace muster::testing {
namespace {

using namespace std::chrono_literals;

// ---- polling -------------------------------------------------------------------------------------------------------

TEST(Poll, callbacks_run_in_the_thread_that_polls) {
  ThreadPool pool(2);
  std::set<std::thread::id> threads;
  put_all(pool, make_requests([](int) { return std::this_thread::get_id(); }, std::views::iota(0, 20),
                              [&threads](const WorkRequest&, std::thread::id worker) {
                                EXPECT_NE(worker, std::this_thread::get_id());
                                threads.insert(std::this_thread::get_id());
                              }));
  pool.wait();
  EXPECT_EQ(threads, std::set{std::this_thread::get_id()});
}

TEST(Poll, without_blocking_returns_while_something_is_pending) {
  Held held;
  ThreadPool pool(1);
  EXPECT_THROW(pool.poll(), NoResultsPending);
  EXPECT_THROW(pool.poll(true), NoResultsPending);
  held.put_into(pool);
  pool.poll();
  EXPECT_EQ(pool.work_requests(), 1U);
  held.let_go();
  EXPECT_THROW(pool.poll(true), NoResultsPending) << "until nothing is left";
  EXPECT_EQ(pool.work_requests(), 0U);
  pool.wait();
}

TEST(Poll, what_a_callback_throws_is_thrown_and_the_rest_remains) {
  ThreadPool pool(1);
  std::vector<int> seen;
  put_all(pool, make_requests(square, std::vector{1, 2, 3}, [&seen](const WorkRequest&, int result) {
            seen.push_back(result);
            if (result != 9) throw std::logic_error("callback");
          }));
  EXPECT_THROW(pool.poll(true), std::logic_error);
  EXPECT_EQ(pool.work_requests(), 2U);
  EXPECT_THROW(pool.wait(), std::logic_error);
  pool.wait();
  EXPECT_EQ(seen, (std::vector{1, 4, 9}));
  EXPECT_THROW(pool.poll(), NoResultsPending);
}

TEST(Poll, a_callback_that_throws_no_results_pending_is_not_the_end_of_wait) {
  ThreadPool pool(1);
  put_all(pool, make_requests(square, std::vector{1, 2}, [](const WorkRequest&, int) { ThreadPool(0).poll(); }));
  EXPECT_THROW(pool.wait(), NoResultsPending);
  EXPECT_EQ(pool.work_requests(), 1U);
}

TEST(Poll, a_callback_may_put_its_request_again) {
  ThreadPool pool(1);
  int runs = 0;
  pool.put_request(WorkRequest(square, std::tuple(3), nullptr, {}, [&](const WorkRequest& request, int result) {
    EXPECT_EQ(result, 9);
    if (++runs < 100) pool.put_request(request);
  }));
  pool.wait();
  EXPECT_EQ(runs, 100);
}

TEST(Poll, to_block_in_a_request_or_callback_is_refused) {
  ThreadPool pool(1);
  ThreadPool other(1);
  int refused = 0;
  const auto block = [&pool, &refused] {
    EXPECT_THROW(pool.wait(), DeadlockError);
    EXPECT_THROW(pool.poll(true), DeadlockError);
    pool.poll();
    ++refused;
  };
  pool.put_request(WorkRequest(block));
  pool.wait();
  pool.put_request(WorkRequest([] {}, nullptr, nullptr, {},
                               [&](const WorkRequest&) {
                                 block();
                                 other.put_request(
                                     WorkRequest([] {}, nullptr, nullptr, {}, [&](const WorkRequest&) { block(); }));
                                 other.wait();  // and in a callback of another pool on top of ours
                               }));
  pool.wait();
  EXPECT_EQ(refused, 3);
}

TEST(Poll, wait_includes_callbacks_that_another_thread_runs) {
  ThreadPool pool(1);
  Event in_callback;
  Event go;
  std::atomic<bool> ended{false};
  pool.put_request(WorkRequest([] {}, nullptr, nullptr, {},
                               [&](const WorkRequest&) {
                                 in_callback.set();
                                 go.wait();
                                 ended = true;
                               }));
  std::thread poller([&] { pool.wait(); });
  in_callback.wait();
  EXPECT_EQ(pool.work_requests(), 0U);
  pool.poll();
  std::thread helper([&] { go.set(); });
  pool.wait();
  EXPECT_TRUE(ended);
  poller.join();
  helper.join();
}

TEST(Poll, without_workers_is_refused_when_something_is_pending) {
  ThreadPool pool(0);
  pool.wait();
  int seen = 0;
  pool.put_request(WorkRequest(square, std::tuple(2), nullptr, {}, [&seen](const WorkRequest&, int r) { seen = r; }));
  EXPECT_THROW(pool.poll(true), NoWorkersAvailable);
  EXPECT_THROW(pool.wait(), NoWorkersAvailable);
  pool.poll();
  pool.create_workers(1);
  pool.wait();
  EXPECT_EQ(seen, 4);
}

TEST(Poll, what_dismissed_workers_are_at_is_waited_for) {
  Held held;
  ThreadPool pool(1);
  held.put_into(pool);
  pool.put_request(WorkRequest(square, std::tuple(2)));
  pool.dismiss_workers(1);
  std::thread helper([&] { held.let_go(); });
  EXPECT_THROW(pool.wait(), NoWorkersAvailable);
  EXPECT_EQ(pool.work_requests(), 1U) << "the held one has been handed out";
  helper.join();
}

TEST(Poll, ends_when_the_last_worker_is_dismissed_meanwhile) {
  for (int round = 0; round < 100; ++round) {
    ThreadPool pool(1, 0, 1);
    // The second one is kept from beginning by the first one's result, until that is polled.
    put_all(pool, make_requests(square, {1, 2, 3, 4}));
    std::thread other([&pool] { pool.dismiss_workers(1); });
    try {
      pool.wait();
    } catch (const NoWorkersAvailable&) {
    }
    other.join();
  }
}

// ---- putting -------------------------------------------------------------------------------------------------------

TEST(PutRequest, a_full_queue_refuses_or_waits) {
  Held held;
  ThreadPool pool(1, 1);
  held.put_into(pool);
  pool.put_request(WorkRequest(square, std::tuple(1)));
  const WorkRequest late(square, std::tuple(2));
  EXPECT_THROW(pool.put_request(late, false), Full);
  EXPECT_THROW(pool.put_request(late, false, 1h), Full);
  EXPECT_THROW(pool.put_request(late, true, 1ms), Full);
  std::thread helper([&] { held.let_go(); });
  pool.put_request(late);
  helper.join();
  pool.wait();
  EXPECT_EQ(pool.work_requests(), 0U);
}

TEST(PutRequest, to_wait_for_room_without_workers_is_refused) {
  ThreadPool pool(0, 1);
  pool.put_request(WorkRequest(square, std::tuple(1)));
  EXPECT_THROW(pool.put_request(WorkRequest(square, std::tuple(2))), NoWorkersAvailable);
  EXPECT_THROW(pool.put_request(WorkRequest(square, std::tuple(2)), true, 1ms), Full);
  EXPECT_EQ(pool.work_requests(), 1U);
}

TEST(PutRequest, a_wait_for_room_ends_when_the_last_worker_is_dismissed) {
  Held held;
  ThreadPool pool(1, 1);
  held.put_into(pool);
  pool.put_request(WorkRequest(square, std::tuple(1)));
  std::thread helper([&] { pool.dismiss_workers(1); });
  EXPECT_THROW(pool.put_request(WorkRequest(square, std::tuple(2))), NoWorkersAvailable);
  helper.join();
  held.let_go();
}

TEST(PutRequest, an_id_is_refused_while_an_equal_one_is_pending) {
  Held held;
  ThreadPool pool(1);
  held.put_into(pool);
  int sum = 0;
  const auto add = [&sum](const WorkRequest&, int result) { sum += result; };
  const WorkRequest one(square, std::tuple(1), nullptr, 7, add);
  const WorkRequest other(square, std::tuple(2), nullptr, "7", add);
  pool.put_request(one);
  EXPECT_THROW(pool.put_request(one), ValueError);
  EXPECT_THROW(pool.put_request(other), ValueError);
  held.let_go();
  pool.wait();
  EXPECT_EQ(sum, 1);
  pool.put_request(other);
  pool.wait();
  pool.put_request(one);
  pool.wait();
  EXPECT_EQ(sum, 6);
}

TEST(PutRequest, a_request_is_in_one_pool_at_a_time) {
  ThreadPool pool(1);
  int seen = 0;
  const WorkRequest request(square, std::tuple(2), nullptr, {}, [&seen](const WorkRequest&, int r) { seen += r; });
  {
    ThreadPool idle(0);
    idle.put_request(request);
    EXPECT_THROW(pool.put_request(request), ValueError);
    EXPECT_EQ(pool.work_requests(), 0U);
  }
  pool.put_request(request);  // the other one has dropped it
  pool.wait();
  EXPECT_EQ(seen, 4);
}

TEST(PutRequest, in_a_request_of_the_same_pool) {
  ThreadPool pool(2);
  std::atomic<int> leaves{0};
  std::function<void(int)> grow = [&](int depth) {
    if (depth == 0) {
      ++leaves;
    } else {
      put_all(pool, make_requests(std::cref(grow), {depth - 1, depth - 1}));
    }
  };
  pool.put_request(WorkRequest(std::cref(grow), std::tuple(6)));
  pool.wait();
  EXPECT_EQ(leaves, 64);
}

// ---- workers -------------------------------------------------------------------------------------------------------

TEST(RequestWorkers, sizes_that_make_no_sense_are_refused) {
  EXPECT_THROW(ThreadPool(-1), ValueError);
  EXPECT_THROW(ThreadPool(1, -1), ValueError);
  EXPECT_THROW(ThreadPool(1, 0, -1), ValueError);
  ThreadPool pool(1);
  EXPECT_THROW(pool.create_workers(-1), ValueError);
  EXPECT_THROW(pool.dismiss_workers(-1), ValueError);
  EXPECT_EQ(pool.workers(), 1U);
}

TEST(RequestWorkers, workers_come_and_go) {
  ThreadPool pool(2);
  pool.create_workers(3, 1h);
  EXPECT_EQ(pool.workers(), 5U);
  pool.dismiss_workers(2, true);
  EXPECT_EQ(pool.workers(), 3U);
  EXPECT_EQ(pool.dismissed_workers(), 0U);
  pool.dismiss_workers(2);
  EXPECT_EQ(pool.workers(), 1U);
  EXPECT_EQ(pool.dismissed_workers(), 2U);
  pool.dismiss_workers(9);
  EXPECT_EQ(pool.workers(), 0U);
  pool.join_all_dismissed_workers();
  EXPECT_EQ(pool.dismissed_workers(), 0U);
  pool.join_all_dismissed_workers();
}

TEST(RequestWorkers, a_dismissed_worker_ends_what_it_is_at_and_takes_nothing_more) {
  Held held;
  ThreadPool pool(1);
  held.put_into(pool);
  pool.put_request(WorkRequest(square, std::tuple(1)));
  pool.dismiss_workers(1);
  held.let_go();
  pool.join_all_dismissed_workers();
  EXPECT_EQ(pool.work_requests(), 2U);
  pool.poll();
  EXPECT_EQ(pool.work_requests(), 1U);
}

TEST(RequestWorkers, a_request_handed_to_a_worker_that_leaves_goes_to_another) {
  for (int round = 0; round < 200; ++round) {
    ThreadPool pool(2);
    std::thread other([&pool] { pool.dismiss_workers(1, true); });
    pool.put_request(WorkRequest(square, std::tuple(1)));
    pool.wait();
    other.join();
  }
}

TEST(RequestWorkers, to_join_workers_in_a_request_is_refused) {
  ThreadPool pool(1);
  pool.put_request(WorkRequest([&pool] {
    EXPECT_THROW(pool.dismiss_workers(1, true), DeadlockError);
    EXPECT_EQ(pool.workers(), 1U);
    pool.dismiss_workers(1);
    EXPECT_THROW(pool.join_all_dismissed_workers(), DeadlockError);
  }));
  EXPECT_THROW(pool.poll(true), NoResultsPending);
  EXPECT_EQ(pool.dismissed_workers(), 1U);
}

TEST(RequestWorkers, results_that_nobody_polls_hold_the_workers_back_but_not_their_dismissal) {
  ThreadPool pool(1, 0, 1);
  std::atomic<int> begun{0};
  put_all(pool, make_requests([&begun](int) { ++begun; }, {1, 2, 3}));
  while (begun == 0) std::this_thread::yield();
  pool.dismiss_workers(1, true);
  EXPECT_EQ(begun, 1);
  pool.create_workers(2);
  pool.dismiss_workers(2, true);
  EXPECT_EQ(begun, 1);
  pool.create_workers(1);
  pool.wait();
  EXPECT_EQ(begun, 3);
}

}  // namespace
}  // namespace muster::testing
