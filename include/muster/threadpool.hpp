#pragma once
// Work requests: put in by one thread, done by workers, and their results handed to callbacks in the thread that polls.
// Python's package threadpool (1.3.2), without its faults.
//
//   threadpool::ThreadPool pool(3);
//   for (auto& request : threadpool::make_requests(f, items, callback)) pool.put_request(request);
//   pool.wait();

#include <chrono>
#include <concepts>
#include <cstddef>
#include <exception>
#include <initializer_list>
#include <memory>
#include <ranges>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include <muster/detail/work_request.hpp>
#include <muster/duration.hpp>
#include <muster/error.hpp>

namespace muster::detail {
class RequestPool;
}

namespace muster::threadpool {

// Nothing is pending: all that was put in has been handed out. The package's NoResultsPending.
class MUSTER_EXPORT NoResultsPending : public Error {
 public:
  using Error::Error;
  ~NoResultsPending() override;
};

// Requests are pending, and the pool has no worker that would ever do them. The package's NoWorkersAvailable.
class MUSTER_EXPORT NoWorkersAvailable : public Error {
 public:
  using Error::Error;
  ~NoWorkersAvailable() override;
};

// The request queue was full, and the call was not to wait, or not any longer. Python's queue.Full.
class MUSTER_EXPORT Full : public Error {
 public:
  using Error::Error;
  ~Full() override;
};

// What a request is called: a text or a number (7 is "7"), or by default (nullptr, Python's None) a name that no other
// generated one has: "#1", "#2", ...
class MUSTER_EXPORT RequestId {
 public:
  RequestId(std::nullptr_t /*none*/ = nullptr);
  RequestId(std::string text) : text_(std::move(text)) {}
  RequestId(const char* text) : text_(text) {}
  RequestId(std::integral auto number) : text_(std::to_string(number)) {}

  const std::string& str() const noexcept { return text_; }

 private:
  std::string text_;
};

// The exception callback of who gives none: says on stderr which request of which callable failed, and of what. The
// package prints the traceback.
MUSTER_EXPORT void print_exception(const WorkRequest& request, const std::exception_ptr& error);

// A call to be made by a worker, and who is to hear of its outcome. A handle: copies are the same request. It may be
// put again when it has been handed out, unless it failed. The package's WorkRequest.
class MUSTER_EXPORT WorkRequest {
 public:
  // `f`: what is called. `args`: a tuple (or pair) of the positional arguments, or nullptr. `kwds`: a map of named
  // arguments, which the callable takes as its last one, or nullptr. The callable and the callbacks are called as
  // const; the arguments are passed as constants, and std::ref passes a reference. A callable that wants a
  // std::stop_token first gets one, which is asked to stop when the pool is destroyed.
  //
  // `callback(request, result)`, for a callable that returns nothing `callback(request)`, is called for a result;
  // `exc_callback(request, error)` for what the callable threw, as a std::exception_ptr or as a const std::exception&
  // (where it is none, a muster::Error that says so). nullptr: nobody is called; error() can be asked. Both run in the
  // thread that polls.
  template <class F, class Args = std::nullptr_t, class Kwds = std::nullptr_t, class Callback = std::nullptr_t,
            class ExcCallback = decltype(&print_exception)>
  explicit WorkRequest(F f, Args args = nullptr, Kwds kwds = nullptr, const RequestId& request_id = {},
                       Callback callback = nullptr, ExcCallback exc_callback = print_exception)
      : core_(detail::make_request(request_id.str(),
                                   detail::share_kind(std::move(f), std::move(callback), std::move(exc_callback)),
                                   detail::join_arguments(std::move(args), std::move(kwds)))) {}

  // Without moves: a handle is never empty.
  WorkRequest(const WorkRequest&) = default;
  WorkRequest& operator=(const WorkRequest&) = default;
  ~WorkRequest() = default;

  const std::string& request_id() const noexcept { return core_->id(); }
  // The type of the callable, for reports.
  const std::type_info& callable() const noexcept { return core_->callable(); }
  // Whether the call has ended with an exception; true from when a worker has caught it.
  bool exception() const noexcept { return core_->failed(); }
  // That exception; null if there is none.
  std::exception_ptr error() const noexcept { return core_->error(); }

  // For the pool and make_requests.
  explicit WorkRequest(std::shared_ptr<detail::RequestCore> core) noexcept : core_(std::move(core)) {}
  const std::shared_ptr<detail::RequestCore>& core() const noexcept { return core_; }

 private:
  std::shared_ptr<detail::RequestCore> core_;
};

// A request for each item of `args_list`, any range: a tuple (or pair) is spread over the arguments, any other value
// is passed alone, and a pair of (args, kwds) as WorkRequest takes them means the same as there. The items are copied,
// or moved out of a container that is given up. The callable and the callbacks are as in WorkRequest; the requests
// share them. The package's makeRequests.
template <class F, std::ranges::input_range Range, class Callback = std::nullptr_t,
          class ExcCallback = decltype(&print_exception)>
std::vector<WorkRequest> make_requests(F f, Range&& args_list, Callback callback = nullptr,
                                       ExcCallback exc_callback = print_exception) {
  using Item = std::ranges::range_value_t<Range>;
  constexpr bool kGivenUp = !std::is_lvalue_reference_v<Range> && !std::ranges::view<Range>;
  using Passed =
      std::conditional_t<kGivenUp, std::ranges::range_rvalue_reference_t<Range>, std::ranges::range_reference_t<Range>>;
  const auto kind = detail::share_kind(std::move(f), std::move(callback), std::move(exc_callback));
  std::vector<WorkRequest> requests;
  for (auto&& each : args_list) {
    requests.emplace_back(
        detail::make_request(RequestId().str(), kind, detail::arguments_from<Item>(static_cast<Passed&&>(each))));
  }
  return requests;
}
template <class F, class Item, class Callback = std::nullptr_t, class ExcCallback = decltype(&print_exception)>
std::vector<WorkRequest> make_requests(F f, std::initializer_list<Item> args_list, Callback callback = nullptr,
                                       ExcCallback exc_callback = print_exception) {
  return make_requests(std::move(f), std::views::all(args_list), std::move(callback), std::move(exc_callback));
}

// Workers (threads), a queue of requests that they take from, and a queue of results that poll() and wait() hand to the
// callbacks. All calls may come from several threads at once, and from requests and callbacks, except where a call says
// otherwise. The package's ThreadPool.
class MUSTER_EXPORT ThreadPool {
 public:
  // Starts `workers` threads. `queue_size`: how many requests may wait for a worker, 0: any number.
  // `result_queue_size`: no worker begins a request while so many results wait for a poll, 0: any number. With both
  // limits, a thread that puts without a time limit and is the only one to poll may wait for itself. `poll_timeout` is
  // how often the package's workers look whether they were dismissed; ours are told, so it has no effect and is there
  // for programs that pass it. Throws ValueError for a negative size, std::system_error when the system gives no
  // thread.
  explicit ThreadPool(int workers, int queue_size = 0, int result_queue_size = 0,
                      Duration poll_timeout = std::chrono::seconds(5));
  // Drops what has not begun and asks what has to stop (see WorkRequest), waits for that, and joins all workers. What
  // they brought and nobody polled is dropped as well, failures not without a word on stderr. From within a request of
  // this pool it does not wait for that one; from within a callback it may not be called.
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // Hands the request in. While the queue is full it waits, with `block` false or after `timeout` it throws Full.
  // Without a limit it throws NoWorkersAvailable instead of waiting for workers that are not there. ValueError: a
  // request of that id is pending, or this one in another pool, or it failed before. PoolClosed: in a request that is
  // still at it while the pool is destroyed. The package's putRequest.
  void put_request(const WorkRequest& request, bool block = true, Duration timeout = {});

  // Hands the results that are there to their callbacks. With `block` it waits for more until nothing is pending.
  // Throws NoResultsPending when nothing is pending (any more), so a blocking call always throws; NoWorkersAvailable
  // when it would wait for requests that no worker will take. What a callback throws is thrown here: its request is
  // settled nevertheless, and the next call goes on with the rest. DeadlockError: to block in a request or callback of
  // this pool would be to wait for oneself. The package's poll.
  void poll(bool block = false);
  // poll(true) without NoResultsPending: waits until all results have come, and their callbacks have returned.
  void wait();

  // Adds workers. Throws as the constructor; those that were added until then remain. The package's createWorkers.
  void create_workers(int count, Duration poll_timeout = std::chrono::seconds(5));
  // Dismisses so many workers, at most all: each leaves at once, or when the request that it is at has ended. With
  // `do_join` waits until they have left; their results still have to be polled. Throws ValueError for a negative
  // count, DeadlockError for a join in a request of this pool. The package's dismissWorkers.
  void dismiss_workers(int count, bool do_join = false);
  // Waits until all that were dismissed have left. Throws DeadlockError in a request of this pool. The package's
  // joinAllDismissedWorkers.
  void join_all_dismissed_workers();

  // How many workers there are, those dismissed not counted. The length of the package's list `workers`.
  std::size_t workers() const noexcept;
  // How many were dismissed and not yet joined. The length of `dismissedWorkers`.
  std::size_t dismissed_workers() const noexcept;
  // How many requests were put and not yet handed out. The length of `workRequests`.
  std::size_t work_requests() const noexcept;

 private:
  explicit ThreadPool(std::shared_ptr<detail::RequestPool> core) noexcept;

  std::shared_ptr<detail::RequestPool> core_;
};

}  // namespace muster::threadpool
