#pragma once
// How one task ended: with a value, or with what it threw, or with what muster has to say of it.

#include <exception>
#include <utility>
#include <variant>

namespace muster {

template <class T>
class Outcome {
 public:
  using value_type = T;

  Outcome(T given) : end_(std::in_place_index<0>, std::move(given)) {}  // NOLINT(google-explicit-constructor)
  Outcome(std::exception_ptr error) noexcept
      : end_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool has_value() const noexcept { return end_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  // The value; throws the failure if there is one.
  const T& value() const& {
    check();
    return *std::get_if<0>(&end_);
  }
  T& value() & {
    check();
    return *std::get_if<0>(&end_);
  }
  T&& value() && {
    // Given up, so that who catches the exception has the last reference to it.
    if (!has_value()) std::rethrow_exception(std::exchange(*std::get_if<1>(&end_), nullptr));
    return std::move(*std::get_if<0>(&end_));
  }

  // The failure; null if there is a value.
  std::exception_ptr error() const noexcept { return has_value() ? nullptr : *std::get_if<1>(&end_); }

 private:
  void check() const {
    if (!has_value()) std::rethrow_exception(*std::get_if<1>(&end_));
  }

  std::variant<T, std::exception_ptr> end_;
};

template <>
class Outcome<void> {
 public:
  using value_type = void;

  Outcome() noexcept = default;
  Outcome(std::exception_ptr error) noexcept : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool has_value() const noexcept { return error_ == nullptr; }
  explicit operator bool() const noexcept { return has_value(); }
  void value() const {
    if (error_) std::rethrow_exception(error_);
  }
  std::exception_ptr error() const noexcept { return error_; }

 private:
  std::exception_ptr error_;
};

}  // namespace muster
