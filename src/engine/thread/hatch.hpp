#pragma once
// Where a task is handed to a worker that searches for one, by somebody who waits for it: one cache line goes over, and
// none of a queue, nor does anybody look for more. README.md beside this file has the argument, hatch.pml the model.

#include <atomic>
#include <cstdint>
#include <optional>

#include <muster/detail/task.hpp>

#include "os/os.hpp"

namespace muster::engine::thread {

class Hatch {
 public:
  // Where the next push into the injector goes (Injector::mark).
  using Mark = std::uintptr_t;

  // By a searcher that has found the injector empty, with its mark at that moment. False: it is another one's. True: it
  // is the caller's until it closes it, and it goes on searching until then.
  bool open(Mark mark) noexcept {
    std::uintptr_t word = word_.load(std::memory_order_relaxed);
    if (word != kClosed ||
        !word_.compare_exchange_strong(word, kOpening, std::memory_order_acquire, std::memory_order_relaxed))
      return false;
    mark_.store(mark, std::memory_order_relaxed);
    word_.store(kOpen, std::memory_order_release);
    return true;
  }

  // By its owner: whether something lies in it, which nobody but the owner takes out.
  bool full() const noexcept { return word_.load(std::memory_order_relaxed) > kOpen; }
  // By its owner: the number of the half that lies in it, if one does.
  std::optional<std::uint32_t> half() const noexcept {
    const std::uintptr_t word = word_.load(std::memory_order_acquire);
    if ((word & kHalf) == 0) return std::nullopt;
    return static_cast<std::uint32_t>(word >> kHalfAt);
  }
  // By its owner, who has seen that half, and searches again: takes it out. The mark as in open().
  void reopen(Mark mark) noexcept {
    mark_.store(mark, std::memory_order_relaxed);
    word_.store(kOpen, std::memory_order_release);
  }

  // By its owner, which it has no more then: the task that lies in it, or null. A half is left to its guest. Of the
  // exchange and the one in hand_in() one comes first: either the task is returned here, or it is not accepted there. A
  // full one changes no more, so that a store does; what comes next are the task's own lines, for which nobody need
  // wait in turn.
  detail::Task* close() noexcept {
    std::uintptr_t word = word_.load(std::memory_order_acquire);
    if (word > kOpen) {
      if ((word & kHalf) == 0) os::fetch_to_write(task_of(word));
      word_.store(kClosed, std::memory_order_release);
    } else {
      word = word_.exchange(kClosed, std::memory_order_acq_rel);
    }
    return task_of(word);
  }

  // By anybody; `mark` is the injector's, read after the caller's own pushes. Accepted, the task is begun by a
  // searcher, and nobody need be woken for it.
  bool hand_in(detail::Task& task, Mark mark) noexcept {
    std::uintptr_t word = word_.load(std::memory_order_acquire);
    return word == kOpen && mark_.load(std::memory_order_relaxed) == mark &&
           word_.compare_exchange_strong(word, reinterpret_cast<std::uintptr_t>(&task), std::memory_order_acq_rel,
                                         std::memory_order_relaxed);
  }

  // By the guest that has the partner's seat: the items of its loop from there on, by their number.
  bool hand_in_half(std::uint32_t number, detail::Loop& loop, std::size_t from) noexcept {
    std::uintptr_t word = word_.load(std::memory_order_relaxed);
    if (word != kOpen) return false;
    loop_ = &loop;
    from_ = from;
    const std::uintptr_t half = (std::uintptr_t{number} << kHalfAt) | kHalf;
    return word_.compare_exchange_strong(word, half, std::memory_order_release, std::memory_order_relaxed);
  }
  // By its owner, of the half that it has begun.
  detail::Loop& halved_loop() const noexcept { return *loop_; }
  std::size_t half_begin() const noexcept { return from_; }

 private:
  static constexpr std::uintptr_t kClosed = 0;
  static constexpr std::uintptr_t kOpening = 1;
  static constexpr std::uintptr_t kOpen = 2;  // above: a task lies in it, or with kHalf a half
  static constexpr std::uintptr_t kHalf = 4;
  static constexpr unsigned kHalfAt = 3;
  static_assert(alignof(detail::Task) > kHalf);

  static detail::Task* task_of(std::uintptr_t word) noexcept {
    return word > kOpen && (word & kHalf) == 0 ? reinterpret_cast<detail::Task*>(word)
                                               : nullptr;  // NOLINT(performance-no-int-to-ptr)
  }

  alignas(128) std::atomic<std::uintptr_t> word_{kClosed};
  std::atomic<Mark> mark_{0};
  detail::Loop* loop_ = nullptr;  // of the half
  std::size_t from_ = 0;
};

}  // namespace muster::engine::thread
