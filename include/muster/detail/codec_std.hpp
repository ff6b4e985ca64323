#pragma once
// How the standard library's types are written and read.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <tuple>
#include <type_traits>
#include <utility>

#include <muster/detail/codec.hpp>

namespace muster::detail {

// Reads elements of a plain type where they lie, aligned or not.
template <class T>
class PlainIterator {
 public:
  using iterator_category = std::random_access_iterator_tag;
  using value_type = T;
  using difference_type = std::ptrdiff_t;
  using pointer = void;
  using reference = T;

  explicit PlainIterator(const std::byte* at) noexcept : at_(at) {}
  T operator*() const noexcept {
    T value;
    std::memcpy(&value, at_, sizeof value);
    return value;
  }
  PlainIterator& operator++() noexcept {
    at_ += sizeof(T);
    return *this;
  }
  friend bool operator==(const PlainIterator&, const PlainIterator&) = default;
  friend std::ptrdiff_t operator-(const PlainIterator& a, const PlainIterator& b) noexcept {
    return (a.at_ - b.at_) / static_cast<std::ptrdiff_t>(sizeof(T));
  }

 private:
  const std::byte* at_;
};

// A sequence of plain elements in one piece: one copy there and one back, without a first pass that zeroes.
template <class C>
struct CodecOfPiece {
  using T = typename C::value_type;
  static constexpr std::size_t kLeast = sizeof(std::uint64_t);
  static void write(Encoder& out, const C& values) {
    write_count(out, values.size());
    out.writer.write(values.data(), values.size() * sizeof(T));
  }
  static C read(Decoder& in) {
    const std::size_t count = read_count(in, sizeof(T));
    const std::byte* const from = in.reader.take(count * sizeof(T));
    C values = [=] {
      if (reinterpret_cast<std::uintptr_t>(from) % alignof(T) == 0) {
        const T* const first = reinterpret_cast<const T*>(from);
        return C(first, first + count);
      }
      return C(PlainIterator<T>(from), PlainIterator<T>(from + count * sizeof(T)));
    }();
    if constexpr (holds_bool<T>()) {
      for (const T& value : values) {
        if (!is_sound(value)) refuse_bytes("a bool is neither true nor false");
      }
    }
    return values;
  }
};

// Elements one after the other.
template <class C, class T = typename C::value_type>
struct CodecOfRange {
  static constexpr std::size_t kLeast = sizeof(std::uint64_t);
  static void write(Encoder& out, const C& values) {
    write_count(out, static_cast<std::size_t>(std::distance(values.begin(), values.end())));
    for (const auto& value : values) encode_element<T>(out, value);
  }
  static C read(Decoder& in) {
    C values;
    std::size_t count = read_count(in, kLeastElement<T>);
    // Not more than what follows could fill: elements may be far larger than the bytes that stand for them.
    if constexpr (requires { values.reserve(count); })
      values.reserve(std::min(count, in.reader.left() / sizeof(T) + 8));
    if constexpr (requires { values.before_begin(); }) {
      for (auto last = values.before_begin(); count > 0; --count)
        last = values.insert_after(last, decode_element<T>(in));
    } else {
      for (; count > 0; --count) {
        if constexpr (requires { values.push_back(decode_element<T>(in)); }) {
          values.push_back(decode_element<T>(in));
        } else {
          values.insert(values.end(), decode_element<T>(in));
        }
      }
    }
    return values;
  }
};

template <class C, class Tr, class A>
struct Codec<std::basic_string<C, Tr, A>> : CodecOfPiece<std::basic_string<C, Tr, A>> {};
template <class T, class A>
struct Codec<std::vector<T, A>>
    : std::conditional_t<kPlain<T>, CodecOfPiece<std::vector<T, A>>, CodecOfRange<std::vector<T, A>>> {};
template <class A>
struct Codec<std::vector<bool, A>> : CodecOfRange<std::vector<bool, A>> {};
template <class T, class A>
struct Codec<std::deque<T, A>> : CodecOfRange<std::deque<T, A>> {};
template <class T, class A>
struct Codec<std::list<T, A>> : CodecOfRange<std::list<T, A>> {};
template <class T, class A>
struct Codec<std::forward_list<T, A>> : CodecOfRange<std::forward_list<T, A>> {};
template <class K, class C, class A>
struct Codec<std::set<K, C, A>> : CodecOfRange<std::set<K, C, A>> {};
template <class K, class C, class A>
struct Codec<std::multiset<K, C, A>> : CodecOfRange<std::multiset<K, C, A>> {};
template <class K, class H, class E, class A>
struct Codec<std::unordered_set<K, H, E, A>> : CodecOfRange<std::unordered_set<K, H, E, A>> {};
template <class K, class H, class E, class A>
struct Codec<std::unordered_multiset<K, H, E, A>> : CodecOfRange<std::unordered_multiset<K, H, E, A>> {};
template <class K, class V, class C, class A>
struct Codec<std::map<K, V, C, A>> : CodecOfRange<std::map<K, V, C, A>, std::pair<K, V>> {};
template <class K, class V, class C, class A>
struct Codec<std::multimap<K, V, C, A>> : CodecOfRange<std::multimap<K, V, C, A>, std::pair<K, V>> {};
template <class K, class V, class H, class E, class A>
struct Codec<std::unordered_map<K, V, H, E, A>> : CodecOfRange<std::unordered_map<K, V, H, E, A>, std::pair<K, V>> {};
template <class K, class V, class H, class E, class A>
struct Codec<std::unordered_multimap<K, V, H, E, A>>
    : CodecOfRange<std::unordered_multimap<K, V, H, E, A>, std::pair<K, V>> {};

template <class T, std::size_t N>
struct Codec<std::array<T, N>> {
  static constexpr std::size_t kLeast = N * least_bytes<T>();
  static void write(Encoder& out, const std::array<T, N>& values) {
    for (const T& value : values) encode<T>(out, value);
  }
  static std::array<T, N> read(Decoder& in) {
    return [&in]<std::size_t... I>(std::index_sequence<I...>) {
      return std::array<T, N>{(static_cast<void>(I), decode<T>(in))...};
    }(std::make_index_sequence<N>());
  }
};

template <std::size_t N>
struct Codec<std::bitset<N>> {
  static constexpr std::size_t kLeast = (N + 7) / 8;
  static void write(Encoder& out, const std::bitset<N>& bits) {
    for (std::size_t i = 0; i < N; i += 8) {
      unsigned byte = 0;
      for (std::size_t bit = i; bit < std::min(i + 8, N); ++bit) byte |= static_cast<unsigned>(bits[bit]) << (bit - i);
      out.writer.plain(static_cast<std::uint8_t>(byte));
    }
  }
  static std::bitset<N> read(Decoder& in) {
    std::bitset<N> bits;
    for (std::size_t i = 0; i < N; i += 8) {
      const unsigned byte = in.reader.plain<std::uint8_t>();
      for (std::size_t bit = i; bit < std::min(i + 8, N); ++bit) bits[bit] = (byte >> (bit - i) & 1U) != 0;
    }
    return bits;
  }
};

template <class A, class B>
struct Codec<std::pair<A, B>> {
  static constexpr std::size_t kLeast = least_bytes<std::remove_cv_t<A>>() + least_bytes<std::remove_cv_t<B>>();
  template <class Pair>  // also that of a map, whose first is constant
  static void write(Encoder& out, const Pair& pair) {
    encode<std::remove_cv_t<A>>(out, pair.first);
    encode<std::remove_cv_t<B>>(out, pair.second);
  }
  static std::pair<A, B> read(Decoder& in) {
    return std::pair<A, B>{decode<std::remove_cv_t<A>>(in), decode<std::remove_cv_t<B>>(in)};
  }
};

template <class... T>
struct Codec<std::tuple<T...>> {
  static constexpr std::size_t kLeast = (least_bytes<std::remove_cv_t<T>>() + ... + 0);
  static void write(Encoder& out, const std::tuple<T...>& values) {
    std::apply([&out](const auto&... value) { (encode<std::remove_cv_t<T>>(out, value), ...); }, values);
  }
  static std::tuple<T...> read(Decoder& in) { return std::tuple<T...>{decode<std::remove_cv_t<T>>(in)...}; }
};
template <>
struct Codec<std::tuple<>> : CodecOfEmpty<std::tuple<>> {};

template <class T>
struct Codec<std::optional<T>> {
  static constexpr std::size_t kLeast = 1;
  static void write(Encoder& out, const std::optional<T>& value) {
    write_flag(out, value.has_value());
    if (value) encode<std::remove_cv_t<T>>(out, *value);
  }
  static std::optional<T> read(Decoder& in) {
    if (!read_flag(in)) return std::nullopt;
    return std::optional<T>(std::in_place, decode<std::remove_cv_t<T>>(in));
  }
};

template <class... T>
struct Codec<std::variant<T...>> {
  using Variant = std::variant<T...>;
  static constexpr std::size_t kLeast = sizeof(std::uint32_t);
  static void write(Encoder& out, const Variant& value) {
    if (value.valueless_by_exception()) refuse_value("a variant without a value");
    out.writer.plain(static_cast<std::uint32_t>(value.index()));
    std::visit([&out]<class U>(const U& held) { encode<U>(out, held); }, value);
  }
  static Variant read(Decoder& in) { return read_as<0>(in, in.reader.plain<std::uint32_t>()); }

 private:
  template <std::size_t i>
  static Variant read_as(Decoder& in, std::uint32_t index) {
    if constexpr (i == sizeof...(T)) {
      refuse_bytes("a variant has an alternative that there is not");
    } else {
      if (index != i) return read_as<i + 1>(in, index);
      return Variant(std::in_place_index<i>,
                     decode<std::variant_alternative_t<i, std::variant<std::remove_cv_t<T>...>>>(in));
    }
  }
};

}  // namespace muster::detail
