// Callables on their way to a worker process.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include <muster/bind.hpp>
#include <muster/error.hpp>
#include <muster/serialize.hpp>

#include "parts/wire/code.hpp"
#include "tests/support/wire.hpp"

namespace muster::testing {
namespace {

using detail::kCallableTravels;
using detail::Spread;
using detail::travelling_t;

// The callable, as a worker rebuilds it from `size` bytes.
template <class F>
travelling_t<F> shipped(const F& f, std::size_t size) {
  Bytes bytes;
  detail::write_callable(bytes, f);
  EXPECT_EQ(bytes.size(), size);
  detail::Reader in(bytes.all());
  travelling_t<F> rebuilt = detail::read_callable<F>(in);
  EXPECT_EQ(in.left(), 0U);
  return rebuilt;
}

int twice(int n) { return 2 * n; }

// What a function of this program takes.
std::size_t place_size() {
  const std::size_t build_id = wire::place_of(reinterpret_cast<const void*>(&twice)).build_id_size;
  if (build_id == 0) return 1 + sizeof(std::uint32_t) + sizeof(std::uint64_t);
  return 1 + std::min<std::size_t>(build_id, 8) + sizeof(std::uint32_t);
}
int add(int a, int b) noexcept { return a + b; }

struct Scale {
  int by;
  std::vector<int> offsets;
  int operator()(int n) const { return by * n + offsets.at(0); }
};
struct Negate {
  int operator()(int n) const { return -n; }
};

TEST(SerializeCallables, function_is_its_place) {
  EXPECT_EQ(shipped(twice, place_size())(4), 8);
  EXPECT_EQ(shipped(&add, place_size())(4, 5), 9);
}

TEST(SerializeCallables, null_function_is_refused) {
  int (*const none)(int) = nullptr;
  Bytes bytes;
  EXPECT_THROW(detail::write_callable(bytes, none), NotSerializable);
}

TEST(SerializeCallables, callables_without_fields_take_no_bytes) {
  EXPECT_EQ(shipped([](int n) { return n + 1; }, 0)(4), 5);
  EXPECT_EQ(shipped(Negate(), 0)(4), -4);
  EXPECT_EQ(shipped(std::plus<>(), 0)(4, 5), 9);
}

TEST(SerializeCallables, struct_with_fields_travels) {
  EXPECT_EQ(shipped(Scale{3, {1}}, sizeof(int) + sizeof(std::uint64_t) + sizeof(int))(4), 13);
}

TEST(SerializeCallables, bound_arguments_travel) {
  const auto greet = [](const std::string& hello, const std::string& name) { return hello + ", " + name; };
  EXPECT_EQ(shipped(bind(greet, "hi"), sizeof(std::uint64_t) + 2)("you"), "hi, you");
  EXPECT_EQ(shipped(bind(add, 40), place_size() + sizeof(int))(2), 42);
  EXPECT_EQ(shipped(bind(bind(add, 40), 2), place_size() + 2 * sizeof(int))(), 42);
}

TEST(SerializeCallables, spread_owns_what_it_calls_on_arrival) {
  const Scale scale{3, {1}};
  static_assert(std::is_same_v<travelling_t<Spread<const Scale&>>, Spread<Scale>>);
  static_assert(std::is_same_v<travelling_t<Spread<int (&)(int, int)>>, Spread<int (*)(int, int)>>);
  const auto rebuilt = shipped(Spread<const Scale&>(scale), sizeof(int) + sizeof(std::uint64_t) + sizeof(int));
  EXPECT_EQ(rebuilt(std::tuple(4)), 13);
  EXPECT_EQ(shipped(Spread<int (&)(int, int)>(add), place_size())(std::tuple(4, 5)), 9);
}

TEST(SerializeCallables, functions_are_arguments_like_others) {
  using Arguments = std::tuple<int (*)(int), std::greater<>>;
  const std::vector<std::byte> bytes = written(Arguments(&twice, {}));
  const auto [function, order] = detail::read_all<Arguments>(bytes);
  EXPECT_EQ(function(4), 8);
  EXPECT_TRUE(order(2, 1));
}

TEST(SerializeCallables, closures_do_not_travel) {
  int n = 1;
  const auto copying = [n] { return n; };
  const auto referring = [&n] { return n; };
  static_assert(!kCallableTravels<decltype(copying)> && !kCallableTravels<decltype(referring)>);
  static_assert(!kCallableTravels<std::function<int()>> && !kCallableTravels<int (Scale::*)(int) const>);
  static_assert(!kCallableTravels<decltype(bind(copying, 1))> && !kCallableTravels<Spread<decltype(copying)&>>);
  static_assert(kCallableTravels<Scale> && kCallableTravels<int(int)> && kCallableTravels<int (*)(int)>);
  EXPECT_EQ(copying() + referring(), 2);
}

}  // namespace
}  // namespace muster::testing
