// What travels to worker processes, what does not, and in which bytes.

#include <gtest/gtest.h>

#include <any>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <vector>

#include <muster/error.hpp>
#include <muster/serialize.hpp>

#include "tests/api/serialize_types.hpp"
#include "tests/support/wire.hpp"

namespace muster::testing {
namespace {

using detail::kPlain;
using detail::read_all;

struct Empty {};
struct Pointing {
  int x;
  const char* text;
};
struct Viewing {
  std::vector<std::map<int, std::string_view>> views;
};
struct Named : Empty {
  std::string name;
};
union Either {
  int i;
  float f;
};
struct Choosing {
  union {
    int i;
    float f;
  };
  std::string s;
};
struct Referring {
  const std::string& text;
};
struct Counted {  // plain by its fields, but it says itself what it consists of
  int n = 0;
  int cache = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(n);
  }
};
class Closed {
 public:
  explicit Closed(int x) : x_(x) {}
  int x() const { return x_; }

 private:
  int x_;
};
struct Wide {
  std::string a;
  int b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z, aa, bb, cc, dd, ee, ff, gg, hh, ii, jj,
      kk, ll, mm, nn, oo, pp, qq, rr, ss, tt, uu, vv, ww, xx, yy, zz;
  bool operator==(const Wide&) const = default;
};

TEST(Serialize, plain_types_are_those_that_are_only_their_bytes) {
  static_assert(kPlain<int> && kPlain<bool> && kPlain<long double> && kPlain<Color> && kPlain<std::byte>);
  static_assert(kPlain<Point> && kPlain<Raster> && kPlain<std::array<Point, 3>> && kPlain<std::complex<double>>);
  static_assert(kPlain<std::chrono::nanoseconds> && kPlain<std::chrono::steady_clock::time_point>);
  static_assert(!kPlain<int*> && !kPlain<void (*)()> && !kPlain<int Point::*> && !kPlain<std::nullptr_t>);
  static_assert(!kPlain<std::string_view> && !kPlain<std::span<int>> && !kPlain<std::reference_wrapper<int>>);
  static_assert(!kPlain<Pointing> && !kPlain<std::array<Pointing, 2>> && !kPlain<Either> && !kPlain<Choosing>);
  static_assert(!kPlain<Counted> && !kPlain<Closed> && !kPlain<Parcel> && !kPlain<std::string>);
  const auto closure = [x = 1] { return x; };
  static_assert(std::is_trivially_copyable_v<decltype(closure)> && !kPlain<std::remove_const_t<decltype(closure)>>);
}

TEST(Serialize, what_travels_is_known_at_compile_time) {
  static_assert(kTravels<Parcel> && kTravels<Tree> && kTravels<Account> && kTravels<Counted> && kTravels<Wide>);
  static_assert(kTravels<std::unique_ptr<int>> && kTravels<std::tuple<>> && kTravels<std::vector<std::vector<Parcel>>>);
  static_assert(kTravels<int (*)(double)> && kTravels<std::set<int, std::greater<>>>);
  static_assert(!kTravels<const char*> && !kTravels<std::vector<const char*>> && !kTravels<Pointing>);
  static_assert(!kTravels<std::string_view> && !kTravels<Viewing> && !kTravels<std::optional<std::span<int>>>);
  static_assert(!kTravels<Either> && !kTravels<Choosing> && !kTravels<Referring> && !kTravels<Closed> &&
                !kTravels<Named>);
  static_assert(!kTravels<std::function<void()>> && !kTravels<std::any> && !kTravels<std::mutex> &&
                !kTravels<std::thread>);
  static_assert(!kTravels<std::future<int>> && !kTravels<std::reference_wrapper<int>> && !kTravels<int&>);
  static_assert(!kTravels<std::unique_ptr<int[]>> && !kTravels<std::unique_ptr<int, void (*)(int*)>>);
  static_assert(!kTravels<std::map<int, int, bool (*)(int, int)>> && !kTravels<std::shared_ptr<void>> &&
                !kTravels<void>);
}

TEST(Serialize, number_is_its_bytes) {
  const std::vector<std::byte> bytes = written(0x01020304);
  const int value = 0x01020304;
  ASSERT_EQ(bytes.size(), sizeof value);
  EXPECT_EQ(std::memcmp(bytes.data(), &value, sizeof value), 0);
}

TEST(Serialize, vector_of_plain_values_is_written_in_one_piece) {
  std::vector<Point> points(1000);
  points[999].x = 9;
  Bytes bytes;
  detail::write_value(bytes, points);
  EXPECT_EQ(bytes.size(), sizeof(std::uint64_t) + 1000 * sizeof(Point));
  EXPECT_EQ(bytes.times_grown(), 2) << "once for the length, once for all the points";
  EXPECT_EQ(read_all<std::vector<Point>>(bytes.all()), points);
}

TEST(Serialize, as_many_fields_as_are_counted_arrive) {
  Wide wide{};
  wide.a = "first";
  wide.zz = 52;
  EXPECT_EQ(sent(wide), wide);
}

TEST(Serialize, class_says_itself_what_it_consists_of) {
  const Counted counted = sent(Counted{.n = 3, .cache = 4});
  EXPECT_EQ(counted.n, 3);
  EXPECT_EQ(counted.cache, 0);
}

// ---- what arrives is checked ----------------------------------------------------------------------------------------

template <class T>
class SerializeLengths : public ::testing::Test {};
struct Silent {  // takes no bytes at all
  template <class Archive>
  void serialize(Archive& /*archive*/) {}
};
using Lengths =
    ::testing::Types<std::string, std::vector<double>, std::vector<bool>, std::vector<Account>, std::vector<Empty>,
                     std::vector<Silent>, std::list<std::tuple<>>, std::set<int>, std::map<int, Empty>,
                     std::vector<std::array<Silent, 3>>, std::deque<std::optional<Point>>>;
TYPED_TEST_SUITE(SerializeLengths, Lengths);

TYPED_TEST(SerializeLengths, length_beyond_what_follows_is_refused_at_once) {
  for (const std::uint64_t length : {std::uint64_t{1} << 60, ~std::uint64_t{0}, std::uint64_t{13}}) {
    Bytes bytes;
    bytes.plain(length);
    bytes.plain(std::array<char, 12>{});
    EXPECT_THROW(read_all<TypeParam>(bytes.all()), NotSerializable) << length;
  }
}

TEST(Serialize, elements_without_bytes_arrive_in_their_number) {
  EXPECT_EQ(sent(std::vector<Empty>(1000)).size(), 1000U);
  EXPECT_EQ(sent(std::vector<Silent>(1000)).size(), 1000U);
}

TEST(Serialize, false_flags_are_refused) {
  const std::vector<std::byte> two{std::byte{2}};
  EXPECT_THROW(read_all<bool>(two), NotSerializable);
  EXPECT_THROW(read_all<std::optional<Empty>>(two), NotSerializable);
  EXPECT_THROW(read_all<std::unique_ptr<Empty>>(two), NotSerializable);
  EXPECT_THROW((read_all<std::variant<int, Empty>>(written(std::uint32_t{2}))), NotSerializable);
}

TEST(Serialize, bool_inside_of_a_plain_struct_is_checked) {
  std::vector<Point> points(3);
  points[1].visible = true;
  std::vector<std::byte> bytes = written(points);
  EXPECT_NO_THROW(read_all<std::vector<Point>>(bytes));
  bytes[sizeof(std::uint64_t) + sizeof(Point) + offsetof(Point, visible)] = std::byte{7};
  EXPECT_THROW(read_all<std::vector<Point>>(bytes), NotSerializable);
  EXPECT_THROW(read_all<Point>(std::span(bytes).subspan(sizeof(std::uint64_t) + sizeof(Point), sizeof(Point))),
               NotSerializable);
}

struct Chain {
  int n = 0;
  std::unique_ptr<Chain> next;
};
Chain chain(int length) {
  Chain first;
  for (int n = 1; n < length; ++n) first = Chain{n, std::make_unique<Chain>(std::move(first))};
  return first;
}

TEST(Serialize, value_nested_too_deep_is_refused_on_both_sides) {
  EXPECT_EQ(sent(chain(1000)).n, 999);
  EXPECT_THROW(written(chain(1001)), NotSerializable);
  Bytes endless;
  for (int n = 0; n < 3000; ++n) {
    endless.plain(n);
    endless.plain(std::uint8_t{1});
  }
  EXPECT_THROW(read_all<Chain>(endless.all()), NotSerializable);
}

struct Fragile {
  Fragile() = default;
  explicit Fragile(int n) { throw n; }
  Fragile(Fragile&& other) noexcept(false) : text(std::move(other.text)) {}
  std::string text;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(text);
  }
};

TEST(Serialize, variant_without_a_value_is_refused) {
  std::variant<std::string, Fragile> value("x");
  EXPECT_THROW(value.emplace<Fragile>(1), int);
  ASSERT_TRUE(value.valueless_by_exception());
  EXPECT_THROW(written(value), NotSerializable);
}

// ---- shared objects -------------------------------------------------------------------------------------------------

TEST(Serialize, shared_object_is_shared_on_arrival) {
  const auto one = std::make_shared<std::string>("one");
  const auto [a, weak, b] = sent(std::tuple(one, std::weak_ptr(one), one));
  EXPECT_EQ(*a, "one");
  EXPECT_EQ(a, b);
  EXPECT_EQ(a, weak.lock());
  EXPECT_EQ(a.use_count(), 2);
}

TEST(Serialize, shared_object_of_another_type_is_refused) {
  Bytes bytes;
  detail::write_value(bytes, std::make_shared<std::string>("long enough to be dangerous"));
  bytes.plain(detail::SharedId{1});  // refers to the string
  using Two = std::pair<std::shared_ptr<std::string>, std::shared_ptr<std::vector<double>>>;
  EXPECT_THROW(read_all<Two>(bytes.all()), NotSerializable);
}

struct Person {
  std::string name;
  std::weak_ptr<Person> self;
  std::vector<std::shared_ptr<Person>> friends;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(name, self, friends);
  }
};

TEST(Serialize, class_with_serialize_may_refer_to_itself) {
  const auto ann = std::make_shared<Person>();
  const auto bob = std::make_shared<Person>();
  *ann = {"Ann", ann, {bob}};
  *bob = {"Bob", bob, {ann, bob}};
  const auto arrived = sent(ann);
  const auto friends = arrived->friends;
  EXPECT_EQ(friends.at(0)->name, "Bob");
  EXPECT_EQ(friends.at(0)->friends.at(0), arrived);
  for (const auto& person : {ann, bob, arrived, friends.at(0)}) person->friends.clear();
}

struct Ring {  // the same without serialize()
  std::shared_ptr<Ring> next;
};

TEST(Serialize, struct_that_refers_to_itself_is_refused_on_arrival) {
  const auto ring = std::make_shared<Ring>();
  ring->next = ring;
  EXPECT_THROW(sent(ring), NotSerializable);
  ring->next.reset();
}

}  // namespace
}  // namespace muster::testing
