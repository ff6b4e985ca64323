#pragma once
// A ring of records in shared memory, for one producer and one consumer in different processes.
//
// Positions count bytes and wrap at 2^32; a record never wraps around the end, the producer fills what is left there.
// Each side keeps its own position in private memory and only publishes it, so that whoever writes nonsense into the
// shared part deceives the other side about its own end alone; and the other side checks every number that it reads.
//
// The pages of the ring need not all be there from the start (RingPages). The producer has more of them taken when what
// it has is full; where there are none to be had, the ring ends there, and goes on from its front.
//
// Ordering: the producer writes the record, then its position (release); the consumer reads the position (acquire),
// then the record. The same the other way for room. Waiting is not the ring's business.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <utility>

namespace muster::queue {

// What lies in shared memory, beside the bytes. Each side's word in a cache line of its own.
struct RingWords {
  alignas(64) std::atomic<std::uint32_t> tail{0};  // written by the producer
  alignas(64) std::atomic<std::uint32_t> head{0};  // written by the consumer
};

struct RecordHead {
  std::uint32_t size;  // of the record with its head, a multiple of kRecordUnit
  std::uint32_t kind;  // the users' own, but not kFiller
};
inline constexpr std::uint32_t kRecordUnit = 16;
inline constexpr std::uint32_t kFiller = UINT32_MAX;

// The memory of one ring. `capacity` is a power of two.
struct RingMemory {
  RingWords* words;
  std::byte* bytes;
  std::uint32_t capacity;

  std::byte* at(std::uint32_t position) const noexcept { return bytes + (position & (capacity - 1)); }
  // How many bytes lie between a position and the end of the memory.
  std::uint32_t straight(std::uint32_t position) const noexcept { return capacity - (position & (capacity - 1)); }
};

// Which of a ring's bytes can be touched: so many at its front from the start, a multiple of kPage, and those for which
// take(begin, end) is true, which is asked for one range behind the other.
struct RingPages {
  static constexpr std::uint32_t kPage = 4096;
  std::uint32_t first;
  std::function<bool(std::uint32_t begin, std::uint32_t end)> take;

  static RingPages all(const RingMemory& memory) { return {memory.capacity, nullptr}; }
  static std::size_t whole(std::size_t bytes) noexcept { return (bytes + kPage - 1) / kPage * kPage; }
};

class RingProducer {
 public:
  explicit RingProducer(RingMemory memory) : RingProducer(memory, RingPages::all(memory)) {}
  RingProducer(RingMemory memory, RingPages pages)
      : memory_(memory), take_(std::move(pages.take)), taken_(pages.first) {}

  // Room for a record with `least` to `most` bytes after its head, aligned to kRecordUnit less the head; empty: there
  // is none now. Ask again to get more or less: room that was there stays until it is used, whatever the consumer
  // writes. `least` is at most a quarter of the capacity, and with its head a unit less than half of what is there from
  // the start: so behind a filler, which is the consumer's until it is given back, an empty ring has room in its front.
  std::span<std::byte> reserve(std::size_t least, std::size_t most) noexcept {
    if (straight() < least + sizeof(RecordHead) && !take_more(least + sizeof(RecordHead))) {
      const std::uint32_t rest = memory_.straight(tail_);
      if (room(rest) < rest) return {};
      fill(rest);
    }
    const std::size_t free = std::min<std::size_t>(room(most + sizeof(RecordHead)), straight());
    if (free < least + sizeof(RecordHead)) return {};
    return {memory_.at(tail_) + sizeof(RecordHead), std::min(most, free - sizeof(RecordHead))};
  }

  // Hands over what was reserved, of which the first `size` bytes were used.
  void publish(std::size_t size, std::uint32_t kind) noexcept {
    const auto whole =
        static_cast<std::uint32_t>((size + sizeof(RecordHead) + kRecordUnit - 1) / kRecordUnit * kRecordUnit);
    put({whole, kind});
  }

  // Up to where records were published, which is where the next one begins; and up to where the consumer has given them
  // back.
  std::uint32_t position() const noexcept { return tail_; }
  std::uint32_t released() noexcept { return tail_ - (memory_.capacity - room(memory_.capacity)); }
  // Whether it has given back all that was published up to there.
  bool is_released(std::uint32_t position) noexcept { return tail_ - released() <= tail_ - position; }
  // Whether what begins there is still there, or another record is by now.
  bool keeps(std::uint32_t position) const noexcept { return tail_ - position <= memory_.capacity; }

  // False: the consumer's position is none that it can have.
  bool sound() const noexcept {
    return tail_ - memory_.words->head.load(std::memory_order_relaxed) <= memory_.capacity;
  }

 private:
  // Where there is as much as is `wanted` without it, the consumer's word is left in peace: to read it takes its cache
  // line away. A consumer that goes backwards, or beyond the end, or into a record is not believed.
  std::uint32_t room(std::size_t wanted) noexcept {
    if (const std::uint32_t known = memory_.capacity - (tail_ - head_); known >= wanted) return known;
    const std::uint32_t head = memory_.words->head.load(std::memory_order_acquire);
    if (tail_ - head <= tail_ - head_ && head % kRecordUnit == 0) head_ = head;
    return memory_.capacity - (tail_ - head_);
  }
  // How much can be written from the tail on. Before pages that are not there, one unit stays free for a filler.
  std::uint32_t straight() const noexcept {
    const std::uint32_t behind = memory_.capacity - taken_;
    return memory_.straight(tail_) - (behind == 0 ? 0 : behind + kRecordUnit);
  }
  // False: it is not enough yet, up to the end or to where there are no more pages to be had.
  bool take_more(std::size_t wanted) noexcept {
    if (taken_ == memory_.capacity) return false;
    const std::size_t needed = memory_.capacity - memory_.straight(tail_) + wanted + kRecordUnit;
    const std::size_t generous = std::max(RingPages::whole(needed), 2 * std::size_t{taken_});
    const auto end = static_cast<std::uint32_t>(std::min<std::size_t>(generous, memory_.capacity));
    if (!take_(taken_, end)) return false;
    taken_ = end;
    return straight() >= wanted;
  }
  void fill(std::uint32_t size) noexcept { put({size, kFiller}); }
  void put(RecordHead head) noexcept {
    std::memcpy(memory_.at(tail_), &head, sizeof head);
    tail_ += head.size;
    memory_.words->tail.store(tail_, std::memory_order_seq_cst);  // before a look at whether the consumer sleeps
    fetch_next();
  }
  // What lies where the next record will is in the consumer's cache. It comes while we do something else.
  void fetch_next() const noexcept {
    __builtin_prefetch(memory_.at(tail_), 1);
    __builtin_prefetch(memory_.at(tail_ + 64), 1);
  }

  const RingMemory memory_;
  const std::function<bool(std::uint32_t, std::uint32_t)> take_;
  std::uint32_t taken_;  // of the ring's bytes those below are there
  std::uint32_t tail_ = 0;
  std::uint32_t head_ = 0;  // of the consumer, as far as it was believed
};

class RingConsumer {
 public:
  struct Record {
    std::uint32_t kind;
    std::span<std::byte> bytes;  // after the head; up to kRecordUnit - 1 more than were used
  };

  // `writes`: the consumer writes into the first bytes of its records.
  explicit RingConsumer(RingMemory memory, bool writes = false)
      : RingConsumer(memory, RingPages::all(memory), writes) {}
  // Bytes of which the producer says that it has written them are touched only where `pages` lets it.
  RingConsumer(RingMemory memory, RingPages pages, bool writes = false)
      : memory_(memory), writes_(writes), take_(std::move(pages.take)), seen_(pages.first) {}

  // The next record; it stays readable until release(). Nothing when there is none, or when the ring is not sound.
  std::optional<Record> next() noexcept {
    for (;;) {
      const std::uint32_t tail = memory_.words->tail.load(std::memory_order_seq_cst);
      if (tail == at_ || !sound_) return std::nullopt;
      if (writes_) __builtin_prefetch(memory_.at(at_), 1);  // else the line would come twice
      RecordHead head;
      if (!can_touch(sizeof head)) return nothing_sound();
      std::memcpy(&head, memory_.at(at_), sizeof head);
      if (!fits(head, tail - at_) || (head.kind != kFiller && !can_touch(head.size))) return nothing_sound();
      std::byte* const from = memory_.at(at_) + sizeof head;
      at_ += head.size;
      if (head.kind != kFiller) return Record{head.kind, {from, head.size - sizeof head}};
    }
  }
  // The position up to which records were taken.
  std::uint32_t seen() const noexcept { return at_; }
  bool empty() const noexcept { return memory_.words->tail.load(std::memory_order_seq_cst) == at_; }

  // Gives the room of all records taken so far back.
  void release() noexcept { memory_.words->head.store(at_, std::memory_order_seq_cst); }

  // Once false, the ring gives nothing more: its producer wrote what no producer writes.
  bool sound() const noexcept { return sound_; }

  // What the producer has begun and not published, when it will not go on: the first `bytes` after its head; nothing
  // where there cannot be so many. After next() found nothing.
  std::optional<std::span<const std::byte>> unpublished(std::size_t bytes) noexcept {
    if (bytes > memory_.straight(at_) - sizeof(RecordHead) || !can_touch(sizeof(RecordHead) + bytes))
      return std::nullopt;
    return std::span(memory_.at(at_) + sizeof(RecordHead), bytes);
  }

 private:
  std::optional<Record> nothing_sound() noexcept {
    sound_ = false;
    return std::nullopt;
  }
  // The next bytes, which do not go beyond the end of the memory.
  bool can_touch(std::size_t bytes) noexcept {
    const std::size_t end = memory_.capacity - memory_.straight(at_) + bytes;
    if (end <= seen_) return true;
    const auto whole = static_cast<std::uint32_t>(RingPages::whole(end));
    if (!take_(seen_, whole)) return false;
    seen_ = whole;
    return true;
  }
  bool fits(RecordHead head, std::uint32_t published) const noexcept {
    return published <= memory_.capacity && head.size >= kRecordUnit && head.size % kRecordUnit == 0 &&
           head.size <= published && head.size <= memory_.straight(at_);
  }

  const RingMemory memory_;
  const bool writes_;
  const std::function<bool(std::uint32_t, std::uint32_t)> take_;
  std::uint32_t seen_;  // of the ring's bytes those below can be touched
  std::uint32_t at_ = 0;
  bool sound_ = true;
};

}  // namespace muster::queue
