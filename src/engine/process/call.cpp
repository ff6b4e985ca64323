#include "engine/process/call.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <utility>

#include <muster/error.hpp>

#include "parts/wire/code.hpp"

namespace muster::engine::process {

using detail::Reader;
using detail::Writer;

Call::Call(os::Mapping& memory, const os::Descriptor& connection, os::Bell bell)
    : channel_(*static_cast<Channel*>(memory.data())),
      connection_(connection),
      bell_(std::move(bell)),
      up_(channel_.up_ring(), {Channel::kFirstBytes,
                               [&memory](std::uint32_t begin, std::uint32_t end) {
                                 return memory.can_write(Channel::kUpAt + begin, end - begin);
                               }}),
      arena_(memory, channel_.arena, up_, channel_.room) {
  note_ = &channel_.note;
  progress_ = &channel_.progress;
  common_ = &made_common_;
  open_run();
}

void Call::set_common(std::span<const std::byte> bytes, std::shared_ptr<memory::Segment> landing,
                      std::exception_ptr why) {
  made_common_.reset();
  landing_ = std::move(landing);
  common_failure_ = std::move(why);
  common_copy_.assign(bytes.begin(), bytes.end());
  common_bytes_ = common_copy_;
}

// ---- one entry ------------------------------------------------------------------------------------------------------

void Call::run(EntryHead& head, os::Nanos limit, std::span<const std::byte> input, std::exception_ptr why) {
  input_ = Reader(input);
  begin_item_ = head.begin;
  end_item_ = head.end();
  stop_at_failure_ = (head.flags & EntryHead::kStopAtFailure) != 0;
  limit_ = limit;
  timed_ = slow_ = limit > 0;
  static_assert(kNoMore == EntryHead::kNoMore);
  taken_ = head.taken.load(std::memory_order_relaxed) != EntryHead::kNotCounted ? &head.taken : nullptr;
  next_note_ = Note::of(head.sequence, 0);
  given_ = head.claim.load(std::memory_order_relaxed) == kGiven;
  begun_at_ = os::now();
  channel_.worked.store(worked_ - begun_at_, std::memory_order_relaxed);
  settled_ = 0;
  ran_ = 0;
  torn_ = false;
  call(head, why ? std::move(why) : common_failure_);
  close_run();
  if (given_) ran_ = nanos();
  worked_ += static_cast<os::Nanos>(ran_);
  channel_.worked.store(worked_, std::memory_order_relaxed);
  // Between entries nothing is begun: a death is nobody's loss then.
  channel_.note.store(Note::kNone, std::memory_order_release);
  open_run();
}

void Call::call(const EntryHead& head, std::exception_ptr why) {
  if (!why) {
    try {
      reinterpret_cast<void (*)(RemoteCall&)>(wire::code_at(head.code))(*this);
    } catch (...) {
      why = std::current_exception();
    }
  }
  torn_ = torn_ || why != nullptr;
  while (why && settled_ + count_ < end_item_ - begin_item_ && item([&why](Writer&) { std::rethrow_exception(why); })) {
  }
  if (to_hand_back()) hand_back();
}

// Unless the pool has told us to take up no more: then it has the rest.
void Call::hand_back() noexcept {
  const std::uint64_t rest = end_item_ - begin_item_ - settled_;
  if (rest == 0 || (taken_->fetch_or(kNoMore, std::memory_order_acq_rel) & kNoMore) != 0) return;
  const UpHead head{.count = static_cast<std::uint32_t>(rest), .size = 0, .nanos = nanos()};
  publish(Up::kHandedBack, head, run_ - sizeof(UpHead));
  settled_ += rest;
  open_run();
}

std::uint64_t Call::nanos() const noexcept { return static_cast<std::uint64_t>(os::now() - begun_at_); }

// First the time, then the note: who reads the item's note reads its time, or that of a later one.
void Call::start_timed() noexcept {
  channel_.begun_at.store(os::now(), std::memory_order_release);
  channel_.note.store(next_note_++, std::memory_order_release);
}

// The item came to its end. If the pool has condemned it before, or its time is over and the pool is about to notice,
// it says no more and is killed.
void Call::end_timed() noexcept {
  std::uint64_t note = next_note_ - 1;
  if (channel_.note.load(std::memory_order_relaxed) == (note | Note::kEnded)) return;
  const bool in_time = os::now() - channel_.begun_at.load(std::memory_order_relaxed) < limit_;
  if (in_time && channel_.note.compare_exchange_strong(note, note | Note::kEnded, std::memory_order_acq_rel)) return;
  static const std::atomic<std::uint32_t> forever{0};
  for (;;) os::futex_wait(forever, 0, os::Scope::kPrivate);
}

void Call::finish_slowly() {
  if (timed_) end_timed();
  if (resume_ != nullptr) return publish_item(Up::kValues, {begin_, size()});
  begin_ = at_;
  ++count_;
  close_run();
  open_run();
}

void Call::fail(void (*write_failure)(Writer&)) noexcept {
  if (timed_) end_timed();
  leave_spill();
  close_run();
  open_run();
  slow_ = true;
  try {
    write_failure(*this);
    publish_item(Up::kException, {begin_, size()});
  } catch (...) {
    leave_spill();
    publish(Up::kOverMemory, {.count = 1, .size = 0, .nanos = nanos()}, run_ - sizeof(UpHead));
    ++settled_;
    open_run();
  }
  slow_ = timed_;
}

// ---- values in place ------------------------------------------------------------------------------------------------

std::byte* Call::land(std::size_t item_size) {
  if (landing_ == nullptr) throw Error("the pool sent no memory for these results");
  landing_->take_pages(begin_item_ * item_size, end_item_ * item_size);
  return static_cast<std::byte*>(landing_->data);
}

void Call::landed(std::size_t items) noexcept {
  const std::size_t count = items - settled_;
  if (count == 0) return;
  const UpHead head{.count = static_cast<std::uint32_t>(count), .size = 0, .nanos = nanos()};
  publish(Up::kLanded, head, run_ - sizeof(UpHead));
  settled_ = items;
  open_run();
}

// ---- the open run ---------------------------------------------------------------------------------------------------

// Room for at least `least` bytes of values. Values lie behind an UpHead.
void Call::open_run(std::size_t least) noexcept {
  constexpr std::size_t kWorthwhile = 1024;
  const auto room = wait_for_room(sizeof(UpHead) + std::max(least, kWorthwhile), sizeof(UpHead) + 2 * kInlineBytes);
  run_ = begin_ = at_ = room.data() + sizeof(UpHead);
  run_end_ = end_ = room.data() + room.size();
  count_ = 0;
  progress_base_ = Progress::of(runs_, 0, 0);
  // Runs are counted by 16 bits: what was said of one that long ago must not stand.
  progress_->store(progress_base_, std::memory_order_release);
}

std::span<std::byte> Call::wait_for_room(std::size_t least, std::size_t most) noexcept {
  std::span<std::byte> room;
  channel_.room.wait_until([&] {
    room = up_.reserve(least, most);
    return !room.empty();
  });
  return room;
}

// Publishes the finished items of the open run, if there are any. What is in it of an unfinished one is lost.
void Call::close_run() noexcept {
  if (count_ == 0) return;
  const UpHead head{.count = static_cast<std::uint32_t>(count_),
                    .size = static_cast<std::uint64_t>(begin_ - run_),
                    .nanos = given_ ? 0 : nanos()};
  publish(Up::kValues, head, run_ - sizeof(UpHead));
  settled_ += std::exchange(count_, 0);
}

// `record` is what was reserved last. Counts the record before the pool can see it, or a death in between would leave
// the same items in it and in `progress`.
void Call::publish(Up kind, const UpHead& head, std::byte* record) noexcept {
  std::memcpy(record, &head, sizeof head);
  ran_ = head.nanos;
  ++runs_;
  up_.publish(sizeof head + (head.where == kHere ? head.size : 0), static_cast<std::uint32_t>(kind));
  tell();
}

// Records, and positions up to which they were read, are published in sequential consistency, and the pool looks at
// them after it said that it sleeps: so it sees what we did, or we see that it sleeps.
void Call::tell() noexcept {
  if (channel_.listener.load(std::memory_order_seq_cst) == kNobody) return;
  const Listener listener = listener_of(channel_.listener.exchange(kNobody, std::memory_order_seq_cst));
  if (listener == kSupervisor) bell_.ring();
  if (listener == kCaller) os::futex_wake(channel_.listener, os::kAll, os::Scope::kShared);
}

// One item's bytes, which may be spilled, as a record of their own; then a fresh run.
void Call::publish_item(Up kind, std::span<const std::byte> bytes) {
  const bool spilled = resume_ != nullptr;
  if (spilled && bytes.data() != spill_.get()) {
    publish_large(kind, bytes.size());
  } else {
    if (spilled) {
      leave_spill();
      close_run();
      open_run(bytes.size());
      std::memcpy(run_, bytes.data(), bytes.size());
    }
    publish(kind, {.count = 1, .size = bytes.size(), .nanos = nanos()}, run_ - sizeof(UpHead));
  }
  ++settled_;
  open_run();
}

// They lie where the pool will read them.
void Call::publish_large(Up kind, std::size_t size) {
  const auto place = arena_.place();
  const int descriptor = place ? -1 : arena_.memory();
  begin_ = std::exchange(resume_, nullptr);
  close_run();
  const auto room = wait_for_room(sizeof(UpHead), sizeof(UpHead));
  const std::uint64_t told = size;
  if (!place && !os::send_message(connection_, std::as_bytes(std::span(&told, 1)), {&descriptor, 1})) {
    os::end_process(1);
  }
  const UpHead head{
      .count = 1, .where = place ? kArena : kOwnMemory, .size = size, .at = place.value_or(0), .nanos = nanos()};
  publish(kind, head, room.data());
  arena_.published(size);
  slow_ = timed_;
}

// ---- spilling -------------------------------------------------------------------------------------------------------

void Call::more(std::size_t wanted) {
  const std::size_t used = size();
  if (wanted > SIZE_MAX / 4 - used) throw std::bad_alloc();
  std::span<std::byte> room;
  if (used + wanted <= kInlineBytes) {
    if (!spill_) spill_ = std::make_unique_for_overwrite<std::byte[]>(kInlineBytes);
    room = {spill_.get(), kInlineBytes};
    if (used > 0) std::memcpy(room.data(), begin_, used);
  } else {
    room = arena_.write(used + wanted, {begin_, used});
  }
  if (resume_ == nullptr) resume_ = begin_;
  begin_ = room.data();
  at_ = begin_ + used;
  end_ = begin_ + room.size();
  slow_ = true;
}

// Back to where the item began in the run; its bytes stay where they are until more is spilled.
void Call::leave_spill() noexcept {
  arena_.drop();
  if (resume_ != nullptr) {
    begin_ = std::exchange(resume_, nullptr);
    slow_ = timed_;
  }
  at_ = begin_;
  end_ = run_end_;
}

}  // namespace muster::engine::process
