// Workers come and go: hired, dismissed, held up while the pool is paused, replaced when they are worn out.

#include <exception>
#include <utility>

#include "engine/thread/thread_engine.hpp"
#include "os/os.hpp"

namespace muster::engine::thread {

using detail::LockGuard;

// Everything a worker's thread does; nothing of the engine is touched after the last one has let go of self_.
void ThreadEngine::run_thread(Worker& worker) {
  if (!live(worker)) return;
  std::shared_ptr<void> last;
  {
    const LockGuard guard(roster_lock_);
    if (alive_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      os::futex_wake(alive_, os::kAll, os::Scope::kPrivate);
      last = std::move(self_);
    }
  }
  if (last) settle_leftovers();
}

// ---- how many ------------------------------------------------------------------------------------------------------

bool ThreadEngine::resize(int workers) {
  try {
    const LockGuard guard(roster_lock_);
    if (abandoned_ || terminated() || stopping_.load(std::memory_order_relaxed)) return false;
    staff(workers);
  } catch (...) {
    sleep_.wake_everybody();  // some may have begun, and go again
    announce_pending();
    throw;
  }
  sleep_.wake_everybody();  // those that are too many
  announce_pending();
  await_arrival(workers);
  if (const std::exception_ptr why = failure()) std::rethrow_exception(why);
  return true;
}

// Under the roster lock. When it throws, the workers are as many as before.
void ThreadEngine::staff(int workers) {
  const int before = size_.load(std::memory_order_relaxed);
  const auto count = static_cast<std::size_t>(workers);
  workers_.reserve(count);
  sleep_.reserve(workers);
  while (workers_.now().size() < count)
    workers_.add(std::make_unique<Worker>(*this, static_cast<int>(workers_.now().size())));
  set_size(workers);  // first: a worker whose number is too great goes again
  try {
    for (Worker* worker : workers_.now().first(count)) {
      if (!worker->employed) employ(*worker);
    }
  } catch (...) {
    set_size(before);
    throw;
  }
}

void ThreadEngine::set_size(int workers) noexcept {
  size_.store(workers, std::memory_order_seq_cst);
  if (!paused_) sleep_.set_permits(workers);
}

void ThreadEngine::employ(Worker& worker) {
  alive_.fetch_add(1, std::memory_order_relaxed);
  sleep_.arrive();
  worker.arrived.store(!settings_.hooks.worker_enter, std::memory_order_relaxed);
  try {
    start_thread(worker);
  } catch (...) {
    sleep_.depart(false);
    alive_.fetch_sub(1, std::memory_order_relaxed);
    throw;
  }
  worker.employed = true;
}

// Under the roster lock. The new thread first waits until the worker's last one is gone: thread-local objects of that
// one are destroyed before the new one's initializer runs.
void ThreadEngine::start_thread(Worker& worker) {
  worker.previous = std::move(worker.thread);
  try {
    worker.thread = os::Thread([this, &worker] { run_thread(worker); }, settings_.stack_size);
  } catch (...) {
    worker.thread = std::move(worker.previous);
    throw;
  }
}

void ThreadEngine::await_arrival(int workers) noexcept {
  for (const Worker* worker : workers_.now().first(static_cast<std::size_t>(workers))) {
    for (;;) {
      const std::uint32_t entered = entered_.load(std::memory_order_acquire);
      if (worker->arrived.load(std::memory_order_acquire)) break;
      os::futex_wait(entered_, entered, os::Scope::kPrivate);
    }
  }
}

// ---- pauses --------------------------------------------------------------------------------------------------------

// Without permits nobody takes work. What has begun goes on, with what it waits for.
void ThreadEngine::pause() {
  const LockGuard guard(roster_lock_);
  if (terminated()) return;
  paused_ = true;
  sleep_.set_permits(0);
}

void ThreadEngine::resume() {
  {
    const LockGuard guard(roster_lock_);
    if (!paused_) return;
    paused_ = false;
    sleep_.set_permits(size_.load(std::memory_order_relaxed));
  }
  announce_pending();
}

// For a worker that has no permit, since the pool is paused or it is one too many. False: it goes for good.
bool ThreadEngine::wait_for_permit(Worker& worker) noexcept {
  if (take_handed(worker)) return true;
  end_batch(worker);
  if (stopping_.load(std::memory_order_seq_cst)) return false;
  if (!dismissed(worker)) {
    rest(worker);
    return true;
  }
  sleep_.depart(std::exchange(worker.searching, false));
  tell_if_quiet();
  announce_pending();  // others take what is left in its deque, too
  return false;
}

bool ThreadEngine::dismissed(Worker& worker) noexcept {
  const LockGuard guard(roster_lock_);
  if (worker.number() < size_.load(std::memory_order_relaxed)) return false;
  worker.employed = false;
  return true;
}

// ---- replacements --------------------------------------------------------------------------------------------------

// Hands the worker over to a fresh thread.
bool ThreadEngine::retire(Worker& worker) noexcept {
  if (stopping_.load(std::memory_order_relaxed)) return false;
  end_batch(worker);
  leave(worker);
  try {
    const LockGuard guard(roster_lock_);
    if (!abandoned_) {
      start_thread(worker);
      return true;
    }
  } catch (const std::exception&) {
    // No thread to be had now: better an old worker than none.
  }
  enter(worker);  // it begins a new term
  return false;
}

}  // namespace muster::engine::thread
