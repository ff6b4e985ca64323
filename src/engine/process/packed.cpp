#include "engine/process/packed.hpp"

#include <algorithm>
#include <cstring>
#include <new>

namespace muster::engine::process {

void Packed::clear() noexcept {
  attached_.clear();
  if (segment_ || static_cast<std::size_t>(end_ - begin_) > kInlineBytes) {
    heap_.reset();
    segment_.reset();
    begin_ = end_ = nullptr;
  }
  at_ = begin_;
}

// Where no shared memory is to be had, ordinary memory does; the link copies it then.
void Packed::more(std::size_t wanted) {
  const std::size_t used = size();
  if (wanted > SIZE_MAX / 4 - used) throw std::bad_alloc();
  const std::size_t least = used + wanted;
  if (segment_ && least <= segment_->size) {
    const std::size_t room = std::min(segment_->size, std::max(least, 2 * used));
    segment_->take_pages(0, room);
    end_ = begin_ + room;
    return;
  }
  if (least <= kInlineBytes) return grow_in_heap(kInlineBytes);
  const std::size_t roomy = used == 0 ? least : std::max(least, 2 * used);
  std::shared_ptr<memory::Segment> larger = shelf_->take(roomy, memory::Use::kInputs);
  if (!larger) return grow_in_heap(roomy);
  larger->take_pages(0, least);
  move_to(static_cast<std::byte*>(larger->data), least);
  segment_ = std::move(larger);
  heap_.reset();
}

void Packed::grow_in_heap(std::size_t room) {
  auto memory = std::make_unique_for_overwrite<std::byte[]>(room);
  move_to(memory.get(), room);
  heap_ = std::move(memory);
  segment_.reset();
}

void Packed::move_to(std::byte* memory, std::size_t room) noexcept {
  const std::size_t used = size();
  if (used > 0) std::memcpy(memory, begin_, used);
  begin_ = memory;
  at_ = memory + used;
  end_ = memory + room;
}

}  // namespace muster::engine::process
