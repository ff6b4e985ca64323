#include "api/request_pool.hpp"

#include <iterator>
#include <utility>

#include <muster/detail/pool_core.hpp>
#include <muster/error.hpp>
#include <muster/threadpool.hpp>

#include "api/interrupt.hpp"

namespace muster::detail {

// A callback at work, on the stack of the thread that polls. Those of one thread form a chain.
class RequestPool::Delivery {
 public:
  explicit Delivery(RequestPool& pool) noexcept : pool_(pool), outer_(t_innermost) { t_innermost = this; }
  ~Delivery() {
    t_innermost = outer_;
    {
      const LockGuard guard(pool_.lock_);
      --pool_.delivering_;
    }
    pool_.done_.ring();
  }
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;

  static bool is_inside(const RequestPool& pool) noexcept {
    for (const Delivery* each = t_innermost; each != nullptr; each = each->outer_) {
      if (&each->pool_ == &pool) return true;
    }
    return false;
  }

 private:
  static thread_local const Delivery* t_innermost;

  RequestPool& pool_;
  const Delivery* const outer_;
};

thread_local const RequestPool::Delivery* RequestPool::Delivery::t_innermost = nullptr;

namespace {

// The worker whose thread this is.
thread_local const RequestWorker* t_worker = nullptr;

std::size_t limit(int size, const char* name) {
  const int checked = checked_count(size, name);
  return checked == 0 ? SIZE_MAX : static_cast<std::size_t>(checked);
}

}  // namespace

RequestPool::RequestPool(int queue_size, int result_queue_size)
    : queue_size_(limit(queue_size, "queue_size")), result_queue_size_(limit(result_queue_size, "result_queue_size")) {}

RequestPool::~RequestPool() {
  for (const auto& request : queue_) request->release();
  for (const auto& request : results_) {
    request->release();
    if (request->failed()) threadpool::print_exception(threadpool::WorkRequest(request), request->error());
  }
}

// ---- putting and polling --------------------------------------------------------------------------------------------

void RequestPool::put(const std::shared_ptr<RequestCore>& request, bool block, Duration timeout) {
  require_ours();
  if (request->failed()) throw ValueError("put_request(): the request has failed before; make a new one");
  const os::Nanos deadline = timeout.deadline();
  Requests line{request};
  WorkerRef woken;
  for (;;) {
    const std::uint32_t seen = room_.seen();
    {
      const LockGuard guard(lock_);
      require_open();
      if (pending_.contains(request->id())) {
        throw ValueError("put_request(): a request of the id " + request->id() + " is pending");
      }
      if (queue_.size() < queue_size_) {
        admit(line);
        woken = stir();
        break;
      }
      if (block && !timeout.limited() && workers_.empty()) {
        throw threadpool::NoWorkersAvailable("put_request(): the queue is full, and there is no worker to make room");
      }
    }
    const auto has_room = [&](os::Nanos until) { return room_.wait(seen, until); };
    if (!block || !api::interruptibly(deadline, has_room)) {
      throw threadpool::Full("put_request(): the queue is full");
    }
  }
  ring(woken);
}

void RequestPool::admit(Requests& request) {
  const auto place = pending_.insert(request.front()->id()).first;
  if (!request.front()->claim()) {
    pending_.erase(place);
    throw ValueError("put_request(): the request is pending in another pool");
  }
  queue_.splice(queue_.end(), request);
}

bool RequestPool::drain(bool block) {
  require_ours();
  if (block && (in_own_worker() || Delivery::is_inside(*this))) {
    throw DeadlockError("to wait for results in a request or callback of the same pool would be to wait for itself");
  }
  for (;;) {
    const std::uint32_t seen = done_.seen();
    Requests result;
    WorkerRef woken;
    {
      const LockGuard guard(lock_);
      if (!results_.empty()) {
        woken = take_result(result);
      } else if (pending_.empty() && delivering_ == 0) {
        return false;
      } else if (!block) {
        return true;
      } else if (is_deserted()) {
        throw threadpool::NoWorkersAvailable("requests are pending, and the pool has no workers");
      }
    }
    ring(woken);
    if (result.empty()) {
      api::interruptibly(os::kForever, [&](os::Nanos until) { return done_.wait(seen, until); });
    } else {
      const Delivery delivery(*this);
      result.front()->deliver(threadpool::WorkRequest(result.front()));
    }
  }
}

RequestPool::WorkerRef RequestPool::take_result(Requests& result) noexcept {
  result.splice(result.end(), results_, results_.begin());
  pending_.erase(result.front()->id());
  ++delivering_;
  return stir();
}

// ---- workers --------------------------------------------------------------------------------------------------------

void RequestPool::run(const WorkerRef& self) noexcept {
  os::set_thread_name("muster/requests");
  t_worker = self.get();
  for (Requests mine; take(self, mine);) {
    mine.front()->run(stop_.get_token());
    keep(mine);
  }
}

// Waits for a request; false: dismissed instead.
bool RequestPool::take(const WorkerRef& self, Requests& mine) noexcept {
  WorkerRef next;
  for (;;) {
    {
      const LockGuard guard(lock_);
      if (self->dismissed || may_begin()) {
        if (!self->dismissed) {
          mine.splice(mine.end(), queue_, queue_.begin());
          ++running_;
        }
        // A ring stands for one change. Whoever it woke wakes the next if there is more to do, or if it leaves itself.
        next = stir();
        break;
      }
      idle_.push_back(self);
    }
    self->bell.await();
  }
  ring(next);
  if (!mine.empty()) room_.ring();
  return !mine.empty();
}

void RequestPool::keep(Requests& done) noexcept {
  {
    const LockGuard guard(lock_);
    --running_;
    results_.splice(results_.end(), done);
  }
  done_.ring();
}

// Takes a sleeper out, for the caller to ring once the lock is free; none if nobody sleeps or there is nothing to do.
RequestPool::WorkerRef RequestPool::stir() noexcept {
  if (idle_.empty() || !may_begin()) return nullptr;
  WorkerRef woken = std::move(idle_.back());
  idle_.pop_back();
  return woken;
}

void RequestPool::create(int count) {
  require_ours();
  for (int left = checked_count(count, "workers"); left > 0; --left) {
    Workers line{std::make_shared<RequestWorker>(this)};
    const LockGuard guard(lock_);  // the thread waits here until it is one of ours
    require_open();
    idle_.reserve(workers_.size() + 1);
    line.front()->thread = os::Thread([self = shared_from_this(), worker = line.front()] { self->run(worker); });
    workers_.splice(workers_.end(), line);
  }
}

void RequestPool::dismiss(int count, bool do_join) {
  if (!is_ours()) return;
  const auto most = static_cast<std::size_t>(checked_count(count, "workers"));
  if (do_join) refuse_join_by_own_worker();
  Workers leaving;
  {
    const LockGuard guard(lock_);
    leaving = dismiss_last(most);
    if (!do_join) dismissed_.splice(dismissed_.end(), leaving);
  }
  tell_waiters();
  join_all(leaving);
}

RequestPool::Workers RequestPool::dismiss_last(std::size_t count) noexcept {
  Workers leaving;
  for (; count > 0 && !workers_.empty(); --count) {
    const WorkerRef& last = workers_.back();
    last->dismissed = true;
    std::erase(idle_, last);
    ring(last);
    leaving.splice(leaving.end(), workers_, std::prev(workers_.end()));
  }
  return leaving;
}

void RequestPool::tell_waiters() noexcept {
  done_.ring();
  room_.ring();
}

void RequestPool::join_dismissed() {
  if (!is_ours()) return;
  refuse_join_by_own_worker();
  Workers leaving;
  {
    const LockGuard guard(lock_);
    leaving.swap(dismissed_);
  }
  join_all(leaving);
}

void RequestPool::end() noexcept {
  if (!is_ours()) return;
  Workers leaving;
  {
    const LockGuard guard(lock_);
    ended_ = true;  // before anybody is asked to stop: who obeys must not make room for another
    leaving = dismiss_last(SIZE_MAX);
    leaving.splice(leaving.end(), dismissed_);
  }
  tell_waiters();  // a request that waits for room in its own pool
  stop_.request_stop();
  join_all(leaving);
}

void RequestPool::join_all(const Workers& workers) noexcept {
  for (const WorkerRef& worker : workers) {
    if (worker.get() == t_worker) {
      worker->thread.detach();  // the pool ends in a request of its own
    } else {
      worker->thread.join();
    }
  }
}

// ---- guards ---------------------------------------------------------------------------------------------------------

void RequestPool::require_ours() const {
  if (!is_ours()) throw Error("this pool belongs to the process that made it, and this process is a copy of that one");
}

void RequestPool::require_open() const {
  if (ended_) throw PoolClosed("the pool takes no more work: it is being destroyed");
}

bool RequestPool::in_own_worker() const noexcept { return t_worker != nullptr && t_worker->pool == this; }

void RequestPool::refuse_join_by_own_worker() const {
  if (in_own_worker()) throw DeadlockError("to join workers in a request of the same pool would be to wait for itself");
}

void RequestPool::ring(const WorkerRef& worker) noexcept {
  if (worker) worker->bell.ring();
}

}  // namespace muster::detail
