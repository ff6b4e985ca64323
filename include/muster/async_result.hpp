#pragma once
// What a call gives back that returns before its work is done. Python's multiprocessing.pool.AsyncResult.

#include <concepts>
#include <coroutine>
#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <muster/detail/async_core.hpp>
#include <muster/duration.hpp>
#include <muster/error.hpp>
#include <muster/outcome.hpp>

namespace muster {

namespace detail {

// A task with an outcome of type T.
template <class T>
class AsyncState : public AsyncCore {
 public:
  using AsyncCore::AsyncCore;

  // Settles the task with `outcome`, unless it has one already.
  void settle_with(Outcome<T> outcome) noexcept {
    if (!decide()) return;
    outcome_.emplace(std::move(outcome));
    settle();
  }
  // Once settled, or from within a callback.
  Outcome<T>& outcome() noexcept { return *outcome_; }

 private:
  std::optional<Outcome<T>> outcome_;
};

// Calls an error callback with what it takes: an exception_ptr, or the exception as a std::exception.
template <class F>
void call_with_error(F& f, const std::exception_ptr& error) {
  if constexpr (std::is_invocable_v<F&, std::exception_ptr>) {
    f(error);
  } else {
    static_assert(std::is_invocable_v<F&, const std::exception&>,
                  "muster: an error callback takes a std::exception_ptr or a const std::exception&");
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& known) {
      f(known);
    } catch (...) {
      f(Error("the task threw something that is no std::exception"));
    }
  }
}

}  // namespace detail

// Move-only. Its destructor neither waits nor cancels: the task goes on. May be used by several threads at once, except
// for get() &&. Not tied to the pool's life: a pool that ends settles all its tasks first.
template <class T>
class AsyncResult {
 public:
  AsyncResult(AsyncResult&&) noexcept = default;
  AsyncResult& operator=(AsyncResult&&) noexcept = default;

  // Waits for the outcome and gives the value, or throws the failure; TimeoutError when there is none yet after
  // `timeout`. In a task, waiting means helping: what has not begun may be run by this very call, to its end even if
  // that takes longer. May be called again.
  decltype(auto) get(Duration timeout = {}) const& {
    await(timeout);
    return std::as_const(state().outcome()).value();
  }
  // The same, and moves the value out.
  T get(Duration timeout = {}) && {
    await(timeout);
    return std::move(state().outcome()).value();
  }

  // Waits at most so long, and says whether there is an outcome.
  bool wait(Duration timeout = {}) const { return detail::wait_for(state(), timeout.deadline()); }
  // Whether there is an outcome, and all callbacks attached before it have run.
  bool ready() const { return state().done(); }
  // Whether the outcome is a value and no callback threw. ValueError when there is none yet, as in Python.
  bool successful() const {
    if (!ready()) throw ValueError("successful(): the result is not ready");
    return state().outcome().has_value() && state().spoilt() == nullptr;
  }

  // Has f called with the value, if the task ends with one: exactly once, also when attached late. It runs in the
  // thread that settles the task (a worker; who cancelled it or terminated the pool; the pool's timer, when it took too
  // long) before the result is ready; if that has happened, here and now. What it throws becomes the failure of get().
  template <class F>
  AsyncResult& callback(F&& f) & {
    attach([f = std::make_shared<std::decay_t<F>>(std::forward<F>(f))](const Outcome<T>& outcome) {
      if (!outcome.has_value()) return;
      if constexpr (std::is_void_v<T>) {
        (*f)();
      } else {
        (*f)(outcome.value());
      }
    });
    return *this;
  }
  template <class F>
  AsyncResult callback(F&& f) && {
    return std::move(callback(std::forward<F>(f)));
  }
  // The same with the failure, as a std::exception_ptr or a const std::exception&.
  template <class F>
  AsyncResult& error_callback(F&& f) & {
    attach([f = std::make_shared<std::decay_t<F>>(std::forward<F>(f))](const Outcome<T>& outcome) {
      if (!outcome.has_value()) detail::call_with_error(*f, outcome.error());
    });
    return *this;
  }
  template <class F>
  AsyncResult error_callback(F&& f) && {
    return std::move(error_callback(std::forward<F>(f)));
  }

  // Drops the task if it has not begun: its outcome is Cancelled, and true is returned. So it is, in a moment, of a
  // task that worker processes have begun: those that are at it are killed, and no other task is lost with them. A task
  // of a thread is asked to stop, if its callable takes a std::stop_token; of a map, no further chunk begins.
  bool cancel() const {
    detail::AsyncState<T>& task = state();
    if (detail::cancel(task, true)) return true;
    task.stop.request_stop();
    return false;
  }

  // The outcome as a std::future, for code that asks for one. A task that waits for that does not help meanwhile, so it
  // keeps its worker.
  std::future<T> to_future() && {
    auto promise = std::make_shared<std::promise<T>>();
    std::future<T> future = promise->get_future();
    AsyncResult self = std::move(*this);
    self.state().attach([promise, &task = self.state()] {
      try {
        if constexpr (std::is_void_v<T>) {
          take(task);
          promise->set_value();
        } else {
          promise->set_value(take(task));
        }
      } catch (...) {
        promise->set_exception(std::current_exception());
      }
    });
    return future;
  }

  // co_await pool.apply_async(f, x), or of std::move(result): gives the value, or throws the failure. The coroutine
  // goes on in the thread that settles the task (see callback), so what it does then keeps a worker. It does not return
  // to where it began; to wait for several, make them all first.
  auto operator co_await() && { return Awaiter(std::move(*this)); }

  // For the pools.
  explicit AsyncResult(detail::TaskRef<detail::AsyncState<T>> state) noexcept : state_(std::move(state)) {}

 private:
  detail::AsyncState<T>& state() const {
    if (!state_) throw Error("this AsyncResult was moved from");
    return *state_;
  }

  class Awaiter {
   public:
    explicit Awaiter(AsyncResult result) noexcept : result_(std::move(result)) {}
    bool await_ready() const { return result_.ready(); }
    // The coroutine may be over, and this with it, before attach has returned.
    void await_suspend(std::coroutine_handle<> coroutine) {
      detail::AsyncState<T>& task = result_.state();
      task.retain();
      const detail::TaskRef<detail::AsyncState<T>> keep(&task);
      task.attach([coroutine] { coroutine.resume(); });
    }
    T await_resume() { return take(result_.state()); }

   private:
    AsyncResult result_;
  };

  // What get() && gives, once there is an outcome: from within a callback, too.
  static T take(detail::AsyncState<T>& task) {
    if (const std::exception_ptr spoilt = task.spoilt()) std::rethrow_exception(spoilt);
    return std::move(task.outcome()).value();
  }

  void await(Duration timeout) const {
    if (!wait(timeout)) throw TimeoutError("get(): no result within the timeout");
    if (const std::exception_ptr spoilt = state().spoilt()) std::rethrow_exception(spoilt);
  }

  template <class F>
  void attach(F f) {
    detail::AsyncState<T>& task = state();
    task.attach([&task, f = std::move(f)] { f(std::as_const(task.outcome())); });
  }

  detail::TaskRef<detail::AsyncState<T>> state_;
};

}  // namespace muster
