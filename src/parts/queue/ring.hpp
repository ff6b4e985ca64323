#pragma once
// A ring of records in shared memory, for one producer and one consumer in different processes.
//
// Positions count bytes and wrap at 2^32; a record never wraps around the end, the producer fills what is left there.
// A record begins with its head, and is there once that is not zero: so who waits for it looks at the very cache line
// in which it will come, and a small one changes hands by that line alone. Each side keeps its own position in private
// memory, so that whoever writes nonsense into the shared part deceives the other side about its own end alone; and the
// other side checks every number that it reads.
//
// The pages of the ring need not all be there from the start (RingPages). The producer has more of them taken when what
// it has is full; where there are none to be had, the ring ends there, and goes on from its front.
//
// Ordering: the producer writes the record, and zero where the next one's head will be; then the record's head
// (release). The consumer reads the head (acquire), then the record, and knows by then that what it looks at next is
// zero or a head. One unit of the ring stays free, since the zero lies behind the last record. Room goes the other way:
// the consumer publishes up to where it has read, and the producer reads that. `ring.pml` is the model. Waiting is not
// the ring's business.

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>

namespace muster::queue {

// What lies in shared memory, beside the bytes.
struct RingWords {
  alignas(64) std::atomic<std::uint32_t> head{0};  // up to where the consumer has given back, written by it
};

struct RecordHead {
  std::uint32_t size;  // of the record with its head, a multiple of kRecordUnit
  std::uint32_t kind;  // the users' own, but not kFiller

  bool operator==(const RecordHead&) const = default;
};
inline constexpr std::uint32_t kRecordUnit = 64;  // a cache line
inline constexpr std::uint32_t kFiller = UINT32_MAX;

// Where a record's head is, or will be.
class RingSpot {
 public:
  explicit RingSpot(std::byte* at) noexcept : word_(reinterpret_cast<std::uint64_t*>(at)) {}

  // Whether there is a record.
  bool is_taken() const noexcept { return word().load(std::memory_order_seq_cst) != 0; }
  // Its head; size 0: there is none.
  RecordHead load() const noexcept { return std::bit_cast<RecordHead>(word().load(std::memory_order_seq_cst)); }
  // Before a look at whether the consumer sleeps.
  void publish(RecordHead head) const noexcept {
    word().store(std::bit_cast<std::uint64_t>(head), std::memory_order_seq_cst);
  }
  void clear() const noexcept { word().store(0, std::memory_order_relaxed); }

 private:
  std::atomic_ref<std::uint64_t> word() const noexcept { return std::atomic_ref(*word_); }

  std::uint64_t* word_;
};

// The memory of one ring, which is zero before its first use. `capacity` is a power of two.
struct RingMemory {
  RingWords* words;
  std::byte* bytes;
  std::uint32_t capacity;

  std::byte* at(std::uint32_t position) const noexcept { return bytes + (position & (capacity - 1)); }
  RingSpot spot(std::uint32_t position) const noexcept { return RingSpot(at(position)); }
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
  // writes. `least` is at most a quarter of the capacity, and with its head two units less than half of what is there
  // from the start: so behind a filler, which is the consumer's until it is given back, an empty ring has room in its
  // front.
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
  std::uint32_t released() noexcept {
    hear();
    return head_;
  }
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
  // line away.
  std::uint32_t room(std::size_t wanted) noexcept {
    const auto known = [this] { return memory_.capacity - kRecordUnit - (tail_ - head_); };
    if (known() < wanted) hear();
    return known();
  }
  // A consumer that goes backwards, or beyond the end, or into a record is not believed.
  void hear() noexcept {
    const std::uint32_t head = memory_.words->head.load(std::memory_order_seq_cst);  // after we said that we sleep
    if (tail_ - head <= tail_ - head_ && head % kRecordUnit == 0) head_ = head;
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
    const RingSpot spot = memory_.spot(tail_);
    tail_ += head.size;
    const RingSpot next = memory_.spot(tail_);
    if (tail_ != cleared_ || next.is_taken()) next.clear();
    spot.publish(head);
    clear_ahead();
  }
  // The line behind a record is in the consumer's cache, and would be waited for. Behind the next one, if it is as
  // short as most, the zero is put down now; that takes its time while we do something else. Who reserves more than he
  // uses may write over it.
  void clear_ahead() noexcept {
    cleared_ = tail_;
    if (tail_ - head_ > memory_.capacity - 3 * kRecordUnit || straight() < 2 * kRecordUnit) return;
    cleared_ += kRecordUnit;
    memory_.spot(cleared_).clear();
  }

  const RingMemory memory_;
  const std::function<bool(std::uint32_t, std::uint32_t)> take_;
  std::uint32_t taken_;  // of the ring's bytes those below are there
  std::uint32_t tail_ = 0;
  std::uint32_t head_ = 0;     // of the consumer, as far as it was believed
  std::uint32_t cleared_ = 0;  // where zero was put down ahead
};

class RingConsumer {
 public:
  struct Record {
    std::uint32_t kind;
    std::span<std::byte> bytes;  // after the head; up to kRecordUnit - 1 more than were used
  };

  explicit RingConsumer(RingMemory memory) : RingConsumer(memory, RingPages::all(memory)) {}
  // Bytes of which the producer says that it has written them are touched only where `pages` lets it.
  RingConsumer(RingMemory memory, RingPages pages)
      : memory_(memory), take_(std::move(pages.take)), seen_(pages.first) {}

  // The next record; it stays readable until release(). Nothing when there is none, or when the ring is not sound.
  std::optional<Record> next() noexcept {
    while (sound_) {
      if (!can_touch(sizeof(RecordHead))) return nothing_sound();
      const RecordHead head = memory_.spot(at_).load();
      if (head == RecordHead{}) return std::nullopt;
      if (!fits(head) || (head.kind != kFiller && !can_touch(head.size))) return nothing_sound();
      std::byte* const from = memory_.at(at_) + sizeof head;
      at_ += head.size;
      if (head.kind != kFiller) return Record{head.kind, {from, head.size - sizeof head}};
    }
    return std::nullopt;
  }
  // The position up to which records were taken.
  std::uint32_t seen() const noexcept { return at_; }
  // After next() found nothing, or nothing was taken yet: where the next record will be, for whoever waits for it. What
  // the spot says is true until the next call of next().
  RingSpot spot() const noexcept { return memory_.spot(at_); }
  bool empty() const noexcept { return !spot().is_taken(); }

  // Gives the room of all records taken so far back.
  void release() noexcept {
    released_ = at_;
    memory_.words->head.store(at_, std::memory_order_seq_cst);
  }

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
  // Not beyond what was released, either: else a ring full of fillers would have no end.
  bool fits(RecordHead head) const noexcept {
    return head.size >= kRecordUnit && head.size % kRecordUnit == 0 && head.size <= memory_.straight(at_) &&
           head.size <= memory_.capacity - kRecordUnit - (at_ - released_);
  }

  const RingMemory memory_;
  const std::function<bool(std::uint32_t, std::uint32_t)> take_;
  std::uint32_t seen_;  // of the ring's bytes those below can be touched
  std::uint32_t at_ = 0;
  std::uint32_t released_ = 0;
  bool sound_ = true;
};

}  // namespace muster::queue
