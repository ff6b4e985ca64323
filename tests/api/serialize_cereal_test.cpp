// What is written for cereal works: its conventions are ours for classes that say themselves what they consist of.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <muster/error.hpp>
#include <muster/serialize.hpp>

#include <cereal/types/base_class.hpp>
#include <cereal/types/polymorphic.hpp>
#include <cereal/types/queue.hpp>

#include "tests/support/wire.hpp"

namespace shop {  // a stranger's

class Item {
 public:
  Item() = default;
  Item(std::string name, int price) : name_(std::move(name)), price_(price) {}
  bool operator==(const Item&) const = default;

 private:
  friend class cereal::access;
  template <class Archive>
  void save(Archive& archive) const {
    archive(CEREAL_NVP(name_), cereal::make_nvp("price", price_));
  }
  template <class Archive>
  void load(Archive& archive) {
    archive(CEREAL_NVP(name_), cereal::make_nvp("price", price_));
  }

  std::string name_;
  int price_ = 0;
};

struct Order {  // an aggregate, and yet it has a function beside it
  std::vector<Item> items;
  double total = 0;
  int seen = 0;
};
template <class Archive>
void serialize(Archive& archive, Order& order) {
  archive & order.items & order.total;
}

class Code {  // says it in one value
 public:
  Code() = default;
  explicit Code(std::string text) : text_(std::move(text)) {}
  template <class Archive>
  std::string save_minimal(const Archive& /*archive*/) const {
    return text_;
  }
  template <class Archive>
  void load_minimal(const Archive& /*archive*/, const std::string& text) {
    text_ = text;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

struct Versioned {
  int x = 0;
  std::uint32_t version = 0;
  template <class Archive>
  void serialize(Archive& archive, std::uint32_t from) {
    archive(x);
    version = from;
  }
};

struct Table {
  std::vector<int> cells;
  int corners[2] = {};
  template <class Archive>
  void save(Archive& archive) const {
    archive(cereal::make_size_tag(static_cast<cereal::size_type>(cells.size())));
    archive(cereal::binary_data(cells.data(), cells.size() * sizeof(int)), corners);
  }
  template <class Archive>
  void load(Archive& archive) {
    cereal::size_type size = 0;
    archive(cereal::make_size_tag(size));
    cells.resize(static_cast<std::size_t>(size));
    archive(cereal::binary_data(cells.data(), cells.size() * sizeof(int)), corners);
  }
};

struct Late {
  std::string first, second;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(cereal::defer(second), first);
    archive.serializeDeferments();
  }
};

struct Animal {
  virtual ~Animal() = default;
  virtual std::string says() const = 0;
  std::string name;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(name);
  }
};
struct Dog : Animal {
  int age = 0;
  std::string says() const override { return name + " barks"; }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(cereal::base_class<Animal>(this), age);
  }
};
struct Cat : Animal {  // not registered
  std::string says() const override { return "meow"; }
};

struct Part {  // without a default constructor, but only ever a part
  explicit Part(int given) : x(given) {}
  int x;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(x);
  }
};
struct Whole {
  Part part{7};
  template <class Archive>
  void serialize(Archive& archive) {
    archive(part);
  }
};

struct Picky {
  int x = 0;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(x);
    if (x < 0) throw std::domain_error("negative");
    if (x == 0) throw 0;
  }
};

}  // namespace shop

CEREAL_CLASS_VERSION(shop::Versioned, 4)
CEREAL_REGISTER_TYPE(shop::Dog)

namespace muster::testing {
namespace {

TEST(SerializeCereal, private_save_and_load_are_found) {
  EXPECT_EQ(sent(shop::Item("pen", 3)), shop::Item("pen", 3));
  EXPECT_FALSE(sent(shop::Item("pen", 3)) == shop::Item("pen", 4));
}

TEST(SerializeCereal, function_beside_the_class_is_preferred_to_its_fields) {
  const shop::Order order = sent(shop::Order{{{"pen", 3}, {"ink", 9}}, 12.5, 77});
  EXPECT_EQ(order.items, (std::vector<shop::Item>{{"pen", 3}, {"ink", 9}}));
  EXPECT_EQ(order.total, 12.5);
  EXPECT_EQ(order.seen, 0);
}

TEST(SerializeCereal, minimal_functions_are_found) { EXPECT_EQ(sent(shop::Code("abc")).text(), "abc"); }

TEST(SerializeCereal, version_is_handed_over) {
  const auto arrived = sent(std::vector{shop::Versioned{1, 0}, shop::Versioned{2, 0}});
  EXPECT_EQ(arrived[1].x, 2);
  EXPECT_EQ(arrived[0].version, 4U);
  EXPECT_EQ(arrived[1].version, 4U);
}

TEST(SerializeCereal, sizes_and_raw_bytes_travel) {
  const shop::Table table = sent(shop::Table{{1, 2, 3}, {4, 5}});
  EXPECT_EQ(table.cells, (std::vector{1, 2, 3}));
  EXPECT_EQ(table.corners[1], 5);
}

TEST(SerializeCereal, size_beyond_what_follows_is_refused) {
  Bytes bytes;
  bytes.plain(std::uint64_t{1} << 40);
  bytes.plain(std::uint64_t{});
  EXPECT_THROW(detail::read_all<shop::Table>(bytes.all()), NotSerializable);
}

TEST(SerializeCereal, deferred_parts_come_at_the_end) {
  const shop::Late late = sent(shop::Late{"one", "two"});
  EXPECT_EQ(late.first, "one");
  EXPECT_EQ(late.second, "two");
}

TEST(SerializeCereal, registered_class_travels_behind_its_base) {
  auto dog = std::make_shared<shop::Dog>();
  dog->name = "Rex";
  dog->age = 5;
  const std::vector<std::shared_ptr<shop::Animal>> arrived =
      sent(std::vector<std::shared_ptr<shop::Animal>>{dog, nullptr, dog});
  EXPECT_EQ(arrived.at(0)->says(), "Rex barks");
  EXPECT_EQ(dynamic_cast<shop::Dog&>(*arrived[0]).age, 5);
  EXPECT_EQ(arrived[1], nullptr);
  EXPECT_EQ(arrived[2], arrived[0]);
  EXPECT_EQ(sent(std::unique_ptr<shop::Animal>(new shop::Dog(*dog)))->says(), "Rex barks");
}

TEST(SerializeCereal, class_that_is_not_registered_is_refused) {
  EXPECT_THROW(written(std::unique_ptr<shop::Animal>(new shop::Cat())), NotSerializable);
}

TEST(SerializeCereal, spoiled_pointer_to_a_base_is_refused_or_a_value) {
  auto dog = std::make_shared<shop::Dog>();
  dog->name = "Rex";
  const std::vector<std::byte> bytes = written(std::vector<std::shared_ptr<shop::Animal>>{dog, dog});
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::vector<std::byte> spoiled = bytes;
      spoiled[at] ^= static_cast<std::byte>(1U << bit);
      try {
        for (const auto& animal : detail::read_all<std::vector<std::shared_ptr<shop::Animal>>>(spoiled)) {
          EXPECT_TRUE(animal == nullptr || !animal->says().empty());
        }
      } catch (const NotSerializable&) {
      }
    }
  }
}

TEST(SerializeCereal, part_needs_no_default_constructor) {
  shop::Whole whole;
  whole.part.x = 8;
  EXPECT_EQ(sent(whole).part.x, 8);
  static_assert(!kTravels<shop::Part>);
}

TEST(SerializeCereal, containers_that_only_cereal_knows_travel) {
  std::queue<int> queue({1, 2});
  EXPECT_EQ(sent(queue), queue);
}

TEST(SerializeCereal, what_a_serialize_function_throws_becomes_not_serializable) {
  EXPECT_EQ(sent(shop::Picky{1}).x, 1);
  EXPECT_THROW(written(shop::Picky{0}), NotSerializable);
  try {
    written(shop::Picky{-1});
    FAIL();
  } catch (const NotSerializable& error) {
    EXPECT_STREQ(error.what(), "negative");
  }
}

}  // namespace
}  // namespace muster::testing
