// Work requests: what is called, and what comes of it.

#include <gtest/gtest.h>
#include <muster/threading.hpp>
#include <muster/threadpool.hpp>

#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/support/tracked.hpp"
#include "tests/support/work_requests.hpp"

namespace muster::testing {
namespace {

using Named = std::map<std::string, int>;

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

}  // namespace
}  // namespace muster::testing
