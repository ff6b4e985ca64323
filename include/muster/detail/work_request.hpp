#pragma once
// What a threadpool::WorkRequest is a handle of: a call with its arguments and callbacks, and how it went.

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include <muster/async_result.hpp>
#include <muster/detail/call.hpp>
#include <muster/detail/export.hpp>

namespace muster::threadpool {
class WorkRequest;
}

namespace muster::detail {

// A request without its types: all that a pool knows of it.
class MUSTER_EXPORT RequestCore {
 public:
  RequestCore(std::string id, const std::type_info& callable) : id_(std::move(id)), callable_(callable) {}
  virtual ~RequestCore();
  RequestCore(const RequestCore&) = delete;
  RequestCore& operator=(const RequestCore&) = delete;

  const std::string& id() const noexcept { return id_; }
  const std::type_info& callable() const noexcept { return callable_; }
  std::exception_ptr error() const noexcept { return failed() ? error_ : nullptr; }
  bool failed() const noexcept { return failed_.load(std::memory_order_acquire); }

  // One pool at a time may have it, since it has room for one outcome. False: somebody has it.
  bool claim() noexcept { return !claimed_.exchange(true, std::memory_order_acq_rel); }
  void release() noexcept { claimed_.store(false, std::memory_order_release); }

  // Calls the callable, in a worker, and keeps what comes of it.
  void run(const std::stop_token& stop) noexcept;
  // Calls the callback that fits the outcome, and throws what it throws. Releases the request before, so that the
  // callback may put it again. `self` is a handle of this.
  virtual void deliver(const threadpool::WorkRequest& self) = 0;

 private:
  virtual void call(const std::stop_token& stop) = 0;

  const std::string id_;
  const std::type_info& callable_;
  std::atomic<bool> claimed_{false};
  std::atomic<bool> failed_{false};  // set once, after error_: a request that failed is not run again
  std::exception_ptr error_;
};

template <class T>
inline constexpr bool kIsNone = std::is_same_v<T, std::nullptr_t>;

template <class T>
inline constexpr bool kIsTuple = false;
template <class... Parts>
inline constexpr bool kIsTuple<std::tuple<Parts...>> = true;
template <class First, class Second>
inline constexpr bool kIsTuple<std::pair<First, Second>> = true;

template <class T>
concept PositionalArguments = kIsNone<T> || kIsTuple<T>;
template <class T>
concept NamedArguments = kIsNone<T> || requires {
  typename T::key_type;
  typename T::mapped_type;
};

// Python's (args, kwds).
template <class T>
inline constexpr bool kIsArgsAndKwds = false;
template <PositionalArguments Args, NamedArguments Kwds>
inline constexpr bool kIsArgsAndKwds<std::pair<Args, Kwds>> = true;
template <PositionalArguments Args, NamedArguments Kwds>
inline constexpr bool kIsArgsAndKwds<std::tuple<Args, Kwds>> = true;

// What the callable is called with: the positional arguments and, where there are named ones, their map.
template <class Args, class Kwds>
auto join_arguments(Args args, Kwds kwds) {
  static_assert(PositionalArguments<Args>,
                "muster: positional arguments come as a tuple, std::tuple(1, 2), or as nullptr for none");
  static_assert(NamedArguments<Kwds>, "muster: named arguments come as a map, or as nullptr for none");
  if constexpr (kIsNone<Args>) {
    return join_arguments(std::tuple(), std::move(kwds));
  } else if constexpr (kIsNone<Kwds>) {
    return std::tuple_cat(std::move(args));  // a pair becomes a tuple
  } else {
    return std::tuple_cat(std::move(args), std::tuple<Kwds>(std::move(kwds)));
  }
}

// The same from one item of what make_requests is given.
template <class Item>
auto arguments_from(Item item) {
  if constexpr (kIsArgsAndKwds<Item>) {
    auto& [args, kwds] = item;
    return join_arguments(std::move(args), std::move(kwds));
  } else if constexpr (kIsTuple<Item>) {
    return std::tuple_cat(std::move(item));
  } else {
    return std::tuple<Item>(std::move(item));
  }
}

// What the requests of one make_requests have in common. Called as const: several threads may be at it at once.
template <class F, class Callback, class ExcCallback>
struct RequestKind {
  F callable;
  Callback callback;
  ExcCallback exc_callback;
};

template <class F, class Callback, class ExcCallback>
std::shared_ptr<const RequestKind<F, Callback, ExcCallback>> share_kind(F callable, Callback callback,
                                                                        ExcCallback exc_callback) {
  using Kind = RequestKind<F, Callback, ExcCallback>;
  return std::make_shared<const Kind>(Kind{std::move(callable), std::move(callback), std::move(exc_callback)});
}

template <class Kind, class Args>
class Request;

template <class F, class Callback, class ExcCallback, class... Args>
class Request<RequestKind<F, Callback, ExcCallback>, std::tuple<Args...>> final : public RequestCore {
 public:
  using Kind = RequestKind<F, Callback, ExcCallback>;

  Request(std::string id, std::shared_ptr<const Kind> kind, std::tuple<Args...> args)
      : RequestCore(std::move(id), typeid(F)), kind_(std::move(kind)), args_(std::move(args)) {}

  void deliver(const threadpool::WorkRequest& self) override {
    if (failed()) {
      release();
      tell_failure(self);
    } else {
      // Out of here first: once released, the request may run again and bring another result.
      const std::unique_ptr<Kept> result = std::move(result_);
      release();
      tell_result(self, *result);
    }
  }

 private:
  // The arguments stay as they are: a request may be put again.
  using Result = call_result_t<F, const Args&...>;
  struct Nothing {};
  using Kept = std::conditional_t<std::is_void_v<Result>, Nothing, Result>;

  void call(const std::stop_token& stop) override {
    const auto token = [&stop] { return stop; };
    const auto spread = [&](const Args&... args) -> Result { return detail::call(kind_->callable, token, args...); };
    if constexpr (std::is_void_v<Result>) {
      std::apply(spread, args_);
      result_ = std::make_unique<Kept>();
    } else {
      result_.reset(new Kept(std::apply(spread, args_)));  // built in place: it need not even be movable
    }
  }

  void tell_result(const threadpool::WorkRequest& self, Kept& result) const {
    if constexpr (kIsNone<Callback>) {
      return;
    } else if constexpr (std::is_void_v<Result>) {
      static_assert(std::is_invocable_v<const Callback&, const threadpool::WorkRequest&>,
                    "muster: the callable returns nothing, so the callback takes a const WorkRequest& alone, and is "
                    "called as const");
      std::invoke(kind_->callback, self);
    } else {
      static_assert(std::is_invocable_v<const Callback&, const threadpool::WorkRequest&, Result>,
                    "muster: a callback takes a const WorkRequest& and the result, and is called as const");
      std::invoke(kind_->callback, self, std::move(result));
    }
  }

  void tell_failure(const threadpool::WorkRequest& self) const {
    if constexpr (!kIsNone<ExcCallback>) {
      const auto tell = std::bind_front(std::cref(kind_->exc_callback), self);
      call_with_error(tell, error());
    }
  }

  const std::shared_ptr<const Kind> kind_;
  const std::tuple<Args...> args_;
  std::unique_ptr<Kept> result_;
};

template <class Kind, class Args>
std::shared_ptr<RequestCore> make_request(std::string id, std::shared_ptr<const Kind> kind, Args args) {
  return std::make_shared<Request<Kind, Args>>(std::move(id), std::move(kind), std::move(args));
}

}  // namespace muster::detail
