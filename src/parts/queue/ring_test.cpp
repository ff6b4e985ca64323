#include "parts/queue/ring.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <thread>

namespace muster::queue {
namespace {

constexpr std::uint32_t kPage = RingPages::kPage;
constexpr std::uint32_t kCapacity = 8 * kPage;

// A ring's memory that knows which of its pages were asked for, and has only so many to give.
class Memory {
 public:
  explicit Memory(std::uint32_t most = kCapacity) : most_(most) {}

  RingMemory ring() noexcept { return {&words_, block_->bytes.data(), kCapacity}; }
  RingPages pages() {
    return {2 * kPage, [this](std::uint32_t begin, std::uint32_t end) {
              EXPECT_EQ(begin, taken_) << "one range behind the other";
              EXPECT_LT(begin, end);
              EXPECT_LE(end, kCapacity);
              ++asked_;
              if (end > most_) return false;
              taken_ = end;
              return true;
            }};
  }
  std::uint32_t taken() const noexcept { return taken_; }
  int asked() const noexcept { return asked_; }
  std::size_t offset(std::span<const std::byte> part) const noexcept {
    return static_cast<std::size_t>(part.data() - block_->bytes.data());
  }

 private:
  struct Block {
    alignas(kRecordUnit) std::array<std::byte, kCapacity> bytes{};
  };
  RingWords words_;
  std::unique_ptr<Block> block_ = std::make_unique<Block>();
  std::uint32_t most_;
  std::uint32_t taken_ = 2 * kPage;
  int asked_ = 0;
};

bool send(RingProducer& to, std::uint32_t number, std::size_t size) {
  const auto room = to.reserve(size, size);
  if (room.empty()) return false;
  std::memset(room.data(), static_cast<int>(number % 251), size);
  to.publish(size, number);
  return true;
}

void expect_record(const std::optional<RingConsumer::Record>& record, std::uint32_t number, std::size_t size) {
  ASSERT_TRUE(record.has_value()) << number;
  EXPECT_EQ(record->kind, number);
  ASSERT_GE(record->bytes.size(), size);
  const auto written = static_cast<std::byte>(number % 251);
  EXPECT_TRUE(std::all_of(record->bytes.begin(), record->bytes.begin() + static_cast<std::ptrdiff_t>(size),
                          [written](std::byte byte) { return byte == written; }));
}

void expect_next(RingConsumer& from, std::uint32_t number, std::size_t size) {
  expect_record(from.next(), number, size);
  from.release();
}

TEST(Ring, takes_no_more_pages_than_what_is_sent_needs) {
  Memory memory;
  RingProducer producer(memory.ring(), memory.pages());
  ASSERT_TRUE(send(producer, 1, kPage - sizeof(RecordHead)));
  EXPECT_EQ(memory.asked(), 0);
  ASSERT_TRUE(send(producer, 2, kPage - sizeof(RecordHead)))
      << "the second page has room for this, but not for a filler behind it";
  EXPECT_EQ(memory.taken(), 4 * kPage);
  EXPECT_EQ(memory.asked(), 1);
}

TEST(Ring, gives_what_was_sent_in_order_while_it_grows_and_after) {
  Memory memory;
  RingProducer producer(memory.ring(), memory.pages());
  RingConsumer consumer(memory.ring());
  std::uint32_t sent = 0;
  std::uint32_t got = 0;
  const auto size_of = [](std::uint32_t number) { return 1 + number * 37 % (kPage - 64); };
  while (got < 2000) {
    while (send(producer, sent, size_of(sent))) ++sent;
    ASSERT_GT(sent, got) << "an empty ring has room";
    for (const std::uint32_t some = got + 1 + (sent - got) / 2; got < some; ++got)
      expect_next(consumer, got, size_of(got));
  }
  EXPECT_EQ(memory.taken(), kCapacity);
  EXPECT_TRUE(consumer.sound());
  EXPECT_TRUE(producer.sound());
}

TEST(Ring, that_gets_no_more_pages_goes_on_with_those_that_it_has) {
  for (const std::uint32_t most : {2 * kPage, 4 * kPage}) {
    Memory memory(most);
    RingProducer producer(memory.ring(), memory.pages());
    RingConsumer consumer(memory.ring());
    std::uint32_t sent = 0;
    const auto size_of = [](std::uint32_t number) { return 1 + number * 41 % (kPage - 64); };
    for (std::uint32_t got = 0; got < 2000; ++got) {
      while (send(producer, sent, size_of(sent))) ++sent;
      ASSERT_GT(sent, got) << "an empty ring has room";
      expect_next(consumer, got, size_of(got));
    }
    EXPECT_EQ(memory.taken(), most);
    EXPECT_TRUE(consumer.sound());
  }
}

TEST(Ring, offers_only_room_that_is_there) {
  Memory memory(2 * kPage);
  RingProducer producer(memory.ring(), memory.pages());
  for (int i = 0; i < 100; ++i) {
    const auto room = producer.reserve(16, kCapacity);
    ASSERT_FALSE(room.empty());
    EXPECT_LE(memory.offset(room) + room.size(), 2 * kPage);
    producer.publish(std::min<std::size_t>(room.size(), 1000), 1);
    memory.ring().words->head.store(producer.position());  // all is read
  }
}

TEST(Ring, room_stays_when_more_is_asked_for) {
  Memory memory;
  RingProducer producer(memory.ring(), memory.pages());
  ASSERT_TRUE(send(producer, 1, kPage));
  const auto few = producer.reserve(16, 2 * kPage);
  const auto many = producer.reserve(few.size() + 1, 3 * kPage);
  EXPECT_EQ(many.data(), few.data()) << "the pages behind are taken, and nothing moves";
  EXPECT_GT(many.size(), few.size());
}

TEST(Ring, consumer_touches_only_what_it_may) {
  Memory memory;
  RingProducer producer(memory.ring());
  Memory view(4 * kPage);
  RingConsumer consumer(memory.ring(), view.pages());
  ASSERT_TRUE(send(producer, 1, kPage));
  expect_next(consumer, 1, kPage);
  EXPECT_EQ(view.asked(), 0);
  ASSERT_TRUE(send(producer, 2, 2 * kPage - 200));
  expect_next(consumer, 2, 2 * kPage - 200);
  EXPECT_EQ(view.taken(), 3 * kPage);
  ASSERT_TRUE(send(producer, 3, 2 * kPage));
  EXPECT_FALSE(consumer.next().has_value());
  EXPECT_FALSE(consumer.sound()) << "the producer says that it has written what cannot be there";
}

TEST(Ring, small_records_have_a_line_each_and_the_one_behind_says_that_it_is_none) {
  Memory memory;
  RingProducer producer(memory.ring());
  RingConsumer consumer(memory.ring());
  EXPECT_TRUE(consumer.empty());
  for (std::uint32_t number = 0; number < 3 * kCapacity / kRecordUnit; ++number) {
    const RingSpot spot = consumer.spot();
    EXPECT_FALSE(spot.is_taken());
    ASSERT_TRUE(send(producer, number, kRecordUnit - sizeof(RecordHead)));
    EXPECT_TRUE(spot.is_taken()) << "who waits there sees it";
    EXPECT_EQ(producer.position(), (number + 1) * kRecordUnit);
    expect_next(consumer, number, kRecordUnit - sizeof(RecordHead));
    EXPECT_TRUE(consumer.empty()) << "whatever lay there a round before";
  }
}

TEST(Ring, a_full_one_keeps_the_spot_behind_its_last_record) {
  Memory memory;
  RingProducer producer(memory.ring());
  RingConsumer consumer(memory.ring());
  std::uint32_t sent = 0;
  for (std::uint32_t got = 0; got < 1000; ++got) {
    while (send(producer, sent, 1)) ++sent;
    EXPECT_EQ(sent - got, kCapacity / kRecordUnit - 1);
    expect_next(consumer, got, 1);
  }
}

TEST(Ring, what_was_reserved_and_not_used_is_no_record) {
  Memory memory;
  RingProducer producer(memory.ring());
  RingConsumer consumer(memory.ring());
  for (std::uint32_t number = 0; number < 1000; ++number) {
    const auto room = producer.reserve(1, 8 * kRecordUnit);
    std::memset(room.data(), static_cast<int>(number % 251), room.size());
    const std::size_t used = std::min<std::size_t>(1 + number % 200, room.size());
    producer.publish(used, number);
    expect_next(consumer, number, used);
    EXPECT_TRUE(consumer.empty());
  }
}

TEST(Ring, of_nothing_but_fillers_comes_to_an_end) {
  Memory memory;
  RingConsumer consumer(memory.ring());
  for (std::uint32_t at = 0; at < kCapacity; at += kPage) memory.ring().spot(at).publish({kPage, kFiller});
  EXPECT_FALSE(consumer.next().has_value());
  EXPECT_FALSE(consumer.sound()) << "no producer is a whole round ahead";
}

// For ThreadSanitizer, too: whoever has seen a record's head may read the record, and whoever has seen the room of one
// may write there.
TEST(Ring, passes_records_from_one_thread_to_another) {
  constexpr std::uint32_t kRecords = 100'000;
  const auto size_of = [](std::uint32_t number) { return 1 + (number % 7 != 0 ? number % 56 : number * 37 % 4000); };
  Memory memory;
  RingProducer producer(memory.ring(), memory.pages());
  RingConsumer consumer(memory.ring());
  std::jthread sender([&] {
    for (std::uint32_t number = 0; number < kRecords;) {
      send(producer, number, size_of(number)) ? static_cast<void>(++number) : std::this_thread::yield();
    }
  });
  for (std::uint32_t number = 0; number < kRecords; ++number) {
    std::optional<RingConsumer::Record> record;
    while (!(record = consumer.next()) && consumer.sound()) {
      for (const RingSpot spot = consumer.spot(); !spot.is_taken();) std::this_thread::yield();
    }
    expect_record(record, number, size_of(number));
    consumer.release();
    if (::testing::Test::HasFatalFailure()) std::abort();  // the sender would wait for ever
  }
  EXPECT_TRUE(consumer.empty());
}

TEST(Ring, what_is_unpublished_is_seen_as_far_as_it_can_be) {
  Memory memory;
  RingProducer producer(memory.ring());
  Memory view(4 * kPage);
  RingConsumer consumer(memory.ring(), view.pages());
  const auto room = producer.reserve(16, kCapacity);
  std::memset(room.data(), 9, room.size());
  EXPECT_FALSE(consumer.next().has_value());
  const auto some = consumer.unpublished(3 * kPage);
  ASSERT_TRUE(some.has_value());
  EXPECT_EQ(some->size(), 3 * kPage);
  EXPECT_EQ(some->back(), std::byte{9});
  EXPECT_FALSE(consumer.unpublished(5 * kPage).has_value()) << "it cannot be there";
  EXPECT_FALSE(consumer.unpublished(kCapacity).has_value()) << "it would lie behind the end";
  EXPECT_FALSE(consumer.unpublished(SIZE_MAX).has_value());
  EXPECT_TRUE(consumer.sound());
}

}  // namespace
}  // namespace muster::queue
