#pragma once
// The queue by which work enters a pool from outside: any thread pushes with one addition and a store; takers get
// batches, one taker at a time, in order.
//
// Items' addresses stand in blocks, eight in a cache line, so that neither side touches an item on its way: the pushers
// do not wait for what the takers have read last, nor the takers for one item after another. A ticket is a block's
// address with the number of a slot in its low bits, so that one addition gets both, and they belong together.
// Similar to the queues of A. Morrison and Y. Afek ("Fast concurrent queues for x86 processors", PPoPP 2013).

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include <muster/detail/lock_word.hpp>

namespace muster::queue {

template <class T>
class Injector {
 public:
  Injector() = default;
  ~Injector() {
    Block* const begun = block_of(head_.load(std::memory_order_relaxed));
    free_from(begun != nullptr ? begun : first_.load(std::memory_order_relaxed));
    free_from(spare_);
  }
  Injector(const Injector&) = delete;
  Injector& operator=(const Injector&) = delete;

  // False when a block is full: push() brings the next one. Once the item is there for takers, nothing of the queue is
  // touched any more.
  bool try_push(T& item) noexcept {
    // Sequentially consistent: the push comes before the pusher's look for sleepers (see empty()).
    const Ticket ticket = tail_.fetch_add(1, std::memory_order_seq_cst);
    if (slot_of(ticket) >= kSlots) return false;
    block_of(ticket)->slots[slot_of(ticket)].store(&item, std::memory_order_release);
    return true;
  }

  // Throws std::bad_alloc when there is no memory for a block; nothing was pushed then.
  void push(T& item) {
    while (!try_push(item)) {
      if (push_behind(item)) return;
    }
  }

  // Takes up to `most` items into `taken` and says how many. 0 does not mean empty: another thread may be taking, or
  // a pusher may stand between its two steps. Does not look where the pushers count, so that they need not wait for who
  // tries again and again.
  std::size_t take(T** taken, std::size_t most) noexcept {
    if (taking_.load(std::memory_order_relaxed) || taking_.exchange(true, std::memory_order_acquire)) return 0;
    const Ticket before = head_.load(std::memory_order_relaxed);
    Ticket head = before;
    std::size_t count = 0;
    while (count < most) {
      if (slot_of(head) == kSlots && !go_on(head)) break;
      T* const item = block_of(head)->slots[slot_of(head)].load(std::memory_order_acquire);
      if (item == nullptr) break;
      taken[count++] = item;
      ++head;
    }
    if (head != before) head_.store(head, std::memory_order_seq_cst);
    taking_.store(false, std::memory_order_release);
    return count;
  }

  // Where the next push goes. As long as that stays the same, nobody pushes.
  std::uintptr_t mark() const noexcept { return tail_.load(std::memory_order_relaxed); }

  // The mark, if nothing is in the queue, nor about to be; else 0. A push whose addition comes before this call in the
  // order of all sequentially consistent operations is seen: when the head, read later, is where the tail was, all that
  // had been pushed by then is taken. Both only go on; where a block is used again, they have gone past it before.
  std::uintptr_t mark_if_empty() const noexcept {
    const Ticket tail = tail_.load(std::memory_order_seq_cst);
    const Ticket head = head_.load(std::memory_order_seq_cst);
    return head == (slot_of(tail) < kSlots ? tail : at_end(tail)) ? tail : 0;
  }
  bool empty() const noexcept { return mark_if_empty() != 0; }

 private:
  using Ticket = std::uintptr_t;
  static constexpr std::size_t kBytes = 4096;
  static constexpr std::size_t kSlots = kBytes / sizeof(void*) - 8;
  static constexpr int kMostSpare = 16;

  struct alignas(kBytes) Block {
    std::array<std::atomic<T*>, kSlots> slots{};  // null: not yet pushed
    std::atomic<Block*> next{nullptr};
  };
  static_assert(sizeof(Block) == kBytes);

  static Block* block_of(Ticket ticket) noexcept {
    return reinterpret_cast<Block*>(ticket & ~Ticket{kBytes - 1});  // NOLINT(performance-no-int-to-ptr)
  }
  static std::size_t slot_of(Ticket ticket) noexcept { return ticket & (kBytes - 1); }
  static Ticket ticket_of(const Block* block, std::size_t slot) noexcept {
    return reinterpret_cast<Ticket>(block) + slot;
  }
  static Ticket at_end(Ticket ticket) noexcept { return ticket_of(block_of(ticket), kSlots); }

  // A block was full. Whoever is first brings the next one, with its own item in it; for the others it is there then.
  bool push_behind(T& item) {
    const detail::LockGuard guard(growing_);
    const Ticket tail = tail_.load(std::memory_order_relaxed);
    if (slot_of(tail) < kSlots) return false;
    // What has been added beyond the end is taken back: many failures would carry it into the address.
    tail_.store(at_end(tail), std::memory_order_relaxed);
    std::unique_ptr<Block> block = fresh_block();
    block->slots[0].store(&item, std::memory_order_relaxed);
    link_behind(tail).store(block.get(), std::memory_order_release);
    // As the addition of a push does, it comes before the pusher's look for sleepers.
    tail_.store(ticket_of(block.release(), 1), std::memory_order_seq_cst);
    return true;
  }

  // From the end of a block to the next one, if there is one. By who holds taking_.
  bool go_on(Ticket& head) noexcept {
    Block* const next = link_behind(head).load(std::memory_order_acquire);
    if (next == nullptr) return false;
    std::unique_ptr<Block> done(block_of(head));
    head = ticket_of(next, 0);
    // Before the old one can be a tail again: empty() must not take that for the head.
    head_.store(head, std::memory_order_seq_cst);
    if (done != nullptr) retire(std::move(done));
    return true;
  }

  // Where the block behind `ticket`'s stands, or will stand.
  std::atomic<Block*>& link_behind(Ticket ticket) noexcept {
    Block* const block = block_of(ticket);
    return block != nullptr ? block->next : first_;
  }

  // Under growing_.
  std::unique_ptr<Block> fresh_block() {
    if (spare_ == nullptr) return std::make_unique<Block>();
    std::unique_ptr<Block> block(spare_);
    spare_ = block->next.exchange(nullptr, std::memory_order_relaxed);
    --spares_;
    return block;
  }

  // Nobody writes to it any more: all its slots were taken, and the link to the next one was read.
  void retire(std::unique_ptr<Block> block) noexcept {
    for (std::atomic<T*>& slot : block->slots) slot.store(nullptr, std::memory_order_relaxed);
    const detail::LockGuard guard(growing_);
    if (spares_ == kMostSpare) return;
    block->next.store(spare_, std::memory_order_relaxed);
    spare_ = block.release();
    ++spares_;
  }

  static void free_from(Block* block) noexcept {
    while (block != nullptr) {
      const std::unique_ptr<Block> gone(block);
      block = gone->next.load(std::memory_order_relaxed);
    }
  }

  // Beyond the slots of its block while the next one is not there: at the very first, of no block.
  alignas(64) std::atomic<Ticket> tail_{kSlots};
  alignas(64) std::atomic<Ticket> head_{kSlots};  // changed by who holds taking_
  std::atomic<bool> taking_{false};
  std::atomic<Block*> first_{nullptr};
  alignas(64) detail::PrivateLock growing_;
  Block* spare_ = nullptr;  // empty ones, linked; under growing_
  int spares_ = 0;          // how many
};

}  // namespace muster::queue
