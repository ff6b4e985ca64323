#pragma once
// The pool of work requests: two lines of requests under one lock, and who waits for what becomes of them.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <stop_token>
#include <string>
#include <unordered_set>
#include <vector>

#include <muster/detail/event_count.hpp>
#include <muster/detail/lock_word.hpp>
#include <muster/detail/work_request.hpp>
#include <muster/duration.hpp>

#include "os/os.hpp"
#include "os/process.hpp"
#include "parts/sync/await.hpp"
#include "parts/sync/spin.hpp"

namespace muster::detail {

class RequestPool;

// What one thread sleeps on and others ring. A ring that comes before the wait is not lost.
class WorkerBell {
 public:
  void ring() noexcept {
    rung_.store(1, std::memory_order_release);
    os::futex_wake(rung_, 1, os::Scope::kPrivate);
  }
  void await() noexcept {
    const auto heard = [this] {
      return rung_.load(std::memory_order_relaxed) != 0 && rung_.exchange(0, std::memory_order_acquire) != 0;
    };
    if (sync::spin_until(heard, sync::kSpin)) return;
    const os::Idle idle;  // nobody's lock is held and nothing is touched: the process may be copied meanwhile
    while (!heard()) os::futex_wait(rung_, 0, os::Scope::kPrivate);
  }

 private:
  std::atomic<std::uint32_t> rung_{0};
};

struct RequestWorker {
  explicit RequestWorker(const RequestPool* home) noexcept : pool(home) {}

  const RequestPool* const pool;
  WorkerBell bell;
  bool dismissed = false;  // under the pool's lock
  os::Thread thread;
};

// A request stands in queue_, is in a worker's hands (running_), stands in results_, and is with its callback
// (delivering_). It is pending until it leaves results_: its callback may put it, or another one of that id, again.
// The workers are its own and not an engine's: they are added and dismissed while it runs.
class RequestPool : public std::enable_shared_from_this<RequestPool> {
 public:
  RequestPool(int queue_size, int result_queue_size);
  ~RequestPool();
  RequestPool(const RequestPool&) = delete;
  RequestPool& operator=(const RequestPool&) = delete;

  void put(const std::shared_ptr<RequestCore>& request, bool block, Duration timeout);
  // Delivers the results that are there, with `block` until nothing is pending, and says whether anything still is.
  bool drain(bool block);

  void create(int count);
  void dismiss(int count, bool do_join);
  void join_dismissed();
  void end() noexcept;

  std::size_t workers() const noexcept {
    return counted([this] { return workers_.size(); });
  }
  std::size_t dismissed() const noexcept {
    return counted([this] { return dismissed_.size(); });
  }
  std::size_t pending() const noexcept {
    return counted([this] { return pending_.size(); });
  }

 private:
  class Delivery;

  // Lists, so that what has a place once is moved from line to line without memory for it: no result is ever lost.
  using Requests = std::list<std::shared_ptr<RequestCore>>;
  using WorkerRef = std::shared_ptr<RequestWorker>;
  using Workers = std::list<WorkerRef>;

  bool is_ours() const noexcept { return generation_ == os::generation(); }
  void require_ours() const;
  bool in_own_worker() const noexcept;
  void refuse_join_by_own_worker() const;
  static void join_all(const Workers& workers) noexcept;
  static void ring(const WorkerRef& worker) noexcept;
  // In a copy of the process there is nothing to count, and the lock may be held for ever.
  template <class Count>
  std::size_t counted(Count count) const noexcept {
    if (!is_ours()) return 0;
    const LockGuard guard(lock_);
    return count();
  }

  void run(const WorkerRef& self) noexcept;
  bool take(const WorkerRef& self, Requests& mine) noexcept;
  void keep(Requests& done) noexcept;

  void tell_waiters() noexcept;

  // With the lock held.
  void require_open() const;
  bool may_begin() const noexcept { return !queue_.empty() && results_.size() < result_queue_size_; }
  bool is_deserted() const noexcept { return workers_.empty() && running_ == 0 && !queue_.empty(); }
  void admit(Requests& request);
  WorkerRef stir() noexcept;
  WorkerRef take_result(Requests& result) noexcept;
  Workers dismiss_last(std::size_t count) noexcept;

  const std::uint32_t generation_ = os::generation();
  const std::size_t queue_size_;
  const std::size_t result_queue_size_;
  std::stop_source stop_;

  detail::EventCount<Scope::kPrivate> room_;  // the queue has become shorter, or workers have gone
  detail::EventCount<Scope::kPrivate> done_;  // a result has come or been handed out, or workers have gone

  mutable PrivateLock lock_;  // guards what follows
  Requests queue_;
  Requests results_;
  std::unordered_set<std::string> pending_;  // ids
  std::size_t running_ = 0;
  std::size_t delivering_ = 0;
  bool ended_ = false;
  Workers workers_;
  Workers dismissed_;
  std::vector<WorkerRef> idle_;  // asleep and not yet rung; room for all is reserved
};

}  // namespace muster::detail
