#pragma once
// Exceptions of your own types, thrown by tasks in worker processes. One line makes a type known, and it arrives as
// itself:
//
//   const bool known = muster::register_exception<OutOfPaper>();
//
// All of the standard library's exceptions are known, and those of <muster/error.hpp>; so are int, std::string and
// const char* (which arrives as std::string). What is not known arrives as its nearest known base class, with its text:
// a type derived from std::domain_error as std::domain_error. If there is none but std::exception, it arrives as
// muster::RemoteError.

#include <concepts>
#include <exception>
#include <string>
#include <type_traits>

#include <muster/detail/exceptions.hpp>
#include <muster/detail/travel.hpp>

namespace muster {

namespace detail {

// By what serialize() says, or by its public fields.
template <class E>
struct ByValue {
  static bool write(Writer& out, const E& error) {
    write_value<E>(out, error);
    return true;
  }
  static std::exception_ptr read(Reader& in, const std::string& /*text*/) {
    return std::make_exception_ptr(read_value<E>(in));
  }
};

// By what() and the constructor that takes a text.
template <class E>
struct ByText {
  static bool write(Writer& /*out*/, const E& /*error*/) { return true; }
  static std::exception_ptr read(Reader& /*in*/, const std::string& text) {
    if constexpr (std::is_constructible_v<E, const std::string&>) {
      return std::make_exception_ptr(E(text));
    } else {
      return std::make_exception_ptr(E(text.c_str()));
    }
  }
};

// All of its objects are the same.
template <class E>
struct ByNothing {
  static bool write(Writer& /*out*/, const E& /*error*/) { return true; }
  static std::exception_ptr read(Reader& /*in*/, const std::string& /*text*/) { return std::make_exception_ptr(E()); }
};

template <class E, class Save, class Load>
struct ByFunctions {
  using Value = std::decay_t<std::invoke_result_t<const Save&, const E&>>;
  static bool write(Writer& out, const E& error) {
    write_value<Value>(out, Save()(error));
    return true;
  }
  static std::exception_ptr read(Reader& in, const std::string& /*text*/) {
    return std::make_exception_ptr<E>(Load()(read_value<Value>(in)));
  }
};

template <class E>
inline constexpr bool kMadeFromText =
    std::is_base_of_v<std::exception, E> &&
    (std::is_constructible_v<E, const std::string&> || std::is_constructible_v<E, const char*>);
template <class E>
inline constexpr bool kHoldsNothing =
    std::is_base_of_v<std::exception, E> && sizeof(E) == sizeof(std::exception) && std::is_default_constructible_v<E>;

}  // namespace detail

// Makes exceptions of type E arrive as themselves. E says what it consists of (a serialize function, or public fields;
// see <muster/serialize.hpp>); or can be made from a text, and then what() is all that travels; or has no fields at
// all. To be called in each process, so best in the initialiser of a variable of namespace scope. Always true.
template <class E>
bool register_exception() {
  static_assert(std::is_copy_constructible_v<E>, "muster: an exception is copied on its way: E must be copyable.");
  if constexpr (detail::kTravels<E>) {
    return detail::add_exception(detail::codec_for<E, detail::ByValue<E>>());
  } else if constexpr (detail::kMadeFromText<E>) {
    return detail::add_exception(detail::codec_for<E, detail::ByText<E>>());
  } else {
    static_assert(
        detail::kHoldsNothing<E>,
        "muster: this exception cannot be rebuilt in another process: give it a serialize function and a default "
        "constructor, or a constructor that takes a std::string, or call register_exception<E>(save, load).");
    if constexpr (detail::kHoldsNothing<E>) {
      return detail::add_exception(detail::codec_for<E, detail::ByNothing<E>>());
    } else {
      return false;
    }
  }
}

// For a type that none of this fits: save(error) gives a value that travels, load(value) makes the exception from it.
// Both are lambdas without captures.
template <class E, class Save, class Load>
bool register_exception(Save /*save*/, Load /*load*/) {
  static_assert(std::is_copy_constructible_v<E>, "muster: an exception is copied on its way: E must be copyable.");
  static_assert(detail::kEmpty<Save> && detail::kEmpty<Load>,
                "muster: save and load must be lambdas without captures: they are also called in other processes.");
  static_assert(std::is_invocable_v<const Save&, const E&>, "muster: save is called with a const E&.");
  if constexpr (std::is_invocable_v<const Save&, const E&>) {
    using Value = std::decay_t<std::invoke_result_t<const Save&, const E&>>;
    static_assert(std::is_invocable_r_v<E, const Load&, Value>,
                  "muster: load is called with what save returned, and returns an E.");
    detail::check_travels<Value>();
    if constexpr (detail::kTravels<Value> && std::is_invocable_r_v<E, const Load&, Value>) {
      return detail::add_exception(detail::codec_for<E, detail::ByFunctions<E, Save, Load>>());
    }
  }
  return true;
}

}  // namespace muster
