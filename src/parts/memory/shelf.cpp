#include "parts/memory/shelf.hpp"

#include <algorithm>
#include <bit>
#include <system_error>
#include <utility>

namespace muster::memory {

using detail::LockGuard;

namespace {

// What an idle pool holds at most.
constexpr std::size_t kMostKept = std::size_t{256} << 20U;
// Each has a descriptor, of which a program may have 1024.
constexpr std::size_t kMostAlive = 64;
// A larger one than this many times what is wanted is left for others.
constexpr std::size_t kTooLarge = 4;

// A little more than asked for, so that the next one of about that size fits. Pages that are not touched cost nothing.
std::size_t rounded(std::size_t bytes) {
  const std::size_t step = std::max<std::size_t>(std::bit_floor(bytes) / 8, os::page_size());
  return bytes > SIZE_MAX - step ? bytes : (bytes + step - 1) / step * step;
}

os::Mapping map(std::size_t bytes, Use use) {
  if (use == Use::kResults) return os::map_view(os::shared_file(bytes, "muster-results"), bytes);
  return os::map_shared(os::shared_file(bytes, "muster-inputs"), bytes, true);
}

}  // namespace

Segment::Segment(std::size_t bytes, Use use, std::uint64_t number) : Segment(map(bytes, use), use, number) {}

Segment::Segment(os::Mapping memory, Use use, std::uint64_t number)
    : use_(use), number_(number), pages_(std::move(memory), use == Use::kShared) {
  data = pages_.data();
  size = pages_.size();
}

std::shared_ptr<Segment> Segment::shared(os::Mapping memory) {
  constexpr std::uint64_t kOfNoShelf = std::uint64_t{1} << 62U;
  static constinit std::atomic<std::uint64_t> numbers{kOfNoShelf};
  auto segment =
      std::make_shared<Segment>(std::move(memory), Use::kShared, numbers.fetch_add(1, std::memory_order_relaxed) + 1);
  segment->self_ = segment;
  return segment;
}

void Segment::clean() noexcept {
  if (use_ == Use::kResults) pages_.forget_changes();
}

std::shared_ptr<Segment> Shelf::take(std::size_t bytes, Use use) {
  std::unique_ptr<Segment> segment = find(bytes, use);
  if (!segment) segment = make(bytes, use);
  if (!segment) return nullptr;
  const LockGuard guard(lock_);
  const auto back = [home = shared_from_this(), age = age_, copies = os::copies_made()](Segment* used) noexcept {
    home->give_back(std::unique_ptr<Segment>(used), age, copies);
  };
  return {segment.release(), back};
}

// The smallest that will do.
std::unique_ptr<Segment> Shelf::find(std::size_t bytes, Use use) {
  const std::size_t most = kTooLarge * rounded(std::min(bytes, SIZE_MAX / kTooLarge / 2));
  const LockGuard guard(lock_);
  auto best = kept_.end();
  for (auto at = kept_.begin(); at != kept_.end(); ++at) {
    const std::size_t size = (*at)->size;
    if ((*at)->use() != use || size < bytes || size > most) continue;
    if (best == kept_.end() || size < (*best)->size) best = at;
  }
  if (best == kept_.end()) return nullptr;
  std::unique_ptr<Segment> found = std::move(*best);
  kept_.erase(best);
  kept_bytes_ -= found->size;
  return found;
}

std::unique_ptr<Segment> Shelf::make(std::size_t bytes, Use use) {
  std::uint64_t number = 0;
  {
    const LockGuard guard(lock_);
    if (alive_.size() >= kMostAlive) return nullptr;
    number = ++numbers_;
    alive_.insert(number);
    kept_.reserve(kMostAlive);  // so that nothing can fail when one comes back
  }
  try {
    return std::make_unique<Segment>(rounded(bytes), use, number);
  } catch (const std::system_error&) {
    forget(number);
    return nullptr;
  } catch (...) {
    forget(number);
    throw;
  }
}

void Shelf::forget(std::uint64_t number) noexcept {
  const LockGuard guard(lock_);
  alive_.erase(number);
  gone_.fetch_add(1, std::memory_order_release);
}

void Shelf::give_back(std::unique_ptr<Segment> segment, std::uint64_t age, std::uint64_t copies) noexcept {
  if (os::generation() != generation_) return;
  segment->clean();
  const LockGuard guard(lock_);
  const bool usable = age == age_ && copies == os::copies_made() && segment->size <= kMostKept;
  kept_bytes_ += segment->size;
  kept_.insert(usable ? kept_.end() : kept_.begin(), std::move(segment));
  for (bool drop = !usable; drop || kept_bytes_ > kMostKept; drop = false) discard_first();
}

// The one that has not been used for longest.
void Shelf::discard_first() noexcept {
  kept_bytes_ -= kept_.front()->size;
  alive_.erase(kept_.front()->number());
  kept_.erase(kept_.begin());
  gone_.fetch_add(1, std::memory_order_release);
}

void Shelf::renew() noexcept {
  const LockGuard guard(lock_);
  ++age_;
}

bool Shelf::has(std::uint64_t number) const {
  const LockGuard guard(lock_);
  return alive_.contains(number);
}

}  // namespace muster::memory
