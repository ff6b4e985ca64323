// Work requests and their pool.

#include <gtest/gtest.h>
#include <muster/process_pool.hpp>
#include <muster/threading.hpp>
#include <muster/threadpool.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <ranges>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/support/child.hpp"
#include "tests/support/leaks.hpp"
#include "tests/support/tracked.hpp"

namespace muster::testing {
namespace {

using namespace std::chrono_literals;
using threading::Event;
using threadpool::Full;
using threadpool::make_requests;
using threadpool::NoResultsPending;
using threadpool::NoWorkersAvailable;
using threadpool::ThreadPool;
using threadpool::WorkRequest;

using Named = std::map<std::string, int>;

int square(int i) { return i * i; }
int fail(int i) { throw std::runtime_error("no " + std::to_string(i)); }

void put_all(ThreadPool& pool, const std::vector<WorkRequest>& requests) {
  for (const WorkRequest& request : requests) pool.put_request(request);
}

// What the requests give, in the order of their results, by one worker.
template <class T, class... Arguments>
std::vector<T> results_of(Arguments&&... arguments) {
  ThreadPool pool(1);
  std::vector<T> results;
  put_all(pool, make_requests(std::forward<Arguments>(arguments)...,
                              [&results](const WorkRequest&, T result) { results.push_back(std::move(result)); }));
  pool.wait();
  return results;
}

// A request that has begun and waits to be let go. Outlives its pool.
class Held {
 public:
  void put_into(ThreadPool& pool) {
    pool.put_request(request_);
    begun_.wait();
  }
  void let_go() { go_.set(); }

 private:
  Event begun_;
  Event go_;
  WorkRequest request_{[this] {
    begun_.set();
    go_.wait();
  }};
};

// ---- what is called ------------------------------------------------------------------------------------------------

TEST(MakeRequests, tuples_and_pairs_are_spread_and_other_values_passed_alone) {
  const auto minus = [](int a, int b) { return a - b; };
  EXPECT_EQ(results_of<int>(minus, std::vector<std::tuple<int, int>>{{9, 1}, {8, 2}}), (std::vector{8, 6}));
  EXPECT_EQ(results_of<int>(minus, std::map<int, int>{{9, 1}, {8, 2}}), (std::vector{6, 8}));
  EXPECT_EQ(results_of<int>(square, std::vector{2, 3}), (std::vector{4, 9}));
  const auto first = [](const std::vector<int>& values) { return values.front(); };
  EXPECT_EQ(results_of<int>(first, std::vector<std::vector<int>>{{7, 8}, {9}}), (std::vector{7, 9}));
}

TEST(MakeRequests, args_and_kwds_are_passed_one_after_the_other) {
  const auto weigh = [](int a, const Named& named) { return a + named.at("m") * 10; };
  const std::vector<std::pair<std::tuple<int>, Named>> both{{{1}, {{"m", 2}}}, {{3}, {{"m", 4}}}};
  EXPECT_EQ(results_of<int>(weigh, both), (std::vector{21, 43}));
  const auto only_named = [](const Named& named) { return named.at("m"); };
  EXPECT_EQ(results_of<int>(only_named, std::vector<std::tuple<std::nullptr_t, Named>>{{nullptr, {{"m", 5}}}}),
            (std::vector{5}));
  const auto minus = [](int a, int b) { return a - b; };
  EXPECT_EQ(results_of<int>(minus, std::vector<std::pair<std::pair<int, int>, std::nullptr_t>>{{{9, 1}, nullptr}}),
            (std::vector{8}));
}

TEST(MakeRequests, any_range_does) {
  EXPECT_EQ(results_of<int>(square, std::views::iota(1, 4)), (std::vector{1, 4, 9}));
  EXPECT_EQ(results_of<int>([](bool b) { return b ? 1 : 0; }, std::vector<bool>{true, false}), (std::vector{1, 0}));
  EXPECT_EQ(make_requests(square, {1, 2, 3}).size(), 3U);
  EXPECT_TRUE(make_requests(square, std::vector<int>{}).empty());
}

TEST(MakeRequests, the_callable_is_shared_and_items_of_a_container_that_is_given_up_are_moved) {
  Tracked::reset();
  std::vector<Tracked> items;
  items.reserve(3);
  for (int i = 0; i < 3; ++i) items.emplace_back(i);
  const auto requests = make_requests([shared = Tracked(10)](const Tracked& item) { return shared.value + item.value; },
                                      std::move(items));
  EXPECT_EQ(Tracked::copies, 0);
  EXPECT_EQ(requests.size(), 3U);
}

TEST(WorkRequest, has_the_id_that_it_is_given_or_one_of_its_own) {
  const WorkRequest one(square, std::tuple(1));
  const WorkRequest other(square, std::tuple(1));
  EXPECT_NE(one.request_id(), other.request_id());
  EXPECT_EQ(WorkRequest(square, std::tuple(1), nullptr, 7).request_id(), "7");
  EXPECT_EQ(WorkRequest(square, std::tuple(1), nullptr, "seven").request_id(), "seven");
  EXPECT_EQ(WorkRequest(one).request_id(), one.request_id()) << "a copy is the same request";
}

TEST(WorkRequest, calls_whatever_can_be_called) {
  struct Account {
    int balance = 1;
    int plus(int more) const { return balance + more; }
  };
  ThreadPool pool(1);
  const Account account;
  int target = 0;
  int sum = 0;
  const auto add = [&sum](const WorkRequest&, int result) { sum += result; };
  pool.put_request(WorkRequest(&Account::plus, std::tuple(std::cref(account), 9), nullptr, {}, add));
  pool.put_request(WorkRequest([](int& out) { return out = 100; }, std::tuple(std::ref(target)), nullptr, {}, add));
  pool.put_request(WorkRequest([](const std::stop_token& stop, int i) { return stop.stop_requested() ? 0 : i; },
                               std::tuple(1000), nullptr, {}, add));
  pool.wait();
  EXPECT_EQ(sum, 1110);
  EXPECT_EQ(target, 100);
}

TEST(WorkRequest, results_need_not_be_copied_and_may_be_nothing) {
  ThreadPool pool(1);
  int seen = 0;
  pool.put_request(WorkRequest([] { return MoveOnly(3); }, nullptr, nullptr, {},
                               [&seen](const WorkRequest&, MoveOnly result) { seen += result.value; }));
  pool.put_request(WorkRequest([] { return std::make_unique<int>(40); }, nullptr, nullptr, {},
                               [&seen](const WorkRequest&, const std::unique_ptr<int>& result) { seen += *result; }));
  pool.put_request(WorkRequest([] {}, nullptr, nullptr, {}, [&seen](const WorkRequest&) { seen += 500; }));
  pool.wait();
  EXPECT_EQ(seen, 543);
}

// ---- failures ------------------------------------------------------------------------------------------------------

TEST(WorkRequest, a_failure_goes_to_the_exception_callback_alone) {
  ThreadPool pool(1);
  std::vector<std::string> told;
  const auto never = [&told](const WorkRequest&, int) { told.emplace_back("a result"); };
  pool.put_request(WorkRequest(fail, std::tuple(1), nullptr, "first", never,
                               [&told](const WorkRequest& request, const std::exception& error) {
                                 told.push_back(request.request_id() + ": " + error.what());
                                 EXPECT_TRUE(request.exception());
                               }));
  pool.put_request(WorkRequest([]() -> int { throw 5; }, nullptr, nullptr, "second", never,
                               [&told](const WorkRequest&, const std::exception_ptr& error) {
                                 try {
                                   std::rethrow_exception(error);
                                 } catch (int number) {
                                   told.push_back(std::to_string(number));
                                 }
                               }));
  pool.put_request(WorkRequest([]() -> int { throw 5; }, nullptr, nullptr, "third", never,
                               [&told](const WorkRequest&, const std::exception& error) {
                                 if (dynamic_cast<const Error*>(&error) != nullptr) told.emplace_back("no exception");
                               }));
  pool.wait();
  EXPECT_EQ(told, (std::vector<std::string>{"first: no 1", "5", "no exception"}));
}

TEST(WorkRequest, a_failure_without_exception_callback_is_told_on_stderr) {
  ThreadPool pool(1);
  pool.put_request(WorkRequest(fail, std::tuple(7), nullptr, "seventh"));
  pool.put_request(WorkRequest([] { throw 5; }));
  ::testing::internal::CaptureStderr();
  pool.wait();
  const std::string told = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(told.find("the work request seventh, a call of int (*)(int), failed: std::runtime_error: no 7\n"),
            std::string::npos)
      << told;
  EXPECT_NE(told.find("failed: int\n"), std::string::npos) << told;
}

TEST(WorkRequest, a_failure_that_nobody_wants_to_hear_of_stays_with_the_request) {
  ThreadPool pool(1);
  const WorkRequest request(fail, std::tuple(7), nullptr, {}, nullptr, nullptr);
  EXPECT_FALSE(request.exception());
  EXPECT_FALSE(request.error());
  pool.put_request(request);
  ::testing::internal::CaptureStderr();
  pool.wait();
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  EXPECT_TRUE(request.exception());
  EXPECT_THROW(std::rethrow_exception(request.error()), std::runtime_error);
  EXPECT_THROW(pool.put_request(request), ValueError) << "one that failed is not for another time";
  EXPECT_THROW(pool.poll(), NoResultsPending);
}

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

TEST(RequestPoolEnd, in_a_copy_of_its_process_it_refuses_work_and_ends_in_silence) {
  auto pool = std::make_unique<ThreadPool>(2);
  pool->put_request(WorkRequest(square, std::tuple(1)));
  pool->wait();
  const Ended ended = run_in_child([&pool] {
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
  });
  EXPECT_TRUE(ended.well()) << ended;
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
