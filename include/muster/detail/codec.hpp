#pragma once
// How each type is written and read. A value is read into a new object, so nothing needs a default constructor but the
// classes that cereal fills. Layout: plain types are their bytes, lengths are 64-bit numbers in front, all in the
// machine's own order.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include <muster/detail/code.hpp>
#include <muster/detail/coder.hpp>
#include <muster/detail/refusal.hpp>

namespace muster::detail {

// write(Encoder&, const T&), T read(Decoder&), and kLeast: the least number of bytes that a value takes.
template <class T>
struct Codec;

template <class T>
constexpr std::size_t least_bytes() {
  if constexpr (kPlain<T>) {
    return sizeof(T);
  } else {
    return Codec<T>::kLeast;
  }
}

template <class T>
void encode(Encoder& out, const T& value) {
  if constexpr (kPlain<T>) {
    out.writer.plain(value);
  } else {
    Codec<T>::write(out, value);
  }
}

template <class T>
T decode(Decoder& in) {
  if constexpr (kPlain<T>) {
    return read_plain<T>(in.reader);
  } else {
    return Codec<T>::read(in);
  }
}

// Elements of a container. One that may take no bytes gets one, so that a number of elements is bounded by what
// follows.
template <class T>
inline constexpr std::size_t kLeastElement = least_bytes<T>() > 0 ? least_bytes<T>() : 1;

template <class T, class Value>
void encode_element(Encoder& out, const Value& value) {
  if constexpr (least_bytes<T>() == 0) write_flag(out, true);
  if constexpr (std::is_same_v<T, Value>) {
    encode<T>(out, value);
  } else {
    Codec<T>::write(out, value);  // a map's pair, whose first is constant
  }
}

template <class T>
T decode_element(Decoder& in) {
  if constexpr (least_bytes<T>() == 0) read_flag(in);
  return decode<T>(in);
}

// ---- types without a codec of their own -----------------------------------------------------------------------------

template <class F>
  requires std::is_function_v<F>
struct Codec<F*> {
  static constexpr std::size_t kLeast = kLeastOfFunction;
  static void write(Encoder& out, F* function) {
    if (function == nullptr) refuse_value("a null pointer to a function");
    write_function(out.writer, reinterpret_cast<const void*>(function));
  }
  static F* read(Decoder& in) { return reinterpret_cast<F*>(read_function(in.reader)); }
};

template <class T>
struct CodecOfTaught {
  static constexpr std::size_t kLeast = 0;
  static void write(Encoder& out, const T& value) {
    const Level level(out.depth);
    out.archive().ask(value);
  }
  static T read(Decoder& in) {
    T value{};
    fill(in, value);
    return value;
  }
  static void fill(Decoder& in, T& value) {
    const Level level(in.depth);
    in.archive().ask(value);
  }
};

template <class T>
struct CodecOfEmpty {
  static constexpr std::size_t kLeast = 0;
  static void write(Encoder& /*out*/, const T& /*value*/) {}
  static T read(Decoder& /*in*/) { return T(); }
};

template <Path T>
struct CodecOfPath {
  using Text = typename T::string_type;
  static constexpr std::size_t kLeast = sizeof(std::uint64_t);
  static void write(Encoder& out, const T& value) { encode<Text>(out, value.native()); }
  static T read(Decoder& in) { return T(decode<Text>(in)); }
};

template <class T, class Fields = fields_t<T>>
struct CodecOfFields;
template <class T, class... Field>
struct CodecOfFields<T, Types<Field...>> {
  static constexpr std::size_t kLeast = (least_bytes<Field>() + ... + 0);
  static void write(Encoder& out, const T& value) {
    const Level level(out.depth);
    for_fields(value, [&out](const auto&... field) { (encode<Field>(out, field), ...); });
  }
  static T read(Decoder& in) {
    const Level level(in.depth);
    return T{decode<Field>(in)...};  // braces keep the order
  }
};

template <class T>
struct Choose {
  static constexpr auto choose() {
    if constexpr (kTaught<T>) {
      return std::type_identity<CodecOfTaught<T>>();
    } else if constexpr (kEmpty<T>) {
      return std::type_identity<CodecOfEmpty<T>>();
    } else if constexpr (Path<T>) {
      return std::type_identity<CodecOfPath<T>>();
    } else {
      return std::type_identity<CodecOfFields<T>>();
    }
  }
  using type = typename decltype(choose())::type;
};
template <class T>
struct Codec : Choose<T>::type {};

// Whether cereal fills an object of this type where it is. (kTaught alone says yes to some of the standard's types,
// too.)
template <class T>
inline constexpr bool kFilled = [] {
  if constexpr (kTaught<T>) {
    return std::is_base_of_v<CodecOfTaught<T>, Codec<T>>;
  } else {
    return false;
  }
}();

template <class F, class... Args>
struct Codec<Bound<F, Args...>> {
  static constexpr std::size_t kLeast = (least_bytes<F>() + ... + least_bytes<Args>());
  static void write(Encoder& out, const Bound<F, Args...>& bound) {
    encode<F>(out, bound.function());
    std::apply([&](const Args&... arg) { (encode<Args>(out, arg), ...); }, bound.arguments());
  }
  static Bound<F, Args...> read(Decoder& in) {
    return Bound<F, Args...>{std::in_place, decode<F>(in), decode<Args>(in)...};
  }
};

template <class F>
struct Codec<Spread<F>> {
  using Callable = std::decay_t<F>;
  static constexpr std::size_t kLeast = least_bytes<Callable>();
  static void write(Encoder& out, const Spread<F>& spread) { encode<Callable>(out, spread.function()); }
  static Spread<F> read(Decoder& in) { return Spread<F>(decode<Callable>(in)); }
};

}  // namespace muster::detail
