#pragma once
// The tasks behind apply, apply_async and post.

#include <cstddef>
#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>

#include <muster/async_result.hpp>
#include <muster/detail/call.hpp>
#include <muster/detail/run_item.hpp>

namespace muster::detail {

// Kept arguments are moved in where the callable takes them so, else given as lvalues.
template <class F, class... Kept>
inline constexpr bool kMovable = kCallable<F, Kept...>;

template <class F, class Token, class... Kept>
decltype(auto) call_kept(const F& f, const Token& token, std::tuple<Kept...>& args) {
  return std::apply(
      [&](Kept&... arg) -> decltype(auto) {
        if constexpr (kMovable<F, Kept...>) {
          return call(f, token, std::move(arg)...);
        } else {
          return call(f, token, arg...);
        }
      },
      args);
}

template <class F, class... Kept>
using kept_result_t =
    typename std::conditional_t<kMovable<F, Kept...>, CallResult<F, Kept...>, CallResult<F, Kept&...>>::type;

// One call with its arguments and its outcome.
template <class F, class... Kept>
class CallTask final : public AsyncState<kept_result_t<F, Kept...>> {
 public:
  using R = kept_result_t<F, Kept...>;
  using Base = AsyncState<R>;
  static constexpr bool kToken = kMovable<F, Kept...> ? kWantsToken<F, Kept...> : kWantsToken<F, Kept&...>;

  // `early`: a timeout settles the task at once, although it goes on; else when it has ended.
  template <class G, class... Args>
  CallTask(PoolCore& core, const CallOptions& options, bool early, G&& f, Args&&... args)
      : Base(kType, core, 2),
        limit_(options.timeout),
        early_(early),
        f_(std::forward<G>(f)),
        args_(std::forward<Args>(args)...) {
    this->contested_ = early && limit_.limited();  // else whoever has begun it settles it
    if constexpr (kToken) this->stop = std::stop_source();
  }

 private:
  static void run(Task& task) noexcept { static_cast<CallTask&>(task).run_and_settle(); }
  static void drop(Task& task, const std::exception_ptr& why) noexcept {
    auto& self = static_cast<CallTask&>(task);
    self.settle_with(self.core().why_dropped(why));
  }
  static void destroy(Task& task) noexcept { delete static_cast<CallTask*>(&task); }

  // Settled outside the handler, which holds a reference to the exception.
  void run_and_settle() noexcept { this->settle_with(end()); }

  Outcome<R> end() noexcept {
    try {
      return limit_.limited() ? run_limited() : run_bridged();
    } catch (...) {
      return std::current_exception();
    }
  }

  Outcome<R> run_limited() {
    const auto expired = [](void* task) noexcept {
      TaskRef<CallTask> self(static_cast<CallTask*>(static_cast<Task*>(task)));
      PoolCore& owner = self->core();
      self->settle_with(std::make_exception_ptr(too_long()));
      self = TaskRef<CallTask>();
      owner.let_go();
    };
    const TimeLimit limit(this->core(), limit_, this->stop, early_ ? +expired : nullptr, this);
    Outcome<R> outcome = run_bridged();
    if (limit.over()) throw too_long();
    return outcome;
  }

  Outcome<R> run_bridged() {
    if constexpr (kToken) {
      const StopBridge bridge(this->core().stop_token(), this->stop);
      return run_bare();
    } else {
      return run_bare();
    }
  }

  Outcome<R> run_bare() {
    const auto token = [this] { return this->stop.get_token(); };
    if constexpr (std::is_void_v<R>) {
      call_kept(f_, token, args_);
      return {};
    } else {
      return R(call_kept(f_, token, args_));
    }
  }

  static constexpr bool kPlain = std::is_trivially_destructible_v<F> &&
                                 (std::is_trivially_destructible_v<Kept> && ...) &&
                                 (std::is_void_v<R> || std::is_trivially_destructible_v<R>);
  static constexpr TaskType kType{&run, &drop, &destroy, nullptr, &typeid(F), true, false, kPlain};

  const Duration limit_;
  const bool early_;
  [[no_unique_address]] const F f_;
  [[no_unique_address]] std::tuple<Kept...> args_;
};

// A call whose outcome nobody asks for; a failure is reported to the pool.
template <class F, class... Kept>
class PostTask final : public Task {
 public:
  using Result = kept_result_t<F, Kept...>;

  template <class G, class... Args>
  PostTask(PoolCore& core, const CallOptions& /*options*/, G&& f, Args&&... args)
      : Task(kType, 1), core_(core), f_(std::forward<G>(f)), args_(std::forward<Args>(args)...) {
    static_assert(std::is_same_v<Result, std::decay_t<Result>>);  // refuses, in words, what is no call
  }

 private:
  static void run(Task& task) noexcept {
    auto& self = static_cast<PostTask&>(task);
    try {
      self.call_it();
    } catch (...) {
      self.core_.report(std::current_exception());
    }
  }
  static void drop(Task& task, const std::exception_ptr& why) noexcept {
    if (why) static_cast<PostTask&>(task).core_.report(why);
  }
  static void destroy(Task& task) noexcept { delete static_cast<PostTask*>(&task); }

  void call_it() {
    static_cast<void>(call_kept(f_, [this] { return core_.stop_token(); }, args_));
  }

  static constexpr TaskType kType{&run, &drop, &destroy, nullptr, &typeid(F), false};

  PoolCore& core_;
  [[no_unique_address]] const F f_;
  [[no_unique_address]] std::tuple<Kept...> args_;
};

}  // namespace muster::detail
