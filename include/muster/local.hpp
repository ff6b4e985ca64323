#pragma once
// A value of its own for each thread. Python's threading.local.

#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>

#include <muster/detail/local_values.hpp>

namespace muster::threading {

// Like a thread_local variable, but a member or an element if need be: each thread that asks gets its own T, made when
// it first asks. It is destroyed by its thread's end, or by the Local's destructor (in whatever thread that runs),
// whichever is first; if they come at once, the thread's end may finish after the Local is gone. The main thread ends,
// in this sense, when exit() begins.
template <class T>
class Local {
 public:
  // Each thread begins with T().
  Local()
    requires std::default_initializable<T>
      : make_([] { return T(); }) {}
  // Each thread begins with make(), called by that thread; by several at once, perhaps. What it throws leaves get().
  template <class Make>
    requires(std::is_invocable_r_v<T, Make&> && !std::same_as<std::remove_cvref_t<Make>, Local>)
  explicit Local(Make make) : make_(std::move(make)) {}

  // The calling thread's value. No other thread's call touches it.
  T& get() {
    void* const found = values_.find();
    return found != nullptr ? *static_cast<T*>(found) : made();
  }
  T& operator*() { return get(); }
  T* operator->() { return &get(); }

  // Whether the calling thread has a value yet. Python's hasattr.
  bool has_value() const noexcept { return values_.find() != nullptr; }
  // Destroys the calling thread's value; it begins anew. Python's del.
  void reset() noexcept { values_.drop(); }

 private:
  T& made() {
    T* const value = new T(make_());
    values_.add(value, [](void* dropped) noexcept { delete static_cast<T*>(dropped); });
    return *value;
  }

  std::function<T()> make_;
  detail::LocalValues values_;
};

}  // namespace muster::threading
