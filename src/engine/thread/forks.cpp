#include "engine/thread/forks.hpp"

#include "engine/thread/thread_engine.hpp"
#include "os/process.hpp"

namespace muster::detail {

constinit thread_local Forks* t_forks = nullptr;

// Whoever waits may return, and with it the stack that the call lies on, as soon as it sees that it is done.
void ForkedCall::finish(Task& task) noexcept {
  std::atomic<std::uint32_t>& state = task.state;
  if ((state.fetch_or(kDone, std::memory_order_acq_rel) & kSleepers) != 0) wake_all(state, Scope::kPrivate);
}

void Forks::show_oldest() noexcept {
  ForkedCall* const call = oldest_;
  if (!show(*call)) return;
  oldest_ = call->newer_;
  (oldest_ != nullptr ? oldest_->older_ : newest_) = nullptr;
}

}  // namespace muster::detail

namespace muster::engine::thread {

WorkerForks::WorkerForks(ThreadEngine& engine, Worker& worker, const queue::Deque<detail::Task>& deque) noexcept
    : Forks(&engine, deque.top_word(), deque.bottom_word()), engine_(engine), worker_(worker) {}

bool WorkerForks::show(detail::ForkedCall& call) noexcept { return engine_.show(call, worker_); }
bool WorkerForks::take_back(detail::ForkedCall& call) noexcept { return engine_.take_back(call, worker_); }

bool ThreadEngine::show(detail::ForkedCall& call, Worker& worker) noexcept {
  if (generation_ != os::generation()) return false;  // in a copy of the process there are no other workers
  call.home = this;
  call.seats = seats_.get();
  if (special_) call.state.store(Task::kBound, std::memory_order_relaxed);
  Tally::add(worker.tally.accepted);
  try {
    push_own(call, worker);
    return true;
  } catch (...) {
    return false;  // no memory for a longer deque: nobody else will run it
  }
}

// What lies above it was pushed by calls that have ended, and is left where it is.
bool ThreadEngine::take_back(detail::ForkedCall& call, Worker& worker) noexcept {
  Pile above;
  Task* task = nullptr;
  while ((task = worker.deque.pop()) != nullptr && task != &call) above.put(*task);
  if (above.count() > 0) {
    while (Task* again = above.take()) worker.deque.push(again);  // there is room
    // Meanwhile they were nowhere, and somebody may have gone to sleep over that.
    sleep_.notify();
    nudge(worker);
  }
  if (task != nullptr) {
    settled(&worker);
    return true;
  }
  wait_helping(call.state, {Task::kDone, Task::kDone}, detail::kForever, &worker);
  return false;
}

}  // namespace muster::engine::thread
