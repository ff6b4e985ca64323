#pragma once
// A coroutine as an input range: single pass, move-only, no size; what C++23 calls std::generator.

#include <coroutine>
#include <cstddef>
#include <exception>
#include <iterator>
#include <ranges>
#include <stdexcept>
#include <utility>

namespace muster::testing {

template <class T>
class Generator : public std::ranges::view_base {
 public:
  struct promise_type {  // NOLINT(readability-identifier-naming): the language's word
    T* current = nullptr;
    std::exception_ptr failure;
    Generator get_return_object() { return Generator(Handle::from_promise(*this)); }
    static std::suspend_always initial_suspend() noexcept { return {}; }
    static std::suspend_always final_suspend() noexcept { return {}; }
    std::suspend_always yield_value(T& value) noexcept {
      current = &value;
      return {};
    }
    std::suspend_always yield_value(T&& value) noexcept {
      current = &value;
      return {};
    }
    void unhandled_exception() noexcept { failure = std::current_exception(); }
    void return_void() noexcept {}
  };
  using Handle = std::coroutine_handle<promise_type>;

  class iterator {  // NOLINT(readability-identifier-naming)
   public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    explicit iterator(Handle handle) noexcept : handle_(handle) {}
    iterator(iterator&&) noexcept = default;
    iterator& operator=(iterator&&) noexcept = default;
    T&& operator*() const noexcept { return std::move(*handle_.promise().current); }
    iterator& operator++() {
      resume(handle_);
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& at, std::default_sentinel_t) noexcept { return at.handle_.done(); }

   private:
    Handle handle_;
  };

  Generator(Generator&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Generator& operator=(Generator&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Generator() {
    if (handle_) handle_.destroy();
  }

  iterator begin() {
    resume(handle_);
    return iterator(handle_);
  }
  static std::default_sentinel_t end() noexcept { return {}; }

 private:
  explicit Generator(Handle handle) noexcept : handle_(handle) {}
  static void resume(Handle handle) {
    handle.resume();
    if (handle.promise().failure) std::rethrow_exception(std::exchange(handle.promise().failure, nullptr));
  }

  Handle handle_;
};

// g++ 12 writes a 0 for a null pointer into every coroutine.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wzero-as-null-pointer-constant"

inline Generator<int> count_to(int end) {
  for (int i = 0; i < end; ++i) {
    int given = i;
    co_yield given;
  }
}
// 0, 1, 2, ... without an end; `read` is how many were given so far.
inline Generator<int> count_for_ever(int& read) {
  for (int i = 0;; ++i) {
    ++read;
    int given = i;
    co_yield given;
  }
}
// 0, 1, ... and then an exception where `at` should come.
inline Generator<int> count_and_throw(int at) {
  for (int i = 0; i < at; ++i) {
    int given = i;
    co_yield given;
  }
  throw std::runtime_error("input broke");
}

#pragma GCC diagnostic pop

}  // namespace muster::testing
