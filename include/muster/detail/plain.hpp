#pragma once
// Which types are nothing but their bytes. Trivially copyable is not enough: pointers, closures and views are that,
// too.

#include <array>
#include <chrono>
#include <complex>
#include <cstddef>
#include <cstring>
#include <type_traits>

#include <muster/detail/aggregate.hpp>
#include <muster/detail/archive.hpp>

namespace muster::detail {

template <class T>
constexpr bool is_plain_class();

template <class T>
struct IsPlain : std::bool_constant<std::is_arithmetic_v<T> || std::is_enum_v<T>> {};
template <class T>
  requires std::is_class_v<T>
struct IsPlain<T> : std::bool_constant<is_plain_class<T>()> {};
template <class T, std::size_t N>
struct IsPlain<std::array<T, N>> : std::bool_constant<(N > 0) && IsPlain<T>::value> {};
template <class T, std::size_t N>
struct IsPlain<T[N]> : IsPlain<T> {};  // as a field
template <class T>
struct IsPlain<std::complex<T>> : std::is_arithmetic<T> {};
template <class Rep, class Period>
struct IsPlain<std::chrono::duration<Rep, Period>> : std::is_arithmetic<Rep> {};
template <class Clock, class Duration>
struct IsPlain<std::chrono::time_point<Clock, Duration>> : IsPlain<Duration> {};

template <class... T>
constexpr bool are_plain(Types<T...> /*fields*/) {
  return (IsPlain<T>::value && ...);
}

// A class that says itself what it consists of is taken at its word. One that cannot be assigned has references or
// constants.
template <class T>
constexpr bool is_plain_class() {
  if constexpr (std::is_aggregate_v<T> && std::is_trivially_copyable_v<T> && !std::is_empty_v<T> &&
                std::is_move_assignable_v<T>) {
    if constexpr (kDivisible<T>) {
      if constexpr (are_plain(fields_t<T>())) return !kTaught<T>;
    }
  }
  return false;
}

// Whether T's bytes are all there is to it: arithmetic types, enums, and aggregates all of whose fields are such.
template <class T>
inline constexpr bool kPlain = IsPlain<T>::value;

template <class T>
constexpr bool holds_bool();

template <class... T>
constexpr bool hold_bool(Types<T...> /*fields*/) {
  return (holds_bool<T>() || ...);
}

// Whether not every pattern of bits is a value of the plain type T.
template <class T>
constexpr bool holds_bool() {
  if constexpr (std::is_enum_v<T>) {
    return std::is_same_v<std::underlying_type_t<T>, bool>;
  } else if constexpr (std::is_array_v<T>) {
    return holds_bool<std::remove_all_extents_t<T>>();
  } else if constexpr (requires {
                         std::tuple_size<T>::value;
                         typename T::value_type;
                       }) {  // std::array
    return holds_bool<typename T::value_type>();
  } else if constexpr (std::is_class_v<T> && std::is_aggregate_v<T>) {
    return hold_bool(fields_t<T>());
  } else {
    return std::is_same_v<std::remove_cv_t<T>, bool>;
  }
}

// Whether objects of this type can be left in shared memory: whatever bytes are there are a value.
template <class T>
constexpr bool is_landable() {
  if constexpr (kPlain<T>) return !holds_bool<T>();
  return false;
}
template <class T>
inline constexpr bool kLandable = is_landable<T>();

// Whether bytes that came from elsewhere are a value of the plain type T.
template <class T>
bool is_sound(const T& value) {
  if constexpr (!holds_bool<T>()) {
    return true;
  } else if constexpr (std::is_array_v<T> || requires {
                         std::tuple_size<T>::value;
                         typename T::value_type;
                       }) {
    for (const auto& element : value) {
      if (!is_sound(element)) return false;
    }
    return true;
  } else if constexpr (std::is_class_v<T>) {
    return for_fields(value, [](const auto&... field) { return (is_sound(field) && ...); });
  } else {
    unsigned char byte = 0;  // to look at it as a bool would be undefined already
    std::memcpy(&byte, &value, 1);
    return byte <= 1;
  }
}

// Reads a T and checks that it is one.
template <class T>
T read_plain(Reader& in) {
  constexpr const char* kUnsound = "a bool is neither true nor false";
  if constexpr (holds_bool<T>() && !std::is_class_v<T>) {
    const auto byte = in.plain<unsigned char>();  // a bool of another value must not even be copied
    if (byte > 1) refuse_bytes(kUnsound);
    return static_cast<T>(byte == 1);
  } else {
    T value = in.plain<T>();
    if (!is_sound(value)) refuse_bytes(kUnsound);
    return value;
  }
}

}  // namespace muster::detail
