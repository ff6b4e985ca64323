#pragma once
// A value of its own for each worker: what a task may use without a lock, and what is put together in the end.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include <muster/detail/local_values.hpp>
#include <muster/detail/lock_word.hpp>

namespace muster {

// Each thread that asks gets its own T, made when it first asks: the workers of a pool, and whoever works with them
// (the caller of a map, where the pool has no initializer; a thread that a waiting task needs). Unlike
// threading::Local's the values are the WorkerLocal's: they outlive their threads, and can be visited. A task that
// waits may find that another task of its thread has used the value meanwhile.
template <class T>
class WorkerLocal {
 public:
  // Each begins with T().
  WorkerLocal()
    requires std::default_initializable<T>
      : make_([] { return T(); }) {}
  // Each begins with make(), called by its thread; by several at once, perhaps. What it throws leaves get().
  template <class Make>
    requires(std::is_invocable_r_v<T, Make&> && !std::same_as<std::remove_cvref_t<Make>, WorkerLocal>)
  explicit WorkerLocal(Make make) : make_(std::move(make)) {}

  // The calling thread's value. A lookup in a table; takes a lock when it makes the value.
  T& get() {
    void* const found = known_.find();
    return found != nullptr ? static_cast<Value*>(found)->value : made();
  }
  T& operator*() { return get(); }
  T* operator->() { return &get(); }

  // The rest is for when no task uses the values any more: after a map, say, or wait_all().

  // How many values there are.
  std::size_t size() const noexcept { return values_.size(); }
  // Calls f(T&) for each value. In which order they come depends on who asked first.
  template <class F>
  void for_each(F&& f) {
    for (const auto& value : values_) f(value->value);
  }
  // All values combined by op(T, T), which must not mind their order; they are moved from. With none: what a worker
  // would have begun with.
  template <class Op>
  T combine(Op&& op) {
    if (values_.empty()) return make_();
    T all(std::move(values_.front()->value));
    for (std::size_t i = 1; i < values_.size(); ++i)
      all = std::invoke(op, std::move(all), std::move(values_[i]->value));
    return all;
  }

 private:
  struct alignas(std::max<std::size_t>(64, alignof(T))) Value {  // neighbours do not share a cache line
    T value;
  };

  T& made() {
    auto value = std::make_unique<Value>(Value{make_()});
    Value& made = *value;
    {
      const detail::LockGuard guard(lock_);
      values_.push_back(std::move(value));
    }
    known_.add(&made, [](void*) noexcept {});
    return made.value;
  }

  std::function<T()> make_;
  detail::PrivateLock lock_;
  std::vector<std::unique_ptr<Value>> values_;  // while tasks use them, under the lock
  detail::LocalValues known_;
};

}  // namespace muster
