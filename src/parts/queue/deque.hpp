#pragma once
// The work-stealing deque of D. Chase and Y. Lev ("Dynamic circular work-stealing deque", SPAA 2005): its owner pushes
// and pops at the bottom, anybody steals at the top. The orderings follow N. M. Lê et al. ("Correct and efficient
// work-stealing for weak memory models", PPoPP 2013), with their fences replaced by sequentially consistent accesses,
// which ThreadSanitizer can see and which the sleep protocol needs anyway: a push comes before its look for sleepers.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace muster::queue {

template <class T>
class Deque {
 public:
  // Positions count pushes and never decrease at the top; see Engine's frames for who reads them.
  using Position = std::int64_t;

  explicit Deque(std::size_t capacity = 256) : ring_(new Ring(capacity)) { rings_.emplace_back(ring_.load()); }

  // Where the oldest item lies, and where the next push will go: there is none when the first is not below the second.
  const std::atomic<Position>& top_word() const noexcept { return top_; }
  const std::atomic<Position>& bottom_word() const noexcept { return bottom_; }

  // Owner only: where the next push will go.
  Position bottom() const noexcept { return bottom_.load(std::memory_order_relaxed); }

  // Owner only: how many there are, or were a moment ago.
  std::size_t size() const noexcept {
    const Position count = bottom_.load(std::memory_order_relaxed) - top_.load(std::memory_order_acquire);
    return count > 0 ? static_cast<std::size_t>(count) : 0;
  }
  // Owner only: what pop() will give, unless a thief is faster; so not to be looked into. Null: there is none.
  const T* newest() const noexcept {
    return size() == 0 ? nullptr : ring_.load(std::memory_order_relaxed)->get(bottom() - 1);
  }

  // Owner only. Throws std::bad_alloc when the ring cannot grow; nothing was pushed then.
  void push(T* item) { push_all({&item, 1}); }

  // Owner only. The first of `items` will be popped last.
  void push_all(std::span<T* const> items) {
    const Position bottom = bottom_.load(std::memory_order_relaxed);
    const Position top = top_.load(std::memory_order_acquire);
    const auto count = static_cast<Position>(items.size());
    Ring* ring = ring_.load(std::memory_order_relaxed);
    while (bottom - top + count > ring->capacity()) ring = grow(*ring, top, bottom);
    for (Position i = 0; i < count; ++i) ring->put(bottom + i, items[static_cast<std::size_t>(i)]);
    bottom_.store(bottom + count, std::memory_order_seq_cst);
  }

  // Owner only: the item pushed last, or null.
  T* pop() noexcept {
    const Position bottom = bottom_.load(std::memory_order_relaxed) - 1;
    Ring* ring = ring_.load(std::memory_order_relaxed);
    // Sequentially consistent, as is the load of top: either a thief sees the smaller bottom, or we see its top.
    bottom_.store(bottom, std::memory_order_seq_cst);
    Position top = top_.load(std::memory_order_seq_cst);
    if (top > bottom) {
      bottom_.store(bottom + 1, std::memory_order_release);
      return nullptr;
    }
    T* item = ring->get(bottom);
    if (top == bottom) {
      // The last item: thieves may be after it too, and top decides.
      if (!top_.compare_exchange_strong(top, top + 1, std::memory_order_seq_cst, std::memory_order_relaxed)) {
        item = nullptr;
      }
      bottom_.store(bottom + 1, std::memory_order_release);
    }
    return item;
  }

  // Any thread: the oldest item, or null when there is none or another thief was faster.
  T* steal() noexcept {
    return steal_if([](Position) { return true; });
  }

  // Any thread: the oldest item, if `wanted` says so of its position. `wanted` is asked after the item was read, so
  // whatever the owner did before it pushed this item is visible to it.
  template <class Wanted>
  T* steal_if(Wanted wanted) noexcept {
    Position top = top_.load(std::memory_order_seq_cst);
    const Position bottom = bottom_.load(std::memory_order_seq_cst);
    if (top >= bottom) return nullptr;
    T* item = ring_.load(std::memory_order_acquire)->get(top);
    if (!wanted(top)) return nullptr;
    if (!top_.compare_exchange_strong(top, top + 1, std::memory_order_seq_cst, std::memory_order_relaxed)) {
      return nullptr;
    }
    return item;
  }

  // Any thread; in the order of all sequentially consistent operations, a push that came before is seen.
  bool empty() const noexcept {
    const Position top = top_.load(std::memory_order_seq_cst);
    return top >= bottom_.load(std::memory_order_seq_cst);
  }

 private:
  class Ring {
   public:
    explicit Ring(std::size_t capacity) : slots_(new std::atomic<T*>[capacity]), mask_(capacity - 1) {}
    Position capacity() const noexcept { return static_cast<Position>(mask_ + 1); }
    T* get(Position at) const noexcept { return slot(at).load(std::memory_order_relaxed); }
    void put(Position at, T* item) noexcept { slot(at).store(item, std::memory_order_relaxed); }

   private:
    std::atomic<T*>& slot(Position at) const noexcept { return slots_[static_cast<std::size_t>(at) & mask_]; }
    std::unique_ptr<std::atomic<T*>[]> slots_;
    std::size_t mask_;
  };

  Ring* grow(const Ring& old, Position top, Position bottom) {
    auto larger = std::make_unique<Ring>(static_cast<std::size_t>(old.capacity()) * 2);
    for (Position at = top; at < bottom; ++at) larger->put(at, old.get(at));
    // Thieves may still read the old ring, so it lives as long as the deque; all of them together are smaller than
    // the newest.
    rings_.push_back(std::move(larger));
    ring_.store(rings_.back().get(), std::memory_order_release);
    return rings_.back().get();
  }

  alignas(64) std::atomic<Position> top_{0};
  alignas(64) std::atomic<Position> bottom_{0};
  std::atomic<Ring*> ring_;
  std::vector<std::unique_ptr<Ring>> rings_;  // the owner's
};

}  // namespace muster::queue
