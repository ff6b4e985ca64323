// Both ends of a ring whose other end writes whatever it likes into the shared part, at any time between two steps.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>

#include "parts/queue/ring.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace muster::fuzz {
namespace {

constexpr std::uint32_t kCapacity = 2048;
constexpr std::size_t kUnits = kCapacity / queue::kRecordUnit;

// Memory whose borders a sanitizer watches.
struct Shared {
  struct Block {
    alignas(queue::kRecordUnit) std::array<std::byte, kCapacity> bytes{};
  };
  queue::RingWords words;
  std::unique_ptr<Block> block = std::make_unique<Block>();

  queue::RingMemory memory() noexcept { return {&words, block->bytes.data(), kCapacity}; }
  std::span<std::byte> all() noexcept { return block->bytes; }
};

void scribble(Choices& in, std::span<std::byte> over) {
  const std::size_t at = in.number<std::uint16_t>() % over.size();
  const auto from = in.bytes(1 + in.below(32));
  const std::size_t size = std::min(from.size(), over.size() - at);
  if (size > 0) std::memcpy(over.data() + at, from.data(), size);
}

class Consumer {
 public:
  void step(Choices& in) {
    switch (in.below(5)) {
      case 0:
        scribble(in, shared_.all());
        break;
      case 1:
        put(in, ring_.seen());
        break;
      case 2:
        put(in, static_cast<std::uint32_t>(queue::kRecordUnit * in.below(kUnits)));
        break;
      case 3:
        take(in);
        break;
      default:
        ring_.release();
        break;
    }
  }

 private:
  // A head as a producer would write it, or nearly.
  void put(Choices& in, std::uint32_t at) {
    const std::uint32_t unit = in.below(8) == 0 ? queue::kRecordUnit / 4 : queue::kRecordUnit;
    const std::uint32_t kind = in.below(4) == 0 ? queue::kFiller : in.number<std::uint8_t>();
    shared_.memory().spot(at).publish({static_cast<std::uint32_t>(unit * in.below(kUnits + 1)), kind});
  }
  void take(Choices& in) {
    const auto record = ring_.next();
    if (record) {
      require(ring_.sound(), "a ring that is not sound gave a record");
      require(within(record->bytes, shared_.all()), "a record lies outside of the ring");
      touch(record->bytes);
    }
    const auto unpublished = ring_.unpublished(in.below(kCapacity + 1));
    if (!unpublished) return;
    require(within(*unpublished, shared_.all()), "what is not published lies outside of the ring");
    touch(*unpublished);
  }

  Shared shared_;
  queue::RingConsumer ring_{shared_.memory()};
};

class Producer {
 public:
  void step(Choices& in) {
    switch (in.below(4)) {
      case 0:
        shared_.words.head.store(in.number<std::uint32_t>());
        break;
      case 1:
        shared_.words.head.fetch_add(static_cast<std::uint32_t>(queue::kRecordUnit / 4 * in.below(4 * kUnits)));
        break;
      case 2:
        scribble(in, shared_.all());
        break;
      default:
        send(in);
        break;
    }
  }

 private:
  // As who asks whether there is room, and writes a little later.
  void send(Choices& in) {
    const std::size_t most = in.below(kCapacity / 4);
    if (ring_.reserve(most, most).data() == nullptr) return;
    if (in.below(2) == 0) shared_.words.head.store(in.number<std::uint32_t>());
    const std::size_t size = std::min(most, in.below(kCapacity / 4));
    const auto room = ring_.reserve(size, size);
    require(room.data() != nullptr && room.size() == size, "room that was there is gone");
    require(within(room, shared_.all()), "room lies outside of the ring");
    if (size > 0) std::memset(room.data(), 1, size);
    ring_.publish(size, 7);
  }

  Shared shared_;
  queue::RingProducer ring_{shared_.memory()};
};

template <class End>
void play_end(Choices& in) {
  End end;
  while (!in.over()) end.step(in);
}

}  // namespace

void play(std::span<const std::byte> input) {
  Choices in(input);
  if (in.below(2) == 0) {
    play_end<Consumer>(in);
  } else {
    play_end<Producer>(in);
  }
}

}  // namespace muster::fuzz
