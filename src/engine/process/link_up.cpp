// What comes up from a worker: its records, and the values that they speak of, read and checked.

#include <cstring>
#include <exception>
#include <new>
#include <utility>

#include "engine/process/link.hpp"

namespace muster::engine::process {

std::optional<Arrival> Link::next() {
  while (!unsound()) {
    const auto record = up_.next();
    if (!record) return std::nullopt;
    ++runs_;
    auto arrival = read(*record, std::exchange(early_, {}));
    if (!arrival) unsound_ = true;
    if (!arrival || arrival->count > 0) return arrival;
  }
  return std::nullopt;
}

// Nothing where the record is none that a worker writes. Each number is read once and then checked: the worker may
// still be writing.
std::optional<Arrival> Link::read(const queue::RingConsumer::Record& record, const Early& early) {
  const Entry* const entry = front();
  if (record.bytes.size() < sizeof(UpHead)) return std::nullopt;
  UpHead head;
  std::memcpy(&head, record.bytes.data(), sizeof head);
  const auto kind = static_cast<Up>(record.kind);
  if (early.count > 0) return rest(head, kind, record.bytes.subspan(sizeof head), early);
  if (entry == nullptr) return std::nullopt;
  if (kind == Up::kHandedBack) {
    // Not without an outcome before, or it could go on so for ever.
    if (!entry->prompt || entry->done == 0 || head.count != entry->left()) return std::nullopt;
    return Arrival{.kind = kind, .count = head.count, .bytes = {}, .nanos = 0};
  }
  const bool landed = kind == Up::kLanded && entry->in_place;
  if (!landed && kind != Up::kValues && kind != Up::kException && kind != Up::kOverMemory) return std::nullopt;
  if (head.count == 0 || head.count > entry->left()) return std::nullopt;
  if (head.count > 1 && ((!landed && kind != Up::kValues) || head.where != kHere)) return std::nullopt;
  Arrival arrival{.kind = kind, .count = head.count, .bytes = {}, .nanos = head.nanos};
  if (landed || kind == Up::kOverMemory) return arrival;
  const Fetched fetched = fetch(head, record.bytes.subspan(sizeof head), arrival.bytes);
  if (fetched == Fetched::kNonsense) return std::nullopt;
  if (fetched == Fetched::kNoMemory) arrival.kind = Up::kOverMemory;
  return arrival;
}

// Of a run of which `early` was taken before. Nothing need be left of it, nor of its entry then.
std::optional<Arrival> Link::rest(const UpHead& head, Up kind, std::span<const std::byte> bytes, const Early& early) {
  if (kind != Up::kValues || head.where != kHere || head.count < early.count) return std::nullopt;
  if (head.size < early.bytes || head.size > bytes.size()) return std::nullopt;
  const std::size_t count = head.count - early.count;
  if (count > 0 && (front() == nullptr || count > front()->left())) return std::nullopt;
  return Arrival{.kind = kind,
                 .count = count,
                 .bytes = bytes.subspan(early.bytes, head.size - early.bytes),
                 .nanos = count > 0 ? head.nanos : 0};
}

Link::Fetched Link::fetch(const UpHead& head, std::span<const std::byte> behind, std::span<const std::byte>& bytes) {
  switch (head.where) {
    case kHere:
      if (head.size > behind.size()) return Fetched::kNonsense;
      bytes = behind.first(head.size);
      return Fetched::kThere;
    case kOwnMemory:
      return fetch_memory(head.size, bytes);
    case kArena:
      return fetch_arena(head, bytes);
    default:
      return Fetched::kNonsense;
  }
}

// The worker sent it before it published the record, so it is there. A file may say that it is of any size: it must be
// there, and there must be room for what is made of it.
Link::Fetched Link::fetch_memory(std::size_t size, std::span<const std::byte>& bytes) {
  os::Message message = os::receive_message(connection_);
  if (message.state != os::Message::State::kMessage) return Fetched::kNonsense;
  if (message.cut) return Fetched::kNoMemory;  // this process has no descriptor left
  if (message.descriptors.size() != 1) return Fetched::kNonsense;
  try {
    if (!os::has_pages(message.descriptors.front(), size)) return Fetched::kNonsense;
    if (!os::machine_has(size)) return Fetched::kNoMemory;
    arrived_ = os::map_shared(std::move(message.descriptors.front()), size, false);
  } catch (const std::bad_alloc&) {
    return Fetched::kNoMemory;
  } catch (const std::exception&) {
    return Fetched::kNonsense;
  }
  bytes = {static_cast<const std::byte*>(arrived_.data()), size};
  return Fetched::kThere;
}

// Whether its pages are there is asked each time: the worker may give them back at any moment.
Link::Fetched Link::fetch_arena(const UpHead& head, std::span<const std::byte>& bytes) {
  if (head.size > arena_bytes_ || head.at > arena_bytes_ - head.size) return Fetched::kNonsense;
  try {
    if (arena_.data() == nullptr) arena_ = memory_.whole(Channel::kBytes + arena_bytes_, false);
  } catch (const std::exception&) {
    return Fetched::kNoMemory;
  }
  if (!arena_.can_read(Channel::kBytes + head.at, head.size)) return Fetched::kNoMemory;
  bytes = {static_cast<const std::byte*>(arena_.data()) + Channel::kBytes + head.at, head.size};
  return Fetched::kThere;
}

void Link::release() noexcept {
  up_.release();
  channel().room.wake();
  arrived_ = {};
}

std::optional<Arrival> Link::unpublished() {
  const Entry* const entry = front();
  if (unsound() || entry == nullptr) return std::nullopt;
  if (entry->in_place) return landed(*entry);
  const std::uint64_t progress = channel().progress.load(std::memory_order_acquire);
  const std::uint64_t count = Progress::count(progress);
  const std::uint64_t size = Progress::bytes(progress);
  // A run that began behind the end of the ring: the rest before it is passed over first.
  if (!up_.empty()) return std::nullopt;
  if (Progress::run(progress) != runs_ || count <= early_.count || size < early_.bytes) return std::nullopt;
  if (count - early_.count > entry->left()) return std::nullopt;
  const auto memory = up_.unpublished(sizeof(UpHead) + size);
  if (!memory) return std::nullopt;
  const Early before = std::exchange(early_, {count, size});
  return Arrival{.kind = Up::kValues,
                 .count = count - before.count,
                 .bytes = memory->subspan(sizeof(UpHead) + before.bytes, size - before.bytes),
                 .nanos = 0};
}

// Of an entry whose values are in place: all items below the one that has begun are there.
std::optional<Arrival> Link::landed(const Entry& entry) noexcept {
  const std::uint64_t seen = note();
  const std::uint64_t item = seen & UINT32_MAX;
  if (!is_claimed(entry) || seen == Note::kNone) return std::nullopt;
  if ((seen & ~Note::kNone) >> 32U != entry.sequence || item <= entry.done || item > entry.range.size()) {
    return std::nullopt;
  }
  return Arrival{.kind = Up::kLanded, .count = item - entry.done, .bytes = {}, .nanos = 0};
}

}  // namespace muster::engine::process
