// The pool's end of a worker that runs wild, where an order of events is to be shown; tests/fuzz/link.cpp tries the
// rest.

#include "engine/process/link.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
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
  const Link::Watch watch = link.attend(&link, true);
  link.listen(kNobody);
  static_cast<Channel*>(memory.data())->listener.store(watch.listener);
  std::jthread caller([&] { link.await_answer(watch); });
  link.listen(kNobody);
  link.dismiss();
}

// The first one was answered, and another has called since: what lies where the first one looked says nothing to him.
TEST(Link, caller_goes_on_when_another_one_listens_in_his_place) {
  Link link(0, 0, 0);
  const int first = 1;
  const int second = 2;
  const Link::Watch of_first = link.attend(&first, true);
  link.listen(kNobody);
  const Link::Watch of_second = link.attend(&second, true);
  EXPECT_NE(of_first.listener, of_second.listener);
  EXPECT_EQ(listener_of(of_second.listener), kCaller);
  link.await_answer(of_first);
}

// A worker that has taken up its first entry.
class Busy {
 public:
  explicit Busy(std::size_t items) : link_(0, 0, 0), memory_(workers_view(link_)), up_(channel().up_ring()) {
    Entry entry;
    entry.job = &job_;
    entry.range = {0, items, 0};
    entry.prompt = true;
    link_.send(std::move(entry), 0, {});
    link_.front()->claim->store(kClaimed);
  }
  Channel& channel() noexcept { return *static_cast<Channel*>(memory_.data()); }
  Link& link() noexcept { return link_; }
  Entry& entry() noexcept { return *link_.front(); }
  void take_up() { entry().taken->fetch_add(1); }

  // The item is done, with a byte as its value.
  void finish(std::byte value) {
    const auto room = up_.reserve(kMost, kMost);
    room[sizeof(UpHead) + count_] = value;
    ++count_;
    channel().progress.store(Progress::of(runs_, count_, count_));
  }
  void publish() {
    const UpHead head{.count = static_cast<std::uint32_t>(count_), .where = kHere, .size = count_, .nanos = 1};
    std::memcpy(up_.reserve(kMost, kMost).data(), &head, sizeof head);
    ++runs_;
    up_.publish(sizeof head + std::exchange(count_, 0), static_cast<std::uint32_t>(Up::kValues));
  }
  // What has come, as the engine settles it.
  std::size_t take(const std::optional<Arrival>& arrival) {
    if (!arrival) return 0;
    entry().done += arrival->count;
    last_ = arrival->bytes.back();
    return arrival->count;
  }
  std::byte last() const noexcept { return last_; }

 private:
  static constexpr std::size_t kMost = 256;

  Job job_;
  Link link_;
  const os::Mapping memory_;
  queue::RingProducer up_;
  std::uint64_t count_ = 0;
  std::uint16_t runs_ = 0;
  std::byte last_{};
};

TEST(Link, what_was_taken_of_a_run_is_passed_over_when_it_arrives) {
  Busy worker(4);
  EXPECT_FALSE(worker.link().unpublished().has_value());
  worker.finish(std::byte{1});
  worker.finish(std::byte{2});
  EXPECT_EQ(worker.take(worker.link().unpublished()), 2U);
  EXPECT_EQ(worker.take(worker.link().unpublished()), 0U) << "once";
  worker.finish(std::byte{3});
  EXPECT_EQ(worker.take(worker.link().unpublished()), 1U);
  EXPECT_EQ(worker.last(), std::byte{3});
  worker.finish(std::byte{4});
  worker.publish();
  EXPECT_EQ(worker.take(worker.link().unpublished()), 0U) << "first what is published";
  EXPECT_EQ(worker.take(worker.link().next()), 1U);
  EXPECT_EQ(worker.last(), std::byte{4});
  EXPECT_EQ(worker.entry().left(), 0U);
  EXPECT_FALSE(worker.link().unsound());
}

TEST(Link, a_run_of_which_all_was_taken_arrives_when_its_entry_is_over) {
  Busy worker(4);
  worker.take_up();
  worker.finish(std::byte{1});
  EXPECT_EQ(worker.link().cut_short(worker.entry()), 1U);
  EXPECT_EQ(worker.take(worker.link().unpublished()), 1U);
  worker.link().pop_front();
  worker.publish();
  EXPECT_FALSE(worker.link().next().has_value());
  EXPECT_TRUE(worker.link().silent());
  EXPECT_FALSE(worker.link().unsound());
}

TEST(Link, a_run_that_has_less_than_was_taken_of_it_is_not_believed) {
  Busy worker(4);
  worker.finish(std::byte{1});
  worker.finish(std::byte{2});
  EXPECT_EQ(worker.take(worker.link().unpublished()), 2U);
  const UpHead head{.count = 1, .where = kHere, .size = 1, .nanos = 1};
  queue::RingProducer up(worker.channel().up_ring());
  std::memcpy(up.reserve(64, 64).data(), &head, sizeof head);
  up.publish(sizeof head + 1, static_cast<std::uint32_t>(Up::kValues));
  up.publish(sizeof head + 1, static_cast<std::uint32_t>(Up::kValues));
  EXPECT_FALSE(worker.link().next().has_value());
  EXPECT_TRUE(worker.link().unsound());
  EXPECT_TRUE(worker.link().silent()) << "nothing that it has is looked at any more";
}

TEST(Link, an_entry_cut_short_keeps_what_was_taken_up_whatever_the_worker_writes) {
  Busy worker(4);
  worker.take_up();
  worker.take_up();
  std::atomic<std::uint32_t>& taken = *worker.entry().taken;
  EXPECT_EQ(worker.link().cut_short(worker.entry()), 2U);
  EXPECT_NE(taken.fetch_add(1) & EntryHead::kNoMore, 0U) << "the worker is told";
  Busy wild(4);
  wild.entry().taken->store(1000);
  EXPECT_EQ(wild.link().cut_short(wild.entry()), 4U);
  Busy behind(4);
  behind.finish(std::byte{1});
  EXPECT_EQ(behind.take(behind.link().unpublished()), 1U);
  EXPECT_EQ(behind.link().cut_short(behind.entry()), 1U) << "no less than has an outcome";
}

TEST(Link, a_worker_hands_back_the_rest_of_a_prompt_entry_that_has_an_outcome) {
  const auto hand_back = [](Busy& worker, std::uint32_t count) {
    queue::RingProducer up(worker.channel().up_ring());
    const UpHead head{.count = count, .where = kHere, .size = 0, .nanos = 1};
    std::memcpy(up.reserve(64, 64).data(), &head, sizeof head);
    up.publish(sizeof head, static_cast<std::uint32_t>(Up::kHandedBack));
    return worker.link().next();
  };
  Busy worker(4);
  worker.entry().done = 1;
  const auto arrival = hand_back(worker, 3);
  ASSERT_TRUE(arrival);
  EXPECT_EQ(arrival->kind, Up::kHandedBack);
  Busy barren(4);
  EXPECT_FALSE(hand_back(barren, 4)) << "it could do so for ever";
  Busy wrong(4);
  wrong.entry().done = 1;
  EXPECT_FALSE(hand_back(wrong, 2)) << "that is not the rest";
  Busy slow(4);
  slow.entry().taken->store(1 | EntryHead::kNoMore);
  EXPECT_EQ(slow.link().cut_short(slow.entry()), 4U) << "it hands back itself";
}

TEST(Link, an_entry_lingers_that_is_at_the_front_at_two_looks) {
  Busy worker(4);
  EXPECT_EQ(worker.link().lingering(0), nullptr) << "not yet";
  EXPECT_NE(worker.link().hurry_at, os::kForever);
  const Nanos first = worker.link().hurry_at;
  EXPECT_EQ(worker.link().lingering(first), nullptr);
  EXPECT_EQ(worker.link().lingering(first), nullptr) << "the second look comes later";
  EXPECT_EQ(worker.link().lingering(worker.link().hurry_at), &worker.entry());
  worker.link().cut_short(worker.entry());
  EXPECT_EQ(worker.link().lingering(worker.link().hurry_at), nullptr) << "once";
  EXPECT_EQ(worker.link().hurry_at, os::kForever);
}

// What it was given lies in a ring, where something else comes to lie once the worker is done with it; whatever that
// is, it does not say that the first is still to be had.
TEST(Link, takes_nothing_back_that_the_worker_has_passed_and_not_answered_yet) {
  Link link(0, 0, 0);
  const os::Mapping memory = workers_view(link);
  queue::RingConsumer worker(static_cast<Channel*>(memory.data())->down_ring());
  const std::vector<std::byte> zeros(kInlineBytes);
  const auto pass = [&](std::uint32_t claim) {
    Entry entry;
    entry.range = {0, 1, 0};
    ASSERT_TRUE(link.has_room());
    link.send(std::move(entry), 0, zeros);
    const auto record = worker.next();
    ASSERT_TRUE(record);
    reinterpret_cast<EntryHead*>(record->bytes.data())->claim = claim;
    worker.release();
  };
  pass(kClaimed);
  Entry& first = *link.front();
  EXPECT_FALSE(link.revoke(first));
  for (std::size_t passed = 0; passed < 2 * std::size_t{kDownBytes}; passed += kInlineBytes) {
    pass(kFree);
    ASSERT_FALSE(link.revoke(first)) << passed;
  }
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
