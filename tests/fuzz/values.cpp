// Values from the wire. Any bytes give a value of the type or NotSerializable; and a value can be sent on.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <muster/bind.hpp>
#include <muster/error.hpp>
#include <muster/serialize.hpp>

#include <cereal/types/base_class.hpp>
#include <cereal/types/polymorphic.hpp>
#include <cereal/types/queue.hpp>

#include "tests/api/serialize_types.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/support/wire.hpp"

namespace muster::fuzz {

// Objects that may own each other in a circle, which nobody but their owner can undo: `untie` does.
class Knot {
 public:
  Knot() { all().insert(this); }
  Knot(Knot&& other) noexcept : next_(std::move(other.next_)), ends_(std::move(other.ends_)) { all().insert(this); }
  Knot& operator=(Knot&&) = default;
  ~Knot() { all().erase(this); }

  static void untie() {
    while (!all().empty()) {
      const auto next = std::exchange((*all().begin())->next_, nullptr);
      const auto ends = std::exchange((*all().begin())->ends_, {});
      if (next == nullptr && ends.empty()) all().erase(all().begin());
    }
  }

  template <class Archive>
  void serialize(Archive& archive) {
    archive(next_, ends_, seen_);
  }

 private:
  static std::set<Knot*>& all() {
    static std::set<Knot*> knots;
    return knots;
  }

  std::shared_ptr<Knot> next_;
  std::vector<std::shared_ptr<Knot>> ends_;
  std::weak_ptr<Knot> seen_;
};

struct Table {  // as cereal's own classes do it
  std::vector<std::int16_t> cells;
  int corners[2] = {};
  template <class Archive>
  void save(Archive& archive) const {
    archive(cereal::make_size_tag(static_cast<cereal::size_type>(cells.size())));
    archive(cereal::binary_data(cells.data(), cells.size() * sizeof(std::int16_t)), corners);
  }
  template <class Archive>
  void load(Archive& archive) {
    cereal::size_type size = 0;
    archive(cereal::make_size_tag(size));
    cells.resize(static_cast<std::size_t>(size));
    archive(cereal::binary_data(cells.data(), cells.size() * sizeof(std::int16_t)), corners);
  }
};

struct Versioned {
  std::string text;
  template <class Archive>
  void serialize(Archive& archive, std::uint32_t version) {
    if (version < 5) archive(cereal::defer(text));
    archive.serializeDeferments();
  }
};

struct Animal {
  virtual ~Animal() = default;
  virtual int legs() const = 0;
  std::string name;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(name);
  }
};
struct Herd : Animal {
  std::vector<std::unique_ptr<Animal>> animals;
  int legs() const override { return 4 * static_cast<int>(animals.size()); }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(cereal::base_class<Animal>(this), animals);
  }
};
struct Bird : Animal {
  std::weak_ptr<int> nest;
  int legs() const override { return 2; }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(cereal::base_class<Animal>(this), nest);
  }
};

namespace {

template <class T>
void play_as(std::span<const std::byte> bytes) {
  std::optional<T> value;
  try {
    value.emplace(detail::read_all<T>(bytes));
  } catch (const NotSerializable&) {
    return;
  }
  // Not the same bytes: containers without an order have none, and padding is nobody's.
  const std::vector<std::byte> sent_on = testing::written(*value);
  const T arrived = detail::read_all<T>(sent_on);
  require(testing::written(arrived).size() == sent_on.size(), "a value that was sent on has become another");
}

using Own = ::testing::Types<
    std::shared_ptr<Knot>, std::vector<std::weak_ptr<Knot>>, Table, std::vector<Versioned>, std::shared_ptr<Animal>,
    std::vector<std::unique_ptr<Animal>>, std::priority_queue<int>, std::vector<std::tuple<>>,
    std::vector<std::array<std::tuple<>, 9>>, std::vector<std::optional<std::array<double, 99>>>, int (*)(int),
    std::variant<std::monostate, std::vector<std::variant<bool, std::string>>, std::unique_ptr<testing::Tree>>,
    std::pair<std::shared_ptr<std::string>, std::vector<std::shared_ptr<std::string>>>, std::vector<std::uint16_t>,
    std::vector<std::array<bool, 3>>>;

template <class... T, class... U>
void play_some(std::size_t which, std::span<const std::byte> bytes, ::testing::Types<T...> /*types*/,
               ::testing::Types<U...> /*types*/) {
  using Play = void (*)(std::span<const std::byte>);
  static constexpr std::array<Play, sizeof...(T) + sizeof...(U)> kPlays{&play_as<T>..., &play_as<U>...};
  kPlays[which % kPlays.size()](bytes);
}

}  // namespace

void play(std::span<const std::byte> input) {
  Choices in(input);
  const std::size_t which = in.number<std::uint8_t>();
  play_some(which, in.rest(), testing::AllKinds{}, Own{});
  Knot::untie();
}

}  // namespace muster::fuzz

CEREAL_CLASS_VERSION(muster::fuzz::Versioned, 3)
CEREAL_REGISTER_TYPE(muster::fuzz::Herd)
CEREAL_REGISTER_TYPE(muster::fuzz::Bird)
