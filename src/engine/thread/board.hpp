#pragma once
// Where loops are announced. A loop stands in a slot while it has items left; workers join it there, take chunks by
// its cursor, and leave. The slot belongs to the engine, so a worker that comes too late touches nothing that is gone.
// README.md beside this file has the argument of joining and leaving, board.pml its model.

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include <muster/detail/task.hpp>

#include "os/os.hpp"

namespace muster::engine::thread {

class Worker;

// One announced loop.
struct alignas(128) Slot {
  // Bits of `crew`: how many have joined and not left, kOpen, kSleepers of the owner, kNudge.
  static constexpr std::uint32_t kCount = (1U << 16U) - 1;
  static constexpr std::uint32_t kOpen = 1U << 16U;

  std::atomic<std::uint32_t> crew{0};

  // What follows is written by the owner before it opens the slot, and read by who has joined.
  detail::Loop* loop = nullptr;
  detail::Task* task = nullptr;  // the loop's task, when nobody waits in place; the last to leave settles it
  // These may be peeked at before joining, and must be looked at again then.
  std::atomic<std::atomic<std::uint32_t>*> awaited{nullptr};  // the word on which those sleep who wait for this loop
  std::atomic<const Worker*> owner{nullptr};                  // the worker that waits in place, if it is one
  std::atomic<int> depth{0};                                  // how many frames that worker had

  alignas(64) std::atomic<std::size_t> cursor{0};  // the first item that nobody has taken

  // Joins if the slot is open, whichever loop is in it by then; sequentially later than the owner's writes.
  bool join() noexcept {
    os::fetch_to_write(&crew);
    std::uint32_t crew_now = crew.load(std::memory_order_relaxed);
    while ((crew_now & kOpen) != 0) {
      if (crew.compare_exchange_weak(crew_now, crew_now + 1, std::memory_order_acquire, std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }
  // True for the last one to leave a closed slot: nobody is inside any more and nobody can come.
  bool leave(bool& wake) noexcept {
    const std::uint32_t before = crew.fetch_sub(1, std::memory_order_acq_rel);
    const bool last = (before & (kOpen | kCount)) == 1;
    wake = last && (before & detail::kSleepers) != 0;
    return last;
  }
  bool deserted() const noexcept { return (crew.load(std::memory_order_acquire) & (kOpen | kCount)) == 0; }
};

class Board {
 public:
  static constexpr int kSlots = 64;

  // A slot for the caller to fill and open, or null when all are taken.
  Slot* take() noexcept {
    std::uint64_t taken = taken_.load(std::memory_order_seq_cst);
    while (taken != ~std::uint64_t{0}) {
      const int free = std::countr_one(taken);
      if (taken_.compare_exchange_weak(taken, taken | bit(free), std::memory_order_acquire,
                                       std::memory_order_relaxed)) {
        return &slots_[static_cast<std::size_t>(free)];
      }
    }
    return nullptr;
  }
  // Announces the loop, `inside` members of its crew having joined already. Sequentially consistent: the announcement
  // comes before the look for sleepers.
  void open(Slot& slot, std::uint32_t inside) noexcept {
    slot.crew.store(Slot::kOpen | inside, std::memory_order_release);
    active_.fetch_or(bit(index(slot)), std::memory_order_seq_cst);
  }
  // Lets nobody in any more. By a member of the crew or the owner, any number of times.
  void close(Slot& slot) noexcept {
    active_.fetch_and(~bit(index(slot)), std::memory_order_relaxed);
    if ((slot.crew.load(std::memory_order_relaxed) & Slot::kOpen) != 0)
      slot.crew.fetch_and(~Slot::kOpen, std::memory_order_acq_rel);
  }
  // By the owner, when all have left: a worker may have joined and closed it before it was announced. Its own
  // announcement it sees; most find nothing to do, and need not take the line away from who searches.
  void withdraw(const Slot& slot) noexcept {
    const std::uint64_t own = bit(index(slot));
    if ((active_.load(std::memory_order_relaxed) & own) != 0) active_.fetch_and(~own, std::memory_order_relaxed);
  }
  // Gives a deserted slot back.
  void give_back(Slot& slot) noexcept {
    taken_.fetch_and(~bit(index(slot)), std::memory_order_seq_cst);
    if (queueing_.load(std::memory_order_seq_cst) == 0) return;
    returned_.fetch_add(1, std::memory_order_release);
    os::futex_wake(returned_, os::kAll, os::Scope::kPrivate);
  }
  // A slot, if need be after others have given theirs back.
  Slot& take_waiting() noexcept {
    Slot* slot = take();
    if (slot != nullptr) return *slot;
    queueing_.fetch_add(1, std::memory_order_seq_cst);
    for (;;) {
      const std::uint32_t returned = returned_.load(std::memory_order_acquire);
      slot = take();
      if (slot != nullptr) break;
      os::futex_wait(returned_, returned, os::Scope::kPrivate);
    }
    queueing_.fetch_sub(1, std::memory_order_relaxed);
    return *slot;
  }

  bool empty() const noexcept { return active_.load(std::memory_order_seq_cst) == 0; }

  // Offers each announced slot to `wanted`, beginning at some distance from the first, until it says true.
  template <class Wanted>
  Slot* find(unsigned from, Wanted wanted) noexcept {
    std::uint64_t left = std::rotr(active_.load(std::memory_order_seq_cst), static_cast<int>(from % kSlots));
    for (; left != 0; left &= left - 1) {
      Slot& slot = slots_[(static_cast<unsigned>(std::countr_zero(left)) + from) % kSlots];
      if (wanted(slot)) return &slot;
    }
    return nullptr;
  }

 private:
  static std::uint64_t bit(int index) noexcept { return std::uint64_t{1} << static_cast<unsigned>(index); }
  int index(const Slot& slot) const noexcept { return static_cast<int>(&slot - slots_.data()); }

  alignas(64) std::atomic<std::uint64_t> active_{0};
  alignas(64) std::atomic<std::uint64_t> taken_{0};
  std::atomic<std::uint32_t> returned_{0};
  std::atomic<int> queueing_{0};
  std::array<Slot, kSlots> slots_;
};

}  // namespace muster::engine::thread
