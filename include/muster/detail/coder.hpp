#pragma once
// One value on its way: the bytes, how deep we are in it, and which shared objects it has met already. The archives,
// which cost more to make than most values to encode, are made when the first class asks for one.

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <typeindex>
#include <typeinfo>
#include <utility>
#include <vector>

#include <muster/detail/archive.hpp>
#include <muster/detail/bytes.hpp>

namespace muster::detail {

// As deep as values may nest: a list of nodes that own each other is decoded by recursion, on whatever stack a worker
// has.
inline constexpr int kMaxDepth = 1000;

// One level deeper, for as long as it lives.
class Level {
 public:
  explicit Level(int& depth) : depth_(depth) {
    if (depth >= kMaxDepth) refuse_depth();
    ++depth_;
  }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;
  ~Level() { --depth_; }

 private:
  int& depth_;
};

// In front of a shared object: 0 for none, else its number, counted from 1 in the order in which they are met. At its
// first occurrence the number is marked, and the object follows.
using SharedId = std::uint32_t;
inline constexpr SharedId kFirstOccurrence = SharedId{1} << 31;

class Encoder {
 public:
  explicit Encoder(Writer& to) noexcept : writer(to) {}

  SaveArchive& archive() {
    if (!archive_) archive_.emplace(*this);
    return *archive_;
  }
  // The object's number. It is kept alive, so that its address stays its own until the end.
  SharedId number(std::shared_ptr<const void> object, const std::type_info& type) {
    if (object == nullptr) return 0;
    if (shared_ == nullptr) shared_ = std::make_unique<Shared>();
    const auto next = static_cast<SharedId>(shared_->numbers.size() + 1);
    const auto [at, is_new] = shared_->numbers.try_emplace({object.get(), type}, next);
    if (!is_new) return at->second;
    shared_->kept.push_back(std::move(object));
    return next | kFirstOccurrence;
  }

  Writer& writer;
  int depth = 0;

 private:
  struct Shared {
    std::map<std::pair<const void*, std::type_index>, SharedId> numbers;
    std::vector<std::shared_ptr<const void>> kept;
  };

  std::optional<SaveArchive> archive_;
  std::unique_ptr<Shared> shared_;  // made by the first such object
};

class Decoder {
 public:
  explicit Decoder(Reader& from) noexcept : reader(from) {}

  LoadArchive& archive() {
    if (!archive_) archive_.emplace(*this);
    return *archive_;
  }
  // A place for the object that follows, which must have the next number.
  std::size_t announce(SharedId number, const std::type_info& type) {
    if (number != (static_cast<SharedId>(shared_.size() + 1) | kFirstOccurrence)) {
      refuse_bytes("a shared object has a wrong number");
    }
    shared_.emplace_back(nullptr, &type);
    return shared_.size() - 1;
  }
  void place(std::size_t at, std::shared_ptr<void> object) { shared_[at].first = std::move(object); }
  // An object met before. One that is still being read is part of itself, which only a class with serialize() may be.
  std::shared_ptr<void> find(SharedId number, const std::type_info& type) const {
    if (number > shared_.size() || *shared_[number - 1].second != type || shared_[number - 1].first == nullptr) {
      refuse_bytes("a shared object is not there");
    }
    return shared_[number - 1].first;
  }

  Reader& reader;
  int depth = 0;

 private:
  std::optional<LoadArchive> archive_;
  std::vector<std::pair<std::shared_ptr<void>, const std::type_info*>> shared_;
};

// How many elements follow, each of which takes at least `least` bytes (one, for those that may take none).
inline std::size_t read_count(Decoder& in, std::size_t least) {
  const auto count = in.reader.plain<std::uint64_t>();
  if (count > in.reader.left() / least) refuse_bytes("a length is larger than what follows");
  return static_cast<std::size_t>(count);
}
inline void write_count(Encoder& out, std::size_t count) { out.writer.plain(static_cast<std::uint64_t>(count)); }

// 0 or 1, and nothing else.
inline bool read_flag(Decoder& in) {
  const auto flag = in.reader.plain<std::uint8_t>();
  if (flag > 1) refuse_bytes("a flag is neither true nor false");
  return flag == 1;
}
inline void write_flag(Encoder& out, bool flag) { out.writer.plain(static_cast<std::uint8_t>(flag)); }

}  // namespace muster::detail
