#pragma once
// Where a map reads its inputs: something with a size and an `at(i)` that any thread may call, each i once. Ranges
// whose iterators could not stand that are read by the caller's thread beforehand.

#include <concepts>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <memory>
#include <ranges>
#include <stop_token>
#include <type_traits>
#include <utility>
#include <vector>

#include <muster/error.hpp>

namespace muster {

template <class T>
class SharedArray;

namespace detail {

template <class T>
struct IsIota : std::false_type {};
template <class W, class Bound>
struct IsIota<std::ranges::iota_view<W, Bound>> : std::bool_constant<std::integral<W>> {};

template <class T>
struct Unwrapped {
  using type = T;
};
template <class T>
struct Unwrapped<std::reference_wrapper<T>> {
  using type = T&;
};
// The range meant by an argument: itself, or what a std::ref refers to.
template <class R>
using unwrapped_t = typename Unwrapped<std::remove_cvref_t<R>>::type;
template <class R>
inline constexpr bool kIsReference = std::is_reference_v<unwrapped_t<R>>;

// Looks like a container and is none: its elements are not its own.
template <class R>
inline constexpr bool kRefersElsewhere = false;
template <class T>
inline constexpr bool kRefersElsewhere<std::initializer_list<T>> = true;

template <class R>
concept Input = std::ranges::input_range<std::remove_reference_t<R>> || std::ranges::input_range<unwrapped_t<R>>;

template <class F, class Item>
inline constexpr bool kTakes =
    std::is_invocable_v<const F&, Item> || std::is_invocable_v<const F&, std::stop_token, Item>;

// Consecutive objects that somebody else keeps alive.
template <class T>
class SpanSource {
 public:
  SpanSource(T* data, std::size_t size) noexcept : data_(data), size_(size) {}
  std::size_t size() const noexcept { return size_; }
  T& at(std::size_t i) const noexcept { return data_[i]; }
  const T* contiguous() const noexcept { return data_; }

 private:
  T* data_;
  std::size_t size_;
};

// A handle of objects in memory that workers elsewhere see, too.
template <class Array>
class SharedSource {
 public:
  explicit SharedSource(Array array) noexcept : array_(std::move(array)) {}
  std::size_t size() const noexcept { return array_.size(); }
  auto& at(std::size_t i) const noexcept { return array_[i]; }
  operator SpanSource<typename Array::value_type>() const noexcept { return {array_.data(), array_.size()}; }
  const Array& array() const noexcept { return array_; }

 private:
  Array array_;
};
template <class R>
inline constexpr bool kSharedArray = false;
template <class T>
inline constexpr bool kSharedArray<SharedArray<T>> = true;

// What std::views::iota counts.
template <class W>
class IotaSource {
 public:
  IotaSource(W first, std::size_t size) noexcept : first_(first), size_(size) {}
  std::size_t size() const noexcept { return size_; }
  // Without sign: the distance from the lowest to the highest number does not fit into W.
  W at(std::size_t i) const noexcept { return static_cast<W>(static_cast<std::size_t>(first_) + i); }

 private:
  W first_;
  std::size_t size_;
};

// Objects that lie apart, kept alive by somebody else.
template <class T>
class PointerSource {
 public:
  explicit PointerSource(std::vector<T*> items) noexcept : items_(std::move(items)) {}
  std::size_t size() const noexcept { return items_.size(); }
  T& at(std::size_t i) const noexcept { return *items_[i]; }

 private:
  std::vector<T*> items_;
};

// A container of our own: its elements are given up.
template <class Container>
class OwnedSource {
 public:
  explicit OwnedSource(Container items) noexcept(std::is_nothrow_move_constructible_v<Container>)
      : items_(std::move(items)) {}
  std::size_t size() const noexcept { return std::ranges::size(items_); }
  auto&& at(std::size_t i) noexcept { return std::move(std::ranges::data(items_)[i]); }
  const auto* contiguous() const noexcept { return std::ranges::data(items_); }

 private:
  Container items_;
};

// A value of its own, also where std::vector would pack it into a bit.
template <class V>
struct Box {
  V value;
};

template <class V>
class ValueSource {
 public:
  explicit ValueSource(std::vector<Box<V>> items) noexcept : items_(std::move(items)) {}
  std::size_t size() const noexcept { return items_.size(); }
  V&& at(std::size_t i) noexcept { return std::move(items_[i].value); }

 private:
  std::vector<Box<V>> items_;
};

template <class R>
auto read_values(R&& range) {
  using V = std::ranges::range_value_t<R>;
  std::vector<Box<V>> values;
  if constexpr (std::ranges::sized_range<R>) values.reserve(static_cast<std::size_t>(std::ranges::size(range)));
  for (auto&& item : range) values.push_back(Box<V>{V(std::forward<decltype(item)>(item))});
  return ValueSource<V>(std::move(values));
}

template <class View>
auto iota_source(const View& view) {
  using W = std::ranges::range_value_t<View>;
  static_assert(std::ranges::sized_range<View>, "muster: an endless range has no map; imap reads it as it goes");
  const auto size = std::ranges::size(view);
  return IotaSource<W>(view.empty() ? W{} : *view.begin(), static_cast<std::size_t>(size));
}

// A source that refers to `range`, for a caller who waits: nothing is copied that can be pointed to.
template <class R>
auto borrow(R& range) {
  if constexpr (IsIota<std::remove_const_t<R>>::value) {
    return iota_source(range);
  } else if constexpr (kSharedArray<std::remove_const_t<R>>) {
    return SharedSource<std::remove_const_t<R>>(range);
  } else if constexpr (std::ranges::contiguous_range<R> && std::ranges::sized_range<R>) {
    return SpanSource<std::remove_reference_t<std::ranges::range_reference_t<R>>>(
        std::ranges::data(range), static_cast<std::size_t>(std::ranges::size(range)));
  } else if constexpr (std::ranges::forward_range<R> && std::is_lvalue_reference_v<std::ranges::range_reference_t<R>>) {
    using T = std::remove_reference_t<std::ranges::range_reference_t<R>>;
    std::vector<T*> items;
    for (T& item : range) items.push_back(std::addressof(item));
    return PointerSource<T>(std::move(items));
  } else {
    return read_values(range);
  }
}

// A source that takes `range` over. A view that only refers to elements is a borrowed range, and stays one: its
// elements are the caller's.
template <class R>
auto own(R range) {  // NOLINT(performance-unnecessary-value-param): most branches move it
  if constexpr (IsIota<R>::value) {
    return iota_source(range);
  } else if constexpr (kSharedArray<R>) {
    return SharedSource<R>(std::move(range));
  } else if constexpr (std::ranges::view<R>) {
    if constexpr (std::ranges::borrowed_range<R>) {
      return borrow(range);
    } else {
      return read_values(std::move(range));
    }
  } else if constexpr (std::ranges::contiguous_range<R> && std::ranges::sized_range<R> && !kRefersElsewhere<R>) {
    return OwnedSource<R>(std::move(range));
  } else {
    using V = std::ranges::range_value_t<R>;
    std::vector<Box<V>> values;
    for (auto&& item : range) {
      // A container's elements are given up, a proxy's value is taken.
      if constexpr (std::is_lvalue_reference_v<decltype(item)> && std::move_constructible<V>) {
        values.push_back(Box<V>{V(std::move(item))});
      } else {
        values.push_back(Box<V>{V(std::forward<decltype(item)>(item))});
      }
    }
    return ValueSource<V>(std::move(values));
  }
}

template <class R>
inline constexpr bool kCopiable = std::copy_constructible<std::remove_cvref_t<R>>;

// The source of a call that waits.
template <class R>
auto source_for_now(R&& range) {
  if constexpr (kIsReference<R>) {
    return borrow(range.get());
  } else if constexpr (std::is_lvalue_reference_v<R>) {
    return borrow(range);
  } else {
    return own<std::remove_cvref_t<R>>(std::forward<R>(range));
  }
}

// The source of a call that returns before its work is done.
template <class R>
auto source_for_later(R&& range) {
  if constexpr (kIsReference<R>) {
    return borrow(range.get());
  } else if constexpr (std::is_lvalue_reference_v<R>) {
    static_assert(kCopiable<R>,
                  "muster: a call that returns at once keeps the range; this one cannot be copied: std::move it in, or "
                  "pass std::ref and keep it alive");
    return own<std::remove_cvref_t<R>>(range);
  } else {
    return own<std::remove_cvref_t<R>>(std::forward<R>(range));
  }
}

// How a callable of type F is given the element of a source: as it comes, or as an lvalue where it wants one.
template <class F, class Source>
using item_t =
    std::conditional_t<kTakes<F, decltype(std::declval<Source&>().at(0))>, decltype(std::declval<Source&>().at(0)),
                       std::conditional_t<std::is_rvalue_reference_v<decltype(std::declval<Source&>().at(0))>,
                                          std::remove_reference_t<decltype(std::declval<Source&>().at(0))>&,
                                          decltype(std::declval<Source&>().at(0))>>;

}  // namespace detail
}  // namespace muster
