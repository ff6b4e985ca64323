#include <muster/detail/async_core.hpp>

#include <functional>
#include <memory>
#include <vector>

#include <muster/detail/halt.hpp>
#include <muster/detail/lock_word.hpp>
#include <muster/error.hpp>

#include "api/interrupt.hpp"
#include "engine/engine.hpp"
#include "engine/process/inside.hpp"
#include "engine/thread/inside.hpp"
#include "os/process.hpp"

namespace muster::detail {

struct AsyncCore::Attached {
  mutable PrivateLock lock;
  std::vector<std::function<void()>> callbacks;  // not yet run; under the lock
  std::exception_ptr spoilt;                     // under the lock
};

AsyncCore::Attached& AsyncCore::attached() {
  Attached* have = attached_.load(std::memory_order_acquire);
  if (have != nullptr) return *have;
  auto made = std::make_unique<Attached>();
  if (attached_.compare_exchange_strong(have, made.get(), std::memory_order_acq_rel)) have = made.release();
  return *have;
}

void AsyncCore::destroy(Attached* attached) noexcept { delete attached; }

// Callbacks run first, then the task is done. Who attaches one takes the lock, looks at kDone, and sets kCallbacks; so
// either our exchange below fails and we run it, or it sees kDone and runs it itself.
void AsyncCore::settle() noexcept {
  std::uint32_t seen = state.load(std::memory_order_acquire);
  for (;;) {
    if ((seen & kCallbacks) != 0) {
      std::vector<std::function<void()>> callbacks;
      {
        Attached& all = *attached_.load(std::memory_order_acquire);
        const LockGuard guard(all.lock);
        callbacks.swap(all.callbacks);
        state.fetch_and(~kCallbacks, std::memory_order_relaxed);
      }
      for (const auto& callback : callbacks) run_callback(callback);
      seen = state.load(std::memory_order_acquire);
      continue;
    }
    if (home != nullptr) home->settling(*this);
    if (state.compare_exchange_weak(seen, seen | kDone, std::memory_order_acq_rel, std::memory_order_acquire)) {
      if ((seen & kSleepers) != 0) wake_all(state, Scope::kPrivate);
      return;
    }
  }
}

void AsyncCore::attach(std::function<void()> callback) {
  Attached& all = attached();
  {
    const LockGuard guard(all.lock);
    if (!done()) {
      all.callbacks.push_back(std::move(callback));
      if ((state.fetch_or(kCallbacks, std::memory_order_acq_rel) & kDone) == 0) return;
      // Settled in between; nobody will come for it.
      callback = std::move(all.callbacks.back());
      all.callbacks.pop_back();
    }
  }
  run_callback(callback);
}

void AsyncCore::run_callback(const std::function<void()>& callback) noexcept {
  try {
    callback();
  } catch (...) {
    Attached& all = *attached_.load(std::memory_order_acquire);
    const LockGuard guard(all.lock);
    if (!all.spoilt) all.spoilt = std::current_exception();
    state.fetch_or(kSpoilt, std::memory_order_release);
  }
}

std::exception_ptr AsyncCore::spoilt() const {
  if ((state.load(std::memory_order_acquire) & kSpoilt) == 0) return nullptr;
  const Attached& all = *attached_.load(std::memory_order_acquire);
  const LockGuard guard(all.lock);
  return all.spoilt;
}

bool is_of_this_process(const Task& task) noexcept { return task.generation == os::generation(); }

// A pool may end, and its engine go, as soon as its tasks are settled, so an engine may only be called by who runs in
// a task of it, or has won a task of it.
bool wait_for(Task& task, Nanos deadline) {
  if (task.done()) return true;
  if (!is_of_this_process(task)) throw Error("the task belongs to the process that this one is a copy of");
  if (engine::thread::inside_task_of(task.home) || engine::process::inside_callback_of(task.home)) {
    return api::interruptibly(deadline,
                              [&](Nanos until) { return task.home->wait(task, until) == engine::Wait::kDone; });
  }
  if (engine::thread::inside_any_task()) {
    return api::interruptibly(deadline, [&](Nanos until) { return engine::thread::wait_elsewhere(task, until); });
  }
  return await_flag(task.state, Task::kDone, deadline, WaitsFor::kResult, &task);
}

bool cancel(Task& task, bool begun_too) {
  if (!is_of_this_process(task) || !task.begin()) return false;
  return task.home->withdraw(task, begun_too);
}

}  // namespace muster::detail
