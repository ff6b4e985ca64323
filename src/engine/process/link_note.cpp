// What a worker is at, as its channel tells: its note, its clock, and what came of them. Any of it may be wrong.

#include <algorithm>

#include "engine/process/link.hpp"

namespace muster::engine::process {

// Of an entry that was not revoked. Where something else lies by now, the worker is done with it.
bool Link::is_claimed(const Entry& entry) const noexcept {
  return entry.given || !down_.keeps(entry.position) || entry.claim->load(std::memory_order_acquire) == kClaimed;
}

bool Link::has_begun(const Entry& entry) noexcept {
  const std::uint64_t seen = note();
  return is_claimed(entry) && seen != Note::kNone && (seen & ~Note::kNone) == Note::of(entry.sequence, entry.done);
}

// Not longer than there has been a worker, whatever it wrote.
Nanos Link::ran(Nanos now) noexcept {
  const Nanos told = channel().worked.load(std::memory_order_relaxed);
  return std::clamp<Nanos>(told < 0 ? now + told : told, 0, std::max<Nanos>(now - made_at_, 0));
}

Nanos Link::worked(Nanos now) noexcept { return ready ? std::max<Nanos>(ran(now) - initializing_, 0) : 0; }

void Link::initialized() noexcept {
  initializing_ = ran(os::now());
  ready = true;
}

bool Link::was_condemned(const Entry& entry) noexcept {
  return note() == (Note::of(entry.sequence, entry.done) | Note::kCondemned);
}

// A begun item can only be the front entry's. Its note names the item, so that the time is read for the same.
Link::Judgement Link::judge(Nanos now) noexcept {
  look_at = os::kForever;
  if (leaves_) return Judgement::kCondemned;
  for (const Entry& entry : entries_) {
    if (entry.limit > 0 && !entry.revoked) look_at = std::min(look_at, now + entry.limit);
  }
  if (front() == nullptr || front()->limit == 0) return Judgement::kInTime;
  const Entry& entry = *front();
  std::uint64_t seen = note();
  const bool is_this = (seen >> 32U) == entry.sequence;  // no flags: begun, and not ended
  if (!is_this) return Judgement::kInTime;
  // A time to come is none that a worker writes, and the sum might have no end.
  const Nanos due = std::min(channel().begun_at.load(std::memory_order_acquire), now) + entry.limit;
  if (due > now) {
    look_at = due;
    return Judgement::kInTime;
  }
  const bool condemned =
      channel().note.compare_exchange_strong(seen, seen | Note::kCondemned, std::memory_order_acq_rel);
  return condemned ? Judgement::kCondemned : Judgement::kInTime;
}

}  // namespace muster::engine::process
