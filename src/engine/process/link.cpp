#include "engine/process/link.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <tuple>
#include <utility>

#include "parts/wire/code.hpp"

namespace muster::engine::process {
namespace {

os::Mapping make_channel(std::uint32_t entries, int spinners, std::size_t arena) {
  os::Mapping memory = os::Mapping::sparse(Channel::kBytes, "muster-channel", arena);
  memory.reserve_pages(0, Channel::kDownAt + Channel::kFirstBytes);
  memory.reserve_pages(Channel::kUpAt, Channel::kFirstBytes);
  auto* const channel = ::new (memory.data()) Channel;
  if (entries > 0) channel->entries = entries;
  channel->spinners = spinners;
  channel->arena = arena;
  return memory;
}

// A prompt entry that is at the front at two looks so far apart is lingering. Long against what a chunk should take,
// and against the turns of those who share a CPU.
constexpr Nanos kLong = 2'000'000;

template <class Head>
std::span<const std::byte> bytes_of(const Head& head) {
  return std::as_bytes(std::span(&head, 1));
}

}  // namespace

Link::Link(std::uint32_t entries, int spinners, std::size_t arena, std::size_t* load_of_all)
    : memory_(make_channel(entries, spinners, arena)),
      arena_bytes_(arena),
      down_(channel().down_ring(), pages_of(Channel::kDownAt, &os::Mapping::can_write)),
      up_(channel().up_ring(), pages_of(Channel::kUpAt, &os::Mapping::can_read)),
      load_of_all_(load_of_all),
      quota_(entries > 0 ? entries : UINT64_MAX / 2) {
  std::tie(connection_, workers_end_) = os::message_pair();
}

// Of the ring that begins there in our memory.
queue::RingPages Link::pages_of(std::size_t ring, bool (os::Mapping::*take)(std::size_t, std::size_t) noexcept) {
  return {Channel::kFirstBytes, [this, ring, take](std::uint32_t begin, std::uint32_t end) {
            return (memory_.*take)(ring + begin, end - begin);
          }};
}

std::vector<int> Link::descriptors(const os::Bell& bell) const {
  return {memory_.descriptor(), workers_end_.number(), bell.descriptor().number()};
}

void Link::born(os::Process process) {
  process_ = std::move(process);
  workers_end_.reset();
}

void Link::discharge() noexcept {
  if (std::exchange(discharged_, true)) return;
  channel().stay.store(kIsToLeave, std::memory_order_seq_cst);  // before a look at whether it sleeps
  channel().work.wake();
}

bool Link::keep() noexcept {
  if (!discharged_) return true;
  std::uint32_t asked = kIsToLeave;
  leaves_ = leaves_ || !channel().stay.compare_exchange_strong(asked, kStays, std::memory_order_acq_rel);
  if (leaves_) {
    look_at = os::now() + kFarewell;
    return false;
  }
  discharged_ = false;
  return true;
}

// ---- down -----------------------------------------------------------------------------------------------------------

// Large bytes are in memory that the worker knows, or go ahead through the connection, and the record says that they
// do. Nothing: the connection is full.
std::optional<Place> Link::place(std::span<const std::byte> bytes, const memory::Segment* where) {
  if (where != nullptr) return Place{.size = bytes.size(), .where = where->number() + Place::kKnown};
  if (bytes.size() <= kInlineBytes) return Place{.size = bytes.size(), .where = Place::kInline};
  const os::Mapping memory = os::Mapping::memfd(bytes.size(), "muster-input");
  std::memcpy(memory.data(), bytes.data(), bytes.size());
  const std::uint64_t size = bytes.size();
  if (!hand_over(bytes_of(size), memory.descriptor())) return std::nullopt;
  return Place{.size = size, .where = Place::kOwnMemory};
}

// Never waits: the worker may be at one item for hours, or stopped. One that is gone takes no notice; its end is on its
// way.
bool Link::hand_over(std::span<const std::byte> bytes, int descriptor) noexcept {
  if (os::offer_message(connection_, bytes, {&descriptor, 1}) != os::Offer::kFull) {
    congested_ = false;
    patience_ = 0;
    return true;
  }
  constexpr Nanos kLeast = 1'000'000;
  constexpr Nanos kMost = 100'000'000;
  congested_ = true;
  congested_at_ = down_.released();
  patience_ = std::clamp(2 * patience_, kLeast, kMost);
  try_again_at_ = os::now() + patience_;
  return false;
}

// A worker that takes records has taken what came ahead of them. But the system may be short of room for descriptors in
// all connections together, whose return nobody tells: so it is tried again in any case, more and more seldom.
bool Link::congested() noexcept { return congested_ && down_.released() == congested_at_ && os::now() < try_again_at_; }

void Link::put(Down kind, std::span<const std::byte> head, std::span<const std::byte> bytes) {
  const auto room = down_.reserve(head.size() + bytes.size(), head.size() + bytes.size());
  if (!head.empty()) std::memcpy(room.data(), head.data(), head.size());
  if (!bytes.empty()) std::memcpy(room.data() + head.size(), bytes.data(), bytes.size());
  down_.publish(head.size() + bytes.size(), static_cast<std::uint32_t>(kind));
  unflushed_ = true;
}

bool Link::send_codes() {
  for (const std::uint32_t known = wire::codes(); codes_ < known; ++codes_) {
    if (!has_room()) return false;
    const CodeHead head{.place = wire::code_place(codes_), .id = codes_};
    put(Down::kCode, bytes_of(head), {});
  }
  return has_room();
}

bool Link::send_memory(const memory::Segment& memory) {
  if (knows(memory.number())) return true;
  if (!has_room()) return false;
  // Noted first: once something has left, nothing may fail.
  const bool of_all = memory.use() == memory::Use::kShared;
  if (of_all) {
    shared_.push_back({memory.number(), memory.self()});
  } else {
    memories_.push_back(memory.number());
  }
  const MemoryHead head{.number = memory.number(), .size = memory.size, .use = memory.use()};
  if (!hand_over(bytes_of(head), memory.descriptor())) {
    of_all ? shared_.pop_back() : memories_.pop_back();
    return false;
  }
  put(Down::kMemory, bytes_of(head), {});
  return has_room();
}

bool Link::knows(std::uint64_t number) const noexcept {
  return std::find(memories_.begin(), memories_.end(), number) != memories_.end() ||
         std::any_of(shared_.begin(), shared_.end(),
                     [number](const Shared& shared) { return shared.number == number; });
}

void Link::forget_gone(const memory::Shelf& shelf) {
  const auto forget = [this](std::uint64_t number) {
    if (!has_room()) return false;
    put(Down::kForget, bytes_of(ForgetHead{.number = number}), {});
    return true;
  };
  std::erase_if(shared_, [&](const Shared& shared) { return shared.memory.expired() && forget(shared.number); });
  if (gone_ == shelf.gone()) return;
  gone_ = shelf.gone();
  std::erase_if(memories_, [&](std::uint64_t number) { return !shelf.has(number) && forget(number); });
}

bool Link::send_common(std::uint64_t name, std::uint64_t landing, std::span<const std::byte> bytes) {
  const auto where = place(bytes, nullptr);
  if (!where) return false;
  const CommonHead head{.place = *where, .landing = landing};
  put(Down::kCommon, bytes_of(head), head.place.where != Place::kInline ? std::span<const std::byte>() : bytes);
  common_ = name;
  return has_room();
}

bool Link::send(Entry&& next, std::uint32_t code, std::span<const std::byte> bytes) {
  entries_.push_back(std::move(next));  // first: once something has left, nothing may fail
  Entry& entry = entries_.back();
  std::optional<Place> where;
  try {
    where = place(bytes, entry.input.get());
  } catch (...) {
    entries_.pop_back();
    throw;
  }
  if (!where) {
    entries_.pop_back();
    return false;
  }
  entry.sequence = sequence_;
  sequence_ = (sequence_ + 1) % kSequences;
  entry.position = down_.position();
  const std::size_t inline_bytes = put_entry(entry, code, *where, bytes);
  entry.large = inline_bytes > 0 || bytes.empty() ? 0 : bytes.size();
  large_ += entry.large;
  unflushed_ = true;
  --quota_;
  if (entry.limit > 0) look_at = std::min(look_at, os::now() + entry.limit);
  one_more();
  static_cast<void>(is_watched());
  return true;
}

// The record. Returns how many of the bytes are in it.
std::size_t Link::put_entry(Entry& entry, std::uint32_t code, const Place& place, std::span<const std::byte> bytes) {
  if (place.where != Place::kInline) bytes = {};
  const bool more = entry.limit > 0 || place.where != Place::kInline;
  const std::size_t size = sizeof(EntryHead) + (more ? sizeof(EntryMore) : 0) + bytes.size();
  std::byte* to = down_.reserve(size, size).data();
  const auto flags = (entry.stop_at_failure ? EntryHead::kStopAtFailure : 0) | (more ? EntryHead::kMore : 0);
  auto* const head = ::new (static_cast<void*>(to)) EntryHead{.code = code,
                                                              .sequence = entry.sequence,
                                                              .begin = entry.range.begin,
                                                              .count = static_cast<std::uint32_t>(entry.range.size()),
                                                              .claim = entry.given ? kGiven : kFree,
                                                              .taken = entry.prompt ? 0 : EntryHead::kNotCounted,
                                                              .flags = static_cast<std::uint16_t>(flags),
                                                              .size = static_cast<std::uint16_t>(bytes.size())};
  to += sizeof(EntryHead);
  if (more) {
    const EntryMore rest{.limit = entry.limit, .place = place};
    std::memcpy(to, &rest, sizeof rest);
    to += sizeof rest;
  }
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  entry.claim = &head->claim;
  if (entry.prompt) entry.taken = &head->taken;
  down_.publish(size, static_cast<std::uint32_t>(Down::kEntry));
  return bytes.size();
}

void Link::flush() noexcept {
  if (std::exchange(unflushed_, false)) woken_ = channel().work.wake();
}

bool Link::revoke(Entry& entry) noexcept {
  if (entry.revoked || !down_.keeps(entry.position)) return false;
  std::uint32_t free = kFree;
  if (!entry.claim->compare_exchange_strong(free, kRevoked, std::memory_order_acq_rel)) return false;
  entry.revoked = true;
  one_less();
  ++quota_;
  // The worker passes it by without a look at its bytes. What waits for it in the connection stays there until then.
  if (entry.input) {
    large_ -= std::exchange(entry.large, 0);
    entry.input.reset();
  }
  return true;
}

// Nothing was sent since the worker may have done with the entry, so its head is still there. What the worker wrote
// there may be anything.
std::size_t Link::cut_short(Entry& entry) noexcept {
  const std::uint32_t taken = entry.taken->fetch_or(EntryHead::kNoMore, std::memory_order_acq_rel);
  entry.taken = nullptr;
  if ((taken & EntryHead::kNoMore) != 0) return entry.range.size();  // the worker hands back what it has not begun
  return std::clamp<std::size_t>(taken & ~EntryHead::kNoMore, entry.done, entry.range.size());
}

bool Link::is_watched() noexcept {
  if (hurry_at != os::kForever) return true;
  const Entry* const entry = front();
  if (entry == nullptr || entry->taken == nullptr) return false;
  hurry_at = os::now() + kLong;
  return true;
}

Entry* Link::lingering(Nanos now) noexcept {
  if (now < hurry_at) return nullptr;
  Entry* const entry = front();
  const bool prompt = entry != nullptr && entry->taken != nullptr;
  hurry_at = prompt ? now + kLong : os::kForever;
  const bool claimed = prompt && is_claimed(*entry);
  const std::uint32_t before = std::exchange(watched_, claimed ? entry->sequence : kSequences);
  return claimed && before == entry->sequence ? entry : nullptr;
}

Entry* Link::front() noexcept {
  while (!entries_.empty() && entries_.front().revoked) drop_first();
  return entries_.empty() ? nullptr : &entries_.front();
}

void Link::pop_front() noexcept {
  drop_first();
  one_less();
}

void Link::one_more() noexcept {
  ++load_;
  if (load_of_all_ != nullptr) ++*load_of_all_;
}

void Link::one_less() noexcept {
  --load_;
  if (load_of_all_ != nullptr) --*load_of_all_;
}

void Link::drop_first() noexcept {
  large_ -= entries_.front().large;
  entries_.pop_front();
}

}  // namespace muster::engine::process
