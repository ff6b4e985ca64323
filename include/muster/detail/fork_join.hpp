#pragma once
// Fork and join: what a pool's invoke does in a task of the pool.

#include <exception>
#include <functional>
#include <optional>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <variant>

#include <muster/detail/forks.hpp>
#include <muster/error.hpp>
#include <muster/outcome.hpp>

namespace muster::detail {

// What a call gives, where nothing is something, too.
template <class F>
using given_t = std::conditional_t<std::is_void_v<std::invoke_result_t<F&>>, std::monostate,
                                   std::decay_t<std::invoke_result_t<F&>>>;
template <class F>
given_t<F> given(F& f) {
  if constexpr (std::is_void_v<std::invoke_result_t<F&>>) {
    std::invoke(f);
    return {};
  } else {
    return std::invoke(f);
  }
}

template <class F>
class Forked final : public ForkedCall {
 public:
  explicit Forked(F& f) noexcept : ForkedCall(kType), f_(f) {}

  // What it gave to whoever has run it.
  given_t<F> take() { return std::move(*outcome_).value(); }

 private:
  static void run(Task& task) noexcept {
    auto& self = static_cast<Forked&>(task);
    try {
      self.outcome_.emplace(given(self.f_));
    } catch (...) {
      self.outcome_.emplace(std::current_exception());
    }
  }
  static void drop(Task& task, const std::exception_ptr& why) noexcept {
    static_cast<Forked&>(task).outcome_.emplace(
        why ? why : std::make_exception_ptr(Cancelled("dropped before it began: its pool ended")));
  }
  static constexpr TaskType kType{&run, &drop, &ForkedCall::finish, nullptr, &typeid(F), true, true};

  F& f_;
  std::optional<Outcome<given_t<F>>> outcome_;
};

// Calls all of them, the first in this thread. When it throws, the others are waited for, or do not begin.
template <class F>
std::tuple<given_t<F>> fork_join(F& f) {
  return std::tuple<given_t<F>>(given(f));
}
template <class F, class... Rest>
std::tuple<given_t<F>, given_t<Rest>...> fork_join(F& f, Rest&... rest) {
  auto others = [&] { return fork_join(rest...); };
  Forks* const forks = t_forks;
  if (forks == nullptr) {
    std::tuple<given_t<F>> first(given(f));
    return std::tuple_cat(std::move(first), others());
  }
  Forked<decltype(others)> forked(others);
  forks->push(forked);
  const auto call_first = [&] {
    try {
      return fork_join(f);
    } catch (...) {
      static_cast<void>(forks->pop(forked));
      throw;
    }
  };
  std::tuple<given_t<F>> first = call_first();
  if (forks->pop(forked)) [[likely]]
    return std::tuple_cat(std::move(first), others());
  return std::tuple_cat(std::move(first), forked.take());
}

}  // namespace muster::detail
