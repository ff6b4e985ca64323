#pragma once
// Types of every kind that travels, for the tests of serialization.

#include <array>
#include <bitset>
#include <chrono>
#include <compare>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <forward_list>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include <muster/serialize.hpp>

#include "tests/support/random_values.hpp"

namespace muster::testing {

enum class Color : std::uint8_t { kRed, kGreen, kBlue };

struct Point {  // plain
  double x = 0;
  double y = 0;
  std::array<std::int16_t, 3> tags{};
  bool visible = false;
  Color color = Color::kRed;
  bool operator==(const Point&) const = default;
  static Point random(Random& random, int /*depth*/) {
    return {random.value<double>(), random.value<double>(), {1, 2, 3}, random.value<bool>(), random.value<Color>()};
  }
};

struct Raster {  // plain, with an array of the C kind and bit-fields
  int pixels[2][3] = {};
  unsigned width : 5 = 0;
  bool dark : 1 = false;
  bool operator==(const Raster&) const = default;
  static Raster random(Random& random, int /*depth*/) {
    return {{{random.value<int>(), 2, 3}, {4, 5, 6}}, 17, random.value<bool>()};
  }
};

struct Parcel {  // public fields
  std::string to;
  std::vector<Point> path;
  std::map<std::string, std::vector<std::optional<int>>> notes;
  std::array<std::string, 2> names;
  bool operator==(const Parcel&) const = default;
  static Parcel random(Random& random, int depth) {
    return {random.value<std::string>(depth), random.value<std::vector<Point>>(depth + 1),
            random.value<decltype(notes)>(depth + 1), random.value<decltype(names)>(depth)};
  }
};

struct Tree {  // owns more of itself
  std::string name;
  std::vector<Tree> branches;
  std::unique_ptr<Tree> shadow;
  bool operator==(const Tree& other) const {
    return name == other.name && branches == other.branches && same(shadow, other.shadow);
  }
  static Tree random(Random& random, int depth) {
    Tree tree{random.value<std::string>(3), {}, nullptr};
    if (depth < 3) tree.branches = random.value<std::vector<Tree>>(depth + 1);
    if (depth < 4) tree.shadow = random.value<std::unique_ptr<Tree>>(depth + 1);
    return tree;
  }
};

class Account {  // says itself what it consists of
 public:
  Account() = default;
  Account(std::string owner, std::vector<long> history) : owner_(std::move(owner)), history_(std::move(history)) {}
  bool operator==(const Account&) const = default;
  static Account random(Random& random, int depth) {
    return {random.value<std::string>(depth), random.value<std::vector<long>>(depth)};
  }

  template <class Archive>
  void serialize(Archive& archive) {
    archive(owner_, history_);
  }

 private:
  std::string owner_;
  std::vector<long> history_;
};

// Some in groups: each type costs the compiler a second.
using Lists = std::tuple<std::deque<std::string>, std::list<int>, std::forward_list<std::string>>;
using Sets = std::tuple<std::set<std::string>, std::multiset<int>, std::unordered_set<int>,
                        std::unordered_multiset<std::string>>;
using Maps = std::tuple<std::map<std::string, std::vector<int>>, std::multimap<int, std::string>,
                        std::unordered_map<std::string, Point>, std::unordered_multimap<int, int>>;
using Small = std::tuple<char, Color, std::bitset<70>, std::complex<float>, std::chrono::milliseconds,
                         std::chrono::system_clock::time_point, std::filesystem::path, std::u16string>;
using AllKinds =
    ::testing::Types<int, bool, Point, Raster, Parcel, Tree, Account, std::string, std::vector<double>,
                     std::vector<bool>, std::vector<Point>, std::vector<std::string>, std::array<std::string, 3>, Lists,
                     Sets, Maps, Small, std::pair<int, std::string>, std::optional<Parcel>,
                     std::variant<int, std::string, Point>, std::vector<std::unique_ptr<Parcel>>,
                     std::shared_ptr<std::map<int, Account>>, std::tuple<>>;

}  // namespace muster::testing
