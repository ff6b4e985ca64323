#pragma once
// What an entry's items are packed into: ordinary memory while they are few, memory that workers see where they are
// large, so that nothing is copied twice.

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include <muster/detail/bytes.hpp>

#include "engine/process/attached.hpp"
#include "engine/process/channel.hpp"
#include "parts/memory/shelf.hpp"

namespace muster::engine::process {

class Packed final : public detail::Writer {
 public:
  explicit Packed(std::shared_ptr<memory::Shelf> shelf) : shelf_(std::move(shelf)) {}

  std::span<const std::byte> bytes() const noexcept { return {begin_, size()}; }
  // Where they lie, if that is not ordinary memory.
  const std::shared_ptr<memory::Segment>& segment() const noexcept { return segment_; }
  // What goes along.
  const Attached& attached() const noexcept { return attached_; }
  void attach(std::shared_ptr<detail::Landing> memory) override { process::attach(attached_, std::move(memory)); }
  // Forgets what was written.
  void clear() noexcept;

 private:
  void more(std::size_t wanted) override;
  void move_to(std::byte* memory, std::size_t room) noexcept;
  void grow_in_heap(std::size_t room);

  std::shared_ptr<memory::Shelf> shelf_;
  std::shared_ptr<memory::Segment> segment_;
  std::unique_ptr<std::byte[]> heap_;
  Attached attached_;
};

}  // namespace muster::engine::process
