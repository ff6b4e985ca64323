#include "engine/thread/thread_engine.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "os/os.hpp"

namespace muster::engine::thread {

using detail::kForever;
using detail::LockGuard;

ThreadEngine::ThreadEngine(Settings settings)
    : settings_(std::move(settings)),
      special_(settings_.tasks_per_worker > 0 || !settings_.cpus.empty() || settings_.hooks.worker_enter ||
               settings_.hooks.worker_leave),
      size_(0) {
  sleep_.begin();
  try {
    const LockGuard guard(roster_lock_);
    staff(settings_.workers);
  } catch (...) {
    stop();
    throw;
  }
  await_arrival(settings_.workers);
  if (const std::exception_ptr why = failure()) {
    drain(kForever);
    stop();
    std::rethrow_exception(why);
  }
}

ThreadEngine::~ThreadEngine() {
  if (!abandoned_) {
    terminate();
    drain(kForever);
    stop();
  }
}

// By the last worker of an abandoned engine: what was accepted before the end and came in after all others had left.
void ThreadEngine::settle_leftovers() noexcept {
  // Lent tasks may take their time; whoever settles one tells us.
  constexpr Nanos kLookAgain = 1'000'000;
  for (drop_queued(); !drain(os::now() + kLookAgain); drop_queued()) {
  }
  clear_out();
}

// All is settled. Who settled one of our tasks from outside may still stand in the call that told the others so; and
// what was cancelled last may still be queued: the queue's reference to it goes here.
void ThreadEngine::clear_out() noexcept {
  while (visitors_.load(std::memory_order_acquire) != 0) os::yield();
  drop_queued();
}

ThreadEngine::LeaveOfAbsence::LeaveOfAbsence(const ThreadEngine* entered) noexcept {
  const Context* from = innermost_context();
  if (from == nullptr || from->engine == entered) return;
  seats_ = from->engine->seats_.get();
  seats_->offer();
}

// ---- accepting and settling -----------------------------------------------------------------------------------------

// Counts first and looks at the gate then; who closes it does the reverse. So either the closer's drain sees our count,
// or we see the gate closed. A worker's count needs no such care: it runs a task, which holds the drain up.
bool ThreadEngine::accept(const Context* here, bool follow_up) noexcept {
  Worker* worker = here != nullptr ? here->worker : nullptr;
  if (worker != nullptr) {
    Tally::add(worker->tally.accepted);
  } else {
    outside_.accepted.fetch_add(1, std::memory_order_seq_cst);
  }
  const Gate gate = gate_.load(std::memory_order_seq_cst);
  if (gate == Gate::kOpen || (gate == Gate::kClosed && (follow_up || here != nullptr))) return true;
  const Visit visit(*this);
  settled(worker);
  return false;
}

void ThreadEngine::let_go() noexcept {
  const Visit visit(*this);
  held_.fetch_sub(1, std::memory_order_seq_cst);
  tell_if_quiet();
}

// A worker announces quiet when it runs out of work, everybody else at once.
void ThreadEngine::settled(Worker* worker) noexcept {
  if (worker != nullptr) {
    Tally::add(worker->tally.settled);
  } else {
    outside_.settled.fetch_add(1, std::memory_order_seq_cst);
    tell_if_quiet();
  }
}

// Settled is summed before accepted. Both only grow and settled never leads, so equal sums mean that between the two
// summations everything accepted was settled.
bool ThreadEngine::quiet() const noexcept {
  // A worker counts by a plain store, then changes the counts of sleep_, then looks at awaiting_quiet_. If it saw
  // nobody waiting, then its change comes before this look, and its count is visible below.
  sleep_.synchronize();
  std::uint64_t settled = outside_.settled.load(std::memory_order_seq_cst);
  for (const Worker* worker : workers_.now()) settled += worker->tally.settled.load(std::memory_order_acquire);
  // Who holds began before its task was settled, which we have seen; and what it submitted comes before its end.
  if (held_.load(std::memory_order_seq_cst) != 0) return false;
  std::uint64_t accepted = outside_.accepted.load(std::memory_order_seq_cst);
  for (const Worker* worker : workers_.now()) accepted += worker->tally.accepted.load(std::memory_order_acquire);
  return settled == accepted;
}

void ThreadEngine::tell_if_quiet() noexcept {
  if (awaiting_quiet_.load(std::memory_order_seq_cst) == 0 || !quiet()) return;
  if (stops_when_quiet_.load(std::memory_order_seq_cst)) {
    refuse_all();
    if (quiet()) stop_workers();  // else who settles the last of what came in meanwhile comes here again
  }
  quiet_word_.fetch_add(1, std::memory_order_release);
  os::futex_wake(quiet_word_, os::kAll, os::Scope::kPrivate);
}

void ThreadEngine::stop_workers() noexcept {
  {
    const LockGuard guard(roster_lock_);  // nobody is hired any more
    stopping_.store(true, std::memory_order_seq_cst);
  }
  sleep_.wake_everybody();
}

bool ThreadEngine::drain(Nanos deadline) {
  const LeaveOfAbsence absence(this);
  awaiting_quiet_.fetch_add(1, std::memory_order_seq_cst);
  bool is_quiet = false;
  for (;;) {
    const std::uint32_t word = quiet_word_.load(std::memory_order_acquire);
    is_quiet = quiet();
    if (is_quiet) break;
    if (os::futex_wait(quiet_word_, word, os::Scope::kPrivate, deadline) == os::FutexWait::kTimedOut) {
      is_quiet = quiet();
      break;
    }
  }
  awaiting_quiet_.fetch_sub(1, std::memory_order_relaxed);
  return is_quiet;
}

// Waits for the workers to be gone, since they go when all is settled.
bool ThreadEngine::drain_to_stop(Nanos deadline) {
  const LeaveOfAbsence absence(this);
  stops_when_quiet_.store(true, std::memory_order_seq_cst);
  awaiting_quiet_.fetch_add(1, std::memory_order_seq_cst);
  tell_if_quiet();
  bool over = false;
  do {
    const std::uint32_t alive = alive_.load(std::memory_order_acquire);
    over = alive == 0 ||
           (os::futex_wait(alive_, alive, os::Scope::kPrivate, deadline) == os::FutexWait::kTimedOut && quiet());
  } while (!over && (deadline == kForever || os::now() < deadline));
  awaiting_quiet_.fetch_sub(1, std::memory_order_relaxed);
  return over;
}

bool ThreadEngine::submit(Task& task, const Terms& terms) {
  const Context* here = context();
  if (!accept(here, terms.follow_up)) return false;
  task.home = this;
  task.seats = seats_.get();
  if (special_) task.state.fetch_or(Task::kBound, std::memory_order_relaxed);
  if (terms.priority == 0 && here != nullptr && here->worker != nullptr) {
    push_own(task, *here->worker);
    return true;
  }
  // The task itself may end the pool before we are done here.
  if (terms.attended && terms.priority == 0 && hatch_.hand_in(task, injector_.mark())) return true;
  Sleep& sleep = sleep_;
  Lane& lane = terms.priority == 0 ? injector_ : terms.priority > 0 ? urgent_ : lowly_;
  if (!lane.try_push(task)) push_with_care(lane, task, here != nullptr ? here->worker : nullptr);
  sleep.notify();
  return true;
}

void ThreadEngine::push_with_care(Lane& lane, Task& task, Worker* worker) {
  const Visit visit(*this);
  try {
    lane.push(task);
  } catch (...) {
    settled(worker);
    throw;
  }
}

void ThreadEngine::push_own(Task& task, Worker& worker) {
  if (worker.deque.size() >= worker.sweep_at) sweep(worker);
  try {
    worker.deque.push(&task);
  } catch (...) {
    settled(&worker);
    throw;
  }
  sleep_.notify();
  nudge(worker);
}

// A task that its waiter has begun, or that was cancelled, lies dead in the deque until its turn comes. That may be
// long after: so when they have become many, the dead are taken out. Only what the innermost frame has pushed: what is
// put back lies lower than it did, and must not come to lie below the base of whose it is.
void ThreadEngine::sweep(Worker& worker) noexcept {
  const std::int64_t base = worker.frames.innermost_base();
  Pile kept;
  while (worker.deque.bottom() > base) {
    Task* const task = worker.deque.pop();
    if (task == nullptr) break;
    if (task->type->claimable && (task->state.load(std::memory_order_relaxed) & Task::kBegun) != 0) {
      task->release();
    } else {
      kept.put(*task);
    }
  }
  const std::size_t count = kept.count();
  while (Task* task = kept.take()) worker.deque.push(task);  // there is room
  // Again after as many pushes as there were living, so that looking costs no more than pushing does. While these were
  // nowhere, somebody may have gone to sleep over that: who pushes now tells.
  worker.sweep_at = worker.deque.size() + std::max(Worker::kFewest, count);
}

bool ThreadEngine::withdraw(Task& task, bool /*begun_too*/) {
  const Visit visit(*this);
  drop(task, nullptr);
  return true;
}

// ---- ending ---------------------------------------------------------------------------------------------------------

void ThreadEngine::close() {
  Gate open = Gate::kOpen;
  gate_.compare_exchange_strong(open, Gate::kClosed, std::memory_order_seq_cst);
}

void ThreadEngine::terminate() {
  refuse_all();
  resume();  // the workers are needed: what comes in now is dropped by them
  drop_queued();
}

// Settles a task that was won and will not be run.
void ThreadEngine::drop(Task& task, Worker* worker) noexcept {
  {
    const ContextScope scope({this, worker});  // callbacks may run, and are within the pool
    task.type->drop(task, failure());
  }
  settled(worker);
}

// What is pushed meanwhile is dropped by the workers: they run nothing any more.
void ThreadEngine::drop_queued() noexcept {
  const Context* here = context();
  Worker* self = here != nullptr ? here->worker : nullptr;
  for (Lane* lane : {&urgent_, &injector_, &lowly_}) drop_lane(*lane, self);
  for (Worker* worker : workers_.now()) {
    while (!worker->deque.empty()) {
      if (Task* task = worker->deque.steal()) receive(*task, self);
    }
  }
  // Loops that nobody works on end here; in the others nobody takes another chunk.
  board_.find(0, [&](Slot& slot) {
    if (slot.join()) {
      slot.loop->stopped.store(true, std::memory_order_relaxed);
      board_.close(slot);
      leave(slot, self);
    }
    return false;
  });
}

void ThreadEngine::drop_lane(Lane& lane, Worker* self) noexcept {
  std::array<Task*, 64> batch;
  while (const std::size_t count = lane.take(batch.data(), batch.size())) {
    for (std::size_t i = 0; i < count; ++i) receive(*batch[i], self);
  }
}

void ThreadEngine::stop() {
  refuse_all();
  drain(kForever);
  stop_workers();
  for (Worker* worker : workers_.now()) {
    // A worker that retires puts its successor's handle in the place of its own, so look again.
    for (;;) {
      os::Thread thread;
      {
        const LockGuard guard(roster_lock_);
        thread = std::move(worker->thread);
      }
      if (!thread.joinable()) break;
      thread.join();
    }
  }
  clear_out();
}

void ThreadEngine::abandon(std::shared_ptr<void> self) {
  {
    const LockGuard guard(roster_lock_);
    abandoned_ = true;
    self_ = std::move(self);
    for (Worker* worker : workers_.now()) {
      if (worker->thread.joinable()) worker->thread.detach();
    }
  }
  terminate();
  stopping_.store(true, std::memory_order_seq_cst);
  sleep_.wake_everybody();
}

void ThreadEngine::fail(std::exception_ptr why) noexcept {
  {
    const LockGuard guard(failure_lock_);
    if (!failure_) failure_ = std::move(why);
  }
  terminate();
}

std::exception_ptr ThreadEngine::failure() const {
  const LockGuard guard(failure_lock_);
  return failure_;
}

std::vector<const std::type_info*> ThreadEngine::running() const {
  std::vector<const std::type_info*> names;
  for (const Worker* worker : workers_.now()) {
    if (worker->frames.shown() == 0) continue;
    if (const auto* what = worker->frames[0].what.load(std::memory_order_acquire)) names.push_back(what);
  }
  return names;
}

Load ThreadEngine::load() const {
  Load load;
  load.workers = workers();
  const Nanos now = os::now();
  // As in quiet(): what is settled first, so that it is never more than what was accepted.
  load.settled = outside_.settled.load(std::memory_order_seq_cst);
  for (const Worker* worker : workers_.now()) {
    load.settled += worker->tally.settled.load(std::memory_order_acquire);
    load.working += worker->work.total(now);
    if (worker->frames.shown() > 0) ++load.running;
  }
  load.accepted = outside_.accepted.load(std::memory_order_seq_cst);
  for (const Worker* worker : workers_.now()) load.accepted += worker->tally.accepted.load(std::memory_order_acquire);
  return load;
}

}  // namespace muster::engine::thread
