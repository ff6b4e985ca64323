#pragma once
// How a task's callable is called: as const, with its arguments moved in, with a stop token only if it wants one.

#include <cstddef>
#include <functional>
#include <stop_token>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace muster::detail {

// What an argument becomes when it is kept: a copy, and a std::string for a literal or a C string.
template <class T>
using kept_t =
    std::conditional_t<std::is_same_v<std::decay_t<T>, const char*> || std::is_same_v<std::decay_t<T>, char*>,
                       std::string, std::decay_t<T>>;

// The argument as an rvalue where the callable takes it so, else as an lvalue.
template <class F, class... Args>
inline constexpr bool kCallable =
    std::is_invocable_v<const F&, Args...> || std::is_invocable_v<const F&, std::stop_token, Args...>;

template <class F, class... Args>
inline constexpr bool kWantsToken =
    !std::is_invocable_v<const F&, Args...> && std::is_invocable_v<const F&, std::stop_token, Args...>;

template <class F, class... Args>
constexpr void check_callable() {
  static_assert(
      kCallable<F, Args...>,
      "muster: the callable cannot be called with these arguments. It is called as const, so a mutable lambda "
      "does not do; and with one item of the range, so a function of several arguments wants starmap or "
      "muster::bind.");
}

template <class F, class... Args>
struct CallResult {
  static auto probe() {
    check_callable<F, Args...>();
    if constexpr (std::is_invocable_v<const F&, Args...>) {
      return std::type_identity<std::invoke_result_t<const F&, Args...>>{};
    } else if constexpr (kWantsToken<F, Args...>) {
      return std::type_identity<std::invoke_result_t<const F&, std::stop_token, Args...>>{};
    } else {
      return std::type_identity<void>{};
    }
  }
  // A reference is kept as the object that it refers to: the task's own may be gone.
  using type = std::decay_t<typename decltype(probe())::type>;
};

template <class F, class... Args>
using call_result_t = typename CallResult<F, Args...>::type;

// Calls f(args...), or f(token(), args...).
template <class F, class Token, class... Args>
decltype(auto) call(const F& f, Token&& token, Args&&... args) {
  if constexpr (std::is_invocable_v<const F&, Args...>) {
    return std::invoke(f, std::forward<Args>(args)...);
  } else {
    return std::invoke(f, token(), std::forward<Args>(args)...);
  }
}

// Whether f(token..., element of the tuple...) is a call.
template <class F, class Tuple, class... Before>
inline constexpr bool kSpreadable = []<std::size_t... I>(std::index_sequence<I...>) {
  return std::is_invocable_v<const F&, Before..., decltype(std::get<I>(std::declval<Tuple>()))...>;
}(std::make_index_sequence<std::tuple_size_v<std::remove_cvref_t<Tuple>>>{});

// A callable that spreads a tuple over the arguments of another: what starmap maps. F may be a reference.
template <class F>
class Spread {
 public:
  explicit Spread(F f) : f_(std::forward<F>(f)) {}

  const std::remove_reference_t<F>& function() const noexcept { return f_; }

  template <class Tuple>
    requires kSpreadable<F, Tuple>
  decltype(auto) operator()(Tuple&& tuple) const {
    return std::apply(f_, std::forward<Tuple>(tuple));
  }
  template <class Tuple>
    requires(!kSpreadable<F, Tuple> && kSpreadable<F, Tuple, std::stop_token>)
  decltype(auto) operator()(std::stop_token token, Tuple&& tuple) const {
    return std::apply(f_, std::tuple_cat(std::tuple(std::move(token)), std::forward<Tuple>(tuple)));
  }

 private:
  F f_;
};

}  // namespace muster::detail
