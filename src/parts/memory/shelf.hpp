#pragma once
// Shared memory that is used again and again: taking its pages costs ten times what writing to them does.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_set>
#include <vector>

#include <muster/detail/landing.hpp>
#include <muster/detail/lock_word.hpp>

#include "os/os.hpp"
#include "os/process.hpp"
#include "parts/memory/pages.hpp"

namespace muster::memory {

// What a segment is for: results are written by workers, and changes of them are this process's own; inputs are written
// here and read by workers; what is shared is written and read by all.
enum class Use : std::uint8_t { kResults, kInputs, kShared };

// A file of shared memory and this process's view of it.
class Segment final : public detail::Landing {
 public:
  // Throws std::bad_alloc, std::system_error. Takes no pages yet.
  Segment(std::size_t bytes, Use use, std::uint64_t number);
  // Memory that came from elsewhere. Of what is shared all pages are there.
  Segment(os::Mapping memory, Use use, std::uint64_t number);
  // Memory, with all its pages, that is to be shared: of no shelf, with a number that no shelf gives.
  static std::shared_ptr<Segment> shared(os::Mapping memory);
  // Of what is shared: gone when all have let go of it.
  const std::weak_ptr<const Segment>& self() const noexcept { return self_; }
  Use use() const noexcept { return use_; }
  // Tells segments of a shelf apart, also when their memory is used again. From 1.
  std::uint64_t number() const noexcept { return number_; }
  int descriptor() const noexcept { return pages_.descriptor(); }
  // To be called before they are written, by whoever writes. Throws std::bad_alloc.
  void take_pages(std::size_t begin, std::size_t end) { pages_.take(begin, end); }
  void clean() noexcept;

 private:
  Use use_;
  std::uint64_t number_;
  Pages pages_;
  std::weak_ptr<const Segment> self_;
};

// Gives out segments and keeps those that come back, up to a limit. Outlived by the segments that it gave out. All may
// be called by any thread.
//
// What came back is not used again where a copy of this process may still have it in view (it was forked meanwhile), or
// a worker may still write to it (renew). A copy of the process, where the lock may be held for ever, never takes it:
// there, all that is given back was given out before the fork.
class Shelf : public std::enable_shared_from_this<Shelf> {
 public:
  // At least `bytes`, of which those that were taken before may hold anything. Null when there are too many at large
  // already, or the process has no descriptor left. Throws std::bad_alloc.
  std::shared_ptr<Segment> take(std::size_t bytes, Use use);
  // Nothing of what is at large will be used again.
  void renew() noexcept;
  // Grows whenever a segment is gone for good.
  std::uint64_t gone() const noexcept { return gone_.load(std::memory_order_acquire); }
  bool has(std::uint64_t number) const;

 private:
  std::unique_ptr<Segment> find(std::size_t bytes, Use use);
  std::unique_ptr<Segment> make(std::size_t bytes, Use use);
  void give_back(std::unique_ptr<Segment> segment, std::uint64_t age, std::uint64_t copies) noexcept;
  void forget(std::uint64_t number) noexcept;
  void discard_first() noexcept;

  const std::uint32_t generation_ = os::generation();
  std::atomic<std::uint64_t> gone_{0};
  mutable detail::PrivateLock lock_;         // guards what follows
  std::unordered_set<std::uint64_t> alive_;  // numbers
  std::vector<std::unique_ptr<Segment>> kept_;
  std::size_t kept_bytes_ = 0;
  std::uint64_t numbers_ = 0;
  std::uint64_t age_ = 0;
};

}  // namespace muster::memory
