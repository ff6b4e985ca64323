#include "engine/process/arena.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

#include "engine/process/channel.hpp"

namespace muster::engine::process {

std::byte* Arena::data() const noexcept { return static_cast<std::byte*>(whole_.data()) + Channel::kBytes; }

std::optional<std::uint64_t> Arena::place() const noexcept {
  if (own_) return std::nullopt;
  return begin_;
}

void Arena::published(std::size_t size) noexcept {
  if (own_) {
    own_unread_ = up_.position();
    return drop();
  }
  constexpr std::size_t kAlign = 64;
  unread_[(first_ + count_) % unread_.size()] = {begin_, up_.position()};
  ++count_;
  next_ = (begin_ + size + kAlign - 1) / kAlign * kAlign;
}

std::span<std::byte> Arena::write(std::size_t least, std::span<const std::byte> written) {
  return !own_ && least <= bytes_ && open() ? write_here(least, written) : write_elsewhere(least, written);
}

// Where there is no room for so many addresses, there may be for one value's.
bool Arena::open() noexcept {
  try {
    if (whole_.data() == nullptr) whole_ = channel_.whole(Channel::kBytes + bytes_, true);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

// ---- in the arena ---------------------------------------------------------------------------------------------------

std::span<std::byte> Arena::write_here(std::size_t least, std::span<const std::byte> written) {
  room_.wait_until([&] { return find(least, holds(written)); });
  const std::size_t room = std::min(limit_ - begin_, std::max(least, 2 * written.size()));
  if (begin_ + room > taken_) {
    whole_.take_pages(Channel::kBytes + taken_, begin_ + room - taken_);
    taken_ = begin_ + room;
  }
  std::byte* const to = data() + begin_;
  if (!written.empty() && written.data() != to) std::memmove(to, written.data(), written.size());
  return {to, room};
}

bool Arena::holds(std::span<const std::byte> written) const noexcept {
  return !written.empty() && written.data() >= data() && written.data() < data() + bytes_;
}

// Positions of records wrap: one that was passed long ago may look as if it were still to come, until all are read.
void Arena::forget_read() noexcept {
  while (count_ > 0 && up_.is_released(unread_[first_].position)) {
    first_ = (first_ + 1) % unread_.size();
    --count_;
  }
}

// Chooses where the value goes: where it has begun, or as far in front as there is room, so that few pages are used.
bool Arena::find(std::size_t least, bool begun) noexcept {
  forget_read();
  if (count_ == unread_.size()) return false;
  const auto goes = [&](std::size_t begin) {
    const std::size_t limit = free_up_to(begin);
    if (limit < begin || limit - begin < least) return false;
    begin_ = begin;
    limit_ = limit;
    return true;
  };
  return (begun && goes(begin_)) || goes(0) || (count_ > 0 && goes(next_));
}

// What is not read lies in [oldest, next_), or around the end: from the oldest on, and below next_.
std::size_t Arena::free_up_to(std::size_t begin) const noexcept {
  if (count_ == 0) return bytes_;
  const std::size_t oldest = unread_[first_].begin;
  if (next_ <= oldest) return begin >= next_ ? oldest : 0;
  if (begin < oldest) return oldest;
  return begin >= next_ ? bytes_ : 0;
}

// ---- in memory of its own -------------------------------------------------------------------------------------------

std::span<std::byte> Arena::write_elsewhere(std::size_t least, std::span<const std::byte> written) {
  const std::size_t roomy = std::max(least, 2 * written.size());
  if (own_ && least <= own_->size()) {
    const std::size_t room = std::min(own_->size(), roomy);
    own_->take(0, room);
    if (!written.empty()) std::memmove(own_->data(), written.data(), written.size());
    return {own_->data(), room};
  }
  room_.wait_until([this] { return !own_unread_ || up_.is_released(*own_unread_); });
  memory::Pages larger(os::map_shared(os::shared_file(roomy, "muster-result"), roomy, true));
  larger.take(0, least);
  if (!written.empty()) std::memcpy(larger.data(), written.data(), written.size());
  own_ = std::move(larger);
  return {own_->data(), least};
}

}  // namespace muster::engine::process
