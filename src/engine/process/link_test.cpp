// The pool's end of a worker that runs wild, where an order of events is to be shown; tests/fuzz/link.cpp tries the
// rest.

#include "engine/process/link.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "os/process.hpp"
#include "tests/support/leaks.hpp"

namespace muster::engine::process {
namespace {

os::Mapping workers_view(const Link& link) {
  const os::Bell bell;
  os::Descriptor copy(fcntl(link.descriptors(bell).front(), F_DUPFD_CLOEXEC, 3));
  return os::map_shared(std::move(copy), Channel::kBytes, true);
}

// The pool has told the caller to look, and believes that nobody sleeps there; the worker writes that somebody does.
TEST(Link, caller_goes_on_when_a_worker_has_ended_that_told_it_to_sleep) {
  Link link(0, 0, 0);
  const os::Mapping memory = workers_view(link);
  const std::uint32_t seen = link.attend(&link, true);
  link.listen(kNobody);
  static_cast<Channel*>(memory.data())->listener.store(kCaller);
  std::jthread caller([&] { link.await_answer(seen, true); });
  link.listen(kNobody);
  link.dismiss();
}

constexpr std::size_t kArenaBytes = std::size_t{1} << 20U;
constexpr std::size_t kHuge = std::size_t{1} << 42U;

// A worker's end that has one entry, of five items.
struct Wild {
  Wild() {
    const os::Bell bell;
    const auto given = link.descriptors(bell);
    connection = os::Descriptor(fcntl(given.at(1), F_DUPFD_CLOEXEC, 3));
    job.reset(new Job);
    Entry entry;
    entry.job = job.get();
    entry.range = {0, 5, 0};
    EXPECT_TRUE(link.send(std::move(entry), 0, {}));
  }
  Channel& channel() const { return *static_cast<Channel*>(memory.data()); }
  void publish(const UpHead& head, Up kind = Up::kValues) {
    const auto room = up.reserve(sizeof head, sizeof head);
    std::memcpy(room.data(), &head, sizeof head);
    up.publish(sizeof head, static_cast<std::uint32_t>(kind));
  }

  Link link{0, 0, kArenaBytes};
  os::Mapping memory = workers_view(link);
  queue::RingProducer up{channel().up_ring()};
  os::Descriptor connection;
  std::unique_ptr<Job> job;
};

TEST(Link, memory_that_says_to_be_larger_than_what_is_there_is_nonsense) {
  for (const std::size_t there : {std::size_t{0}, kArenaBytes}) {
    Wild worker;
    const os::Descriptor file(memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    ASSERT_EQ(ftruncate(file.number(), static_cast<off_t>(kHuge)), 0);
    ASSERT_TRUE(there == 0 || fallocate(file.number(), 0, 0, static_cast<off_t>(there)) == 0);
    ASSERT_EQ(fcntl(file.number(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
    const int number = file.number();
    const std::byte byte{};
    ASSERT_TRUE(os::send_message(worker.connection, {&byte, 1}, {&number, 1}));
    worker.publish({.count = 1, .where = kOwnMemory, .size = kHuge, .nanos = 0});
    EXPECT_FALSE(worker.link.next());
    EXPECT_TRUE(worker.link.unsound());
  }
}

TEST(Link, what_lies_outside_of_the_arena_is_nonsense) {
  for (const auto& [size, at] : {std::pair<std::uint64_t, std::uint64_t>{kArenaBytes + 1, 0},
                                 {1, kArenaBytes},
                                 {SIZE_MAX, 1},
                                 {2, SIZE_MAX},
                                 {kHuge, kHuge}}) {
    Wild worker;
    worker.publish({.count = 1, .where = kArena, .size = size, .at = at, .nanos = 0});
    EXPECT_FALSE(worker.link.next());
    EXPECT_TRUE(worker.link.unsound());
  }
}

TEST(Link, pages_of_the_arena_that_nobody_has_taken_can_be_read) {
  Wild worker;
  worker.publish({.count = 1, .where = kArena, .size = kArenaBytes - 1, .at = 1, .nanos = 0});
  const auto arrival = worker.link.next();
  ASSERT_TRUE(arrival);
  ASSERT_EQ(arrival->bytes.size(), kArenaBytes - 1);
  EXPECT_TRUE(std::ranges::all_of(arrival->bytes, [](std::byte byte) { return byte == std::byte{}; }));
}

// Nobody waits: the worker may not take anything for hours.
TEST(Link, a_connection_that_is_full_takes_nothing_until_the_worker_has_taken_something) {
  Wild worker;
  const std::vector<std::byte> large(kInlineBytes + 1);
  const auto send = [&] {
    Entry entry;
    entry.job = worker.job.get();
    entry.range = {0, 1, 0};
    return worker.link.send(std::move(entry), 0, large);
  };
  std::size_t sent = 0;
  while (send()) ++sent;
  EXPECT_GT(sent, 1U);
  EXPECT_EQ(worker.link.load(), 1 + sent);
  EXPECT_EQ(worker.link.large(), sent * large.size());
  queue::RingConsumer down(worker.channel().down_ring());
  ASSERT_TRUE(down.next());  // the entry of five
  ASSERT_TRUE(down.next());
  while (os::receive_message(worker.connection).state == os::Message::State::kMessage) {
  }
  down.release();
  EXPECT_TRUE(worker.link.has_room());
  EXPECT_EQ(worker.link.try_again_at(), os::kForever);
  EXPECT_TRUE(send());
}

TEST(Link, an_entry_that_is_taken_back_gives_its_memory_back_at_once) {
  Wild worker;
  const auto shelf = std::make_shared<memory::Shelf>();
  Entry entry;
  entry.job = worker.job.get();
  entry.range = {0, 1, 0};
  entry.input = shelf->take(kArenaBytes, memory::Use::kInputs);
  const std::weak_ptr<memory::Segment> input = entry.input;
  ASSERT_TRUE(worker.link.send_memory(*entry.input));
  const std::vector<std::byte> large(kArenaBytes);
  ASSERT_TRUE(worker.link.send(std::move(entry), 0, large));
  EXPECT_EQ(worker.link.large(), kArenaBytes);
  ASSERT_TRUE(worker.link.revoke(worker.link.entries().back()));
  EXPECT_TRUE(input.expired());
  EXPECT_EQ(worker.link.large(), 0U);
}

}  // namespace
}  // namespace muster::engine::process
