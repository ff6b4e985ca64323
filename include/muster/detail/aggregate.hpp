#pragma once
// What an aggregate consists of: how many fields, and of which types. Asked of the compiler by trying initialisers.
// What cannot be taken apart safely is told from the rest, so that the caller can refuse it with a sentence.

#include <cstddef>
#include <type_traits>
#include <utility>

#include <muster/detail/fields.hpp>

namespace muster::detail {

// Stand-ins for initialisers. Never defined: they only occur in questions.
struct AnyValue {
  template <class U>
  operator U() const noexcept;
};
struct AnyReference {
  template <class U>
  operator U&() const noexcept;
};
template <class T>
struct OnlyBaseOf {
  template <class U>
    requires(std::is_base_of_v<U, T> && !std::is_same_v<U, T>)
  operator U() const noexcept;
};
struct OnlyUnion {
  template <class U>
    requires std::is_union_v<U>
  operator U() const noexcept;
};
// Accepted only by what accepts everything, such as a constructor template: tells such from the answers above.
struct Nothing {};

// Whether T{any value `before` times, Given..., any value `after` times} is an initialiser.
template <class T, std::size_t before, std::size_t after, class... Given>
inline constexpr bool kTakesValues =
    []<std::size_t... B, std::size_t... A>(std::index_sequence<B...>, std::index_sequence<A...>) {
      return requires {
        T{(static_cast<void>(B), AnyValue())..., std::declval<Given>()..., (static_cast<void>(A), AnyValue())...};
      };
    }(std::make_index_sequence<before>(), std::make_index_sequence<after>());

// The same with {any value, any value} between them.
template <class T, std::size_t before, std::size_t after>
inline constexpr bool kTakesPair =
    []<std::size_t... B, std::size_t... A>(std::index_sequence<B...>, std::index_sequence<A...>) {
      return requires {
        T{(static_cast<void>(B), AnyValue())..., {AnyValue(), AnyValue()}, (static_cast<void>(A), AnyValue())...};
      };
    }(std::make_index_sequence<before>(), std::make_index_sequence<after>());

template <class T, std::size_t braces, class... Last>
inline constexpr bool kTakesBraces = takes_braces<T, braces, Last...>();

inline constexpr std::size_t kUncounted = static_cast<std::size_t>(-1);

struct Layout {
  std::size_t fields = kUncounted;  // kUncounted: more than we count, or not to be found out
  bool base = false;                // there is a base class
  bool unions = false;              // a field is a union, perhaps one without a name
};

// Where T{} is allowed at all, it is allowed with each number of braces up to the highest, so halving finds that one.
template <class T, std::size_t low, std::size_t high>
constexpr std::size_t count_braces() {
  if constexpr (low == high) {
    return low;
  } else if constexpr (constexpr std::size_t kMiddle = (low + high + 1) / 2; kTakesBraces<T, kMiddle>) {
    return count_braces<T, kMiddle, high>();
  } else {
    return count_braces<T, low, kMiddle - 1>();
  }
}

// Where each field can be initialised by {}.
template <class T, std::size_t fields>
constexpr Layout layout_by_braces() {
  return []<std::size_t... I>(std::index_sequence<I...>) {
    return Layout{fields, kTakesBraces<T, 0, OnlyBaseOf<T>> && !kTakesBraces<T, 0, Nothing>,
                  ((kTakesBraces<T, I, OnlyUnion> && !kTakesBraces<T, I, Nothing>) || ...)};
  }(std::make_index_sequence<fields>());
}

// Whether field `i` of `fields` swallows several values: an array.
template <class T, std::size_t i, std::size_t fields>
inline constexpr bool kSwallows = []<std::size_t... After>(std::index_sequence<After...>) {
  return (kTakesPair<T, i, After> || ...) && !kTakesPair<T, i, fields - i - 1>;
}(std::make_index_sequence<fields - i>());

template <class T>
constexpr std::size_t count_values() {
  return []<std::size_t... I>(std::index_sequence<I...>) {
    std::size_t most = kUncounted;
    ((most = kTakesValues<T, I, 0> ? I : most), ...);
    return most;
  }(std::make_index_sequence<kMostFields + 2>());
}

// Where some field wants a value. An array cannot be told from several fields then, and makes the whole uncounted.
template <class T, std::size_t fields = count_values<T>()>
constexpr Layout layout_by_values() {
  if constexpr (fields > 0 && fields <= kMostFields) {
    return []<std::size_t... I>(std::index_sequence<I...>) {
      if (kTakesValues<T, fields, 0, AnyReference> || (kSwallows<T, I, fields> || ...)) return Layout();
      return Layout{
          fields, kTakesValues<T, 0, fields - 1, OnlyBaseOf<T>> && !kTakesValues<T, 0, fields - 1, Nothing>,
          ((kTakesValues<T, I, fields - 1 - I, OnlyUnion> && !kTakesValues<T, I, fields - 1 - I, Nothing>) || ...)};
    }(std::make_index_sequence<fields>());
  } else {
    return {};
  }
}

// Whether `fields` initialisers are all: one field more may be there that {} does not do for.
template <class T, std::size_t fields>
inline constexpr bool kComplete = !kTakesBraces<T, fields, AnyValue> && !kTakesBraces<T, fields, AnyReference>;

template <class T>
constexpr Layout find_layout() {
  if constexpr (kTakesBraces<T, 0>) {
    constexpr std::size_t kFields = count_braces<T, 0, kMostFields + 1>();
    if constexpr (kFields > kMostFields) {
      return {};
    } else if constexpr (kComplete<T, kFields>) {
      return layout_by_braces<T, kFields>();
    } else {
      return layout_by_values<T>();
    }
  } else {
    return layout_by_values<T>();
  }
}

template <class T>
inline constexpr Layout kLayout = find_layout<T>();

// Whether the fields can be told apart.
template <class T>
inline constexpr bool kDivisible = kLayout<T>.fields != kUncounted && !kLayout<T>.base && !kLayout<T>.unions;

template <class... T>
struct Types {};

// Calls f(field, ...) with the fields of a divisible value. A bit-field comes as a copy.
template <class T, class F>
constexpr decltype(auto) for_fields(const T& value, const F& f) {
  return with_fields<kLayout<T>.fields>(value, f);
}

struct NameTypes {
  template <class... Field>
  Types<Field...> operator()(const Field&... /*field*/) const {
    return {};
  }
};
// The types of the fields of a divisible T, without const.
template <class T>
using fields_t = decltype(for_fields(std::declval<const T&>(), NameTypes()));

}  // namespace muster::detail
