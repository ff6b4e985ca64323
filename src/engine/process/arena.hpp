#pragma once
// In a worker: where values lie that are too large for its ring, from when they are written until the pool has read
// them. Memory behind the channel's rings that is used again and again, for fresh pages cost ten times what writing to
// them does; and for what is larger than all of that, memory of its own, once.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "os/os.hpp"
#include "parts/memory/pages.hpp"
#include "parts/queue/ring.hpp"
#include "parts/sync/doze.hpp"

namespace muster::engine::process {

// One value at a time is written; those that were published and not read lie in the order of their records. A value
// that finds them in the way waits, so what is on its way is bounded.
class Arena {
 public:
  // `channel`: its memory, which has `bytes` more behind it. `up`: the ring whose records say where values lie; `room`:
  // by which its consumer wakes us when it has given some back.
  Arena(const os::Mapping& channel, std::size_t bytes, queue::RingProducer& up, sync::Doze& room) noexcept
      : channel_(channel), bytes_(bytes), up_(up), room_(room) {}

  // Room for a value of at least `least` bytes, with what is `written` of it at its front, which may lie in room that
  // was given before. May wait for the pool. Throws std::bad_alloc, std::system_error.
  std::span<std::byte> write(std::size_t least, std::span<const std::byte> written);

  // Of the value that was written last. Where it lies in the arena; nothing: in memory().
  std::optional<std::uint64_t> place() const noexcept;
  int memory() const noexcept { return own_->descriptor(); }
  // Its record was published just now: it is the pool's until that is given back.
  void published(std::size_t size) noexcept;
  // There will be no record.
  void drop() noexcept { own_.reset(); }

 private:
  struct Unread {
    std::size_t begin;
    std::uint32_t position;  // in the ring, behind its record
  };

  std::byte* data() const noexcept;
  bool open() noexcept;
  bool holds(std::span<const std::byte> written) const noexcept;
  void forget_read() noexcept;
  bool find(std::size_t least, bool begun) noexcept;
  std::size_t free_up_to(std::size_t begin) const noexcept;
  std::span<std::byte> write_here(std::size_t least, std::span<const std::byte> written);
  std::span<std::byte> write_elsewhere(std::size_t least, std::span<const std::byte> written);

  const os::Mapping& channel_;
  const std::size_t bytes_;
  queue::RingProducer& up_;
  sync::Doze& room_;

  os::Mapping whole_;      // the channel and the arena, once there was something for it
  std::size_t taken_ = 0;  // the arena's pages below this are there
  std::size_t begin_ = 0;  // of the value that is being written
  std::size_t limit_ = 0;  // up to which it may grow
  std::size_t next_ = 0;   // behind the last that was published
  std::array<Unread, 64> unread_{};
  std::size_t first_ = 0;  // of them
  std::size_t count_ = 0;

  std::optional<memory::Pages> own_;         // what is being written, where it is too large for the arena
  std::optional<std::uint32_t> own_unread_;  // the position of the last such that was published
};

}  // namespace muster::engine::process
