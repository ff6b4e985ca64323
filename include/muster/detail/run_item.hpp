#pragma once
// Running one call under what was said of it: a time limit, a request to stop.

#include <stop_token>
#include <type_traits>
#include <utility>

#include <muster/detail/call.hpp>
#include <muster/detail/pool_core.hpp>
#include <muster/duration.hpp>
#include <muster/error.hpp>

namespace muster::detail {

// Passes a request to stop on, as long as it lives.
class StopBridge {
 public:
  StopBridge(const std::stop_token& from, std::stop_source to) : callback_(from, Pass{std::move(to)}) {}

 private:
  struct Pass {
    std::stop_source to;
    void operator()() { to.request_stop(); }
  };
  std::stop_callback<Pass> callback_;
};

// While it lives, a clock runs; when the time is over, `stop` is asked to stop, and `expired` is called for `task`, if
// given: both on the pool's timer thread, the latter perhaps after the limit has gone.
class TimeLimit : private Watch {
 public:
  // `expired` gets a reference to the task, which it must release, and must let the pool go (PoolCore::hold).
  TimeLimit(PoolCore& core, Duration limit, std::stop_source stop, void (*expired)(void*) noexcept = nullptr,
            Task* task = nullptr)
      : core_(core), stop_(std::move(stop)), expired_(expired), task_(task) {
    deadline = limit.deadline();
    expire = [](Watch& watch) noexcept { return static_cast<TimeLimit&>(watch).end(); };
    core_.watch(*this);
  }
  ~TimeLimit() { core_.unwatch(*this); }
  TimeLimit(const TimeLimit&) = delete;
  TimeLimit& operator=(const TimeLimit&) = delete;

  // Whether the time is over: by the clock, whether or not the timer has come to say so.
  bool over() const noexcept { return now() >= deadline; }

 private:
  Then end() noexcept {
    stop_.request_stop();
    if (expired_ == nullptr) return {};
    task_->retain();
    core_.hold();
    return {expired_, task_};
  }

  PoolCore& core_;
  std::stop_source stop_;
  void (*expired_)(void*) noexcept;
  Task* task_;
};

inline TimeoutError too_long() { return TimeoutError("the task took longer than its timeout"); }

// Calls f(args...) with a stop token of `stop` if it wants one.
template <class F, class... Args>
decltype(auto) call_with_stop(const F& f, const std::stop_source& stop, Args&&... args) {
  return call(f, [&stop] { return stop.get_token(); }, std::forward<Args>(args)...);
}

// The same for at most `limit`, as one item of many: `outer` stops all of them, the limit only this one. R is what is
// to be returned; throws TimeoutError when the call took too long.
template <class R, bool kToken, class F, class Arg>
R call_limited(PoolCore& core, Duration limit, const std::stop_source& outer, const F& f, Arg&& arg) {
  const std::stop_source stop = kToken ? std::stop_source() : std::stop_source(std::nostopstate);
  const StopBridge bridge(outer.get_token(), stop);
  const TimeLimit clock(core, limit, stop);
  if constexpr (std::is_void_v<R>) {
    call_with_stop(f, stop, std::forward<Arg>(arg));
    if (clock.over()) throw too_long();
  } else {
    R result(call_with_stop(f, stop, std::forward<Arg>(arg)));
    if (clock.over()) throw too_long();
    return result;
  }
}

}  // namespace muster::detail
