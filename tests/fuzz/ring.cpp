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

constexpr std::uint32_t kCapacity = 512;

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
    switch (in.below(6)) {
      case 0:
        shared_.words.tail.store(in.number<std::uint32_t>());
        break;
      case 1:
        shared_.words.tail.fetch_add(static_cast<std::uint32_t>(16 * in.below(40)));
        break;
      case 2:
        scribble(in, shared_.all());
        break;
      case 3:
        put(in);
        break;
      case 4:
        take(in);
        break;
      default:
        ring_.release();
        break;
    }
  }

 private:
  // A record as a producer would write it, where the next one is expected.
  void put(Choices& in) {
    const queue::RecordHead head{static_cast<std::uint32_t>(16 * in.below(33)), in.number<std::uint8_t>()};
    std::memcpy(shared_.memory().at(ring_.seen()), &head, sizeof head);
    shared_.words.tail.store(ring_.seen() + head.size);
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
        shared_.words.head.fetch_add(static_cast<std::uint32_t>(16 * in.below(40)));
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
