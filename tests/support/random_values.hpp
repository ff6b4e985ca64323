#pragma once
// Random values of many types, and whether two are the same, looking through pointers.

#include <algorithm>
#include <array>
#include <bitset>
#include <chrono>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace muster::testing {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  std::size_t below(std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(engine_); }

  template <class T>
  T value(int depth = 0) {
    return Maker<T>::make(*this, depth);
  }

 private:
  template <class T>
  struct Maker;

  std::mt19937_64 engine_;
};

template <class T>
struct Random::Maker {
  static T make(Random& random, int depth) {
    if constexpr (std::is_arithmetic_v<T>) {
      return static_cast<T>(random.below(std::is_same_v<T, bool> ? 2 : 100));
    } else if constexpr (requires { T::random(random, depth); }) {
      return T::random(random, depth);
    } else if constexpr (requires { typename T::mapped_type; }) {
      T made;
      for (std::size_t n = random.below(4); n > 0; --n) {
        made.emplace(random.value<typename T::key_type>(depth + 1), random.value<typename T::mapped_type>(depth + 1));
      }
      return made;
    } else {
      T made;
      using Element = typename T::value_type;
      for (std::size_t n = random.below(depth > 3 ? 1 : 5); n > 0; --n) {
        if constexpr (requires { made.push_front(random.value<Element>()); }) {
          made.push_front(random.value<Element>(depth + 1));
        } else {
          made.insert(made.end(), random.value<Element>(depth + 1));
        }
      }
      return made;
    }
  }
};
template <class T>
  requires std::is_enum_v<T>
struct Random::Maker<T> {
  static T make(Random& random, int /*depth*/) { return static_cast<T>(random.below(3)); }
};
template <class T, std::size_t N>
struct Random::Maker<std::array<T, N>> {
  static std::array<T, N> make(Random& random, int depth) {
    std::array<T, N> made;
    for (T& element : made) element = random.value<T>(depth + 1);
    return made;
  }
};
template <std::size_t N>
struct Random::Maker<std::bitset<N>> {
  static std::bitset<N> make(Random& random, int /*depth*/) {
    std::bitset<N> made;
    for (std::size_t i = 0; i < N; ++i) made[i] = random.below(2) == 1;
    return made;
  }
};
template <class T>
struct Random::Maker<std::complex<T>> {
  static std::complex<T> make(Random& random, int /*depth*/) { return {random.value<T>(), random.value<T>()}; }
};
template <class Rep, class Period>
struct Random::Maker<std::chrono::duration<Rep, Period>> {
  static std::chrono::duration<Rep, Period> make(Random& random, int /*depth*/) {
    return std::chrono::duration<Rep, Period>(random.value<Rep>());
  }
};
template <class Clock, class Duration>
struct Random::Maker<std::chrono::time_point<Clock, Duration>> {
  static std::chrono::time_point<Clock, Duration> make(Random& random, int /*depth*/) {
    return std::chrono::time_point<Clock, Duration>(random.value<Duration>());
  }
};
template <>
struct Random::Maker<std::filesystem::path> {
  static std::filesystem::path make(Random& random, int depth) { return "/" + random.value<std::string>(depth); }
};
template <class A, class B>
struct Random::Maker<std::pair<A, B>> {
  static std::pair<A, B> make(Random& random, int depth) { return {random.value<A>(depth), random.value<B>(depth)}; }
};
template <class... T>
struct Random::Maker<std::tuple<T...>> {
  static std::tuple<T...> make(Random& random, [[maybe_unused]] int depth) {
    return std::tuple<T...>{random.value<T>(depth)...};
  }
};
template <class T>
struct Random::Maker<std::optional<T>> {
  static std::optional<T> make(Random& random, int depth) {
    if (random.below(2) == 0) return std::nullopt;
    return random.value<T>(depth);
  }
};
template <class... T>
struct Random::Maker<std::variant<T...>> {
  static std::variant<T...> make(Random& random, int depth) {
    std::variant<T...> made;
    std::size_t which = random.below(sizeof...(T));
    ((which-- == 0 ? static_cast<void>(made = random.value<T>(depth)) : void()), ...);
    return made;
  }
};
template <class T>
struct Random::Maker<std::unique_ptr<T>> {
  static std::unique_ptr<T> make(Random& random, int depth) {
    return random.below(3) == 0 ? nullptr : std::make_unique<T>(random.value<T>(depth + 1));
  }
};
template <class T>
struct Random::Maker<std::shared_ptr<T>> {
  static std::shared_ptr<T> make(Random& random, int depth) {
    return random.below(3) == 0 ? nullptr : std::make_shared<T>(random.value<T>(depth + 1));
  }
};

template <class T>
bool same(const T& a, const T& b) {
  return a == b;
}
template <class T>
bool same(const std::unique_ptr<T>& a, const std::unique_ptr<T>& b) {
  return a == nullptr || b == nullptr ? a == b : same(*a, *b);
}
template <class T>
bool same(const std::shared_ptr<T>& a, const std::shared_ptr<T>& b) {
  return a == nullptr || b == nullptr ? a == b : same(*a, *b);
}
template <class T>
bool same(const std::vector<T>& a, const std::vector<T>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const T& x, const T& y) { return same(x, y); });
}

}  // namespace muster::testing
