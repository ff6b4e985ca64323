#pragma once

#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#include <muster/detail/call.hpp>

namespace muster {

// A callable with its first arguments fixed: bind(f, a)(b) calls f(a, b). What a closure with captures is elsewhere;
// unlike one it can say what it consists of. Python's functools.partial.
template <class F, class... Args>
class Bound {
 public:
  template <class G, class... Given>
  explicit Bound(std::in_place_t, G&& f, Given&&... args)
      : f_(std::forward<G>(f)), args_(std::forward<Given>(args)...) {}

  template <class... More>
    requires std::is_invocable_v<const F&, const Args&..., More...>
  decltype(auto) operator()(More&&... more) const {
    return std::apply(
        [&](const Args&... fixed) -> decltype(auto) { return std::invoke(f_, fixed..., std::forward<More>(more)...); },
        args_);
  }

  const F& function() const noexcept { return f_; }
  const std::tuple<Args...>& arguments() const noexcept { return args_; }

 private:
  F f_;
  std::tuple<Args...> args_;
};

// Copies f and the arguments (moves rvalues in; a string literal becomes a std::string).
template <class F, class... Args>
auto bind(F&& f, Args&&... args) {
  return Bound<std::decay_t<F>, detail::kept_t<Args>...>(std::in_place, std::forward<F>(f),
                                                         std::forward<Args>(args)...);
}

}  // namespace muster
