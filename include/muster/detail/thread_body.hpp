#pragma once
// What a thread runs: a callable and its arguments, kept as std::thread keeps them, behind one virtual call.

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include <muster/detail/export.hpp>

namespace muster::detail {

class ThreadBody {
 public:
  ThreadBody() = default;
  ThreadBody(const ThreadBody&) = delete;
  ThreadBody& operator=(const ThreadBody&) = delete;
  virtual ~ThreadBody() = default;
  // Once.
  virtual void run(std::stop_token token) = 0;
};

template <class F, class... Args>
class BoundThreadBody final : public ThreadBody {
 public:
  template <class... Given>
  explicit BoundThreadBody(Given&&... given) : call_(std::forward<Given>(given)...) {}

  void run(std::stop_token token) override {
    std::apply(
        [&](F& f, Args&... args) {
          if constexpr (std::is_invocable_v<F, Args...>) {
            std::invoke(std::move(f), std::move(args)...);
          } else {
            std::invoke(std::move(f), std::move(token), std::move(args)...);
          }
        },
        call_);
  }

 private:
  std::tuple<F, Args...> call_;
};

template <class F, class... Args>
std::unique_ptr<ThreadBody> make_thread_body(F&& f, Args&&... args) {
  using Kept = std::decay_t<F>;
  static_assert(std::is_invocable_v<Kept, std::decay_t<Args>...> ||
                    std::is_invocable_v<Kept, std::stop_token, std::decay_t<Args>...>,
                "muster: the callable cannot be called with copies of these arguments. They are moved in, so one that "
                "takes an lvalue reference wants std::ref.");
  return std::make_unique<BoundThreadBody<Kept, std::decay_t<Args>...>>(std::forward<F>(f),
                                                                        std::forward<Args>(args)...);
}

// Where a callable's name may be found.
struct NameSource {
  const std::type_info* type = nullptr;  // of an object that can be called
  const void* function = nullptr;
};

template <class F>
NameSource name_source(const F& f) {
  if constexpr (std::is_function_v<F>) {
    return {.function = reinterpret_cast<const void*>(&f)};
  } else if constexpr (std::is_pointer_v<F> && std::is_function_v<std::remove_pointer_t<F>>) {
    return {.function = reinterpret_cast<const void*>(f)};
  } else if constexpr (std::is_class_v<F>) {
    return {.type = &typeid(F)};
  } else {
    return {};
  }
}

}  // namespace muster::detail
