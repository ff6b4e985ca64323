#pragma once
// Where a task is handed to a worker that searches for one, by somebody who waits for it: one cache line goes over, and
// none of a queue, nor does anybody look for more. README.md beside this file has the argument, hatch.pml the model.

#include <atomic>
#include <cstdint>

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

  // By its owner, which it has no more then: the task that lies in it, or null. Of the exchange and the one in
  // hand_in() one comes first: either the task is returned here, or it is not accepted there. A full one changes no
  // more, so that a store does; what comes next are the task's own lines, for which nobody need wait in turn.
  detail::Task* close() noexcept {
    std::uintptr_t word = word_.load(std::memory_order_acquire);
    if (word > kOpen) {
      os::fetch_to_write(task_of(word));
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

 private:
  static constexpr std::uintptr_t kClosed = 0;
  static constexpr std::uintptr_t kOpening = 1;
  static constexpr std::uintptr_t kOpen = 2;  // above: a task lies in it

  static detail::Task* task_of(std::uintptr_t word) noexcept {
    return word > kOpen ? reinterpret_cast<detail::Task*>(word) : nullptr;  // NOLINT(performance-no-int-to-ptr)
  }

  alignas(64) std::atomic<std::uintptr_t> word_{kClosed};
  std::atomic<Mark> mark_{0};
};

}  // namespace muster::engine::thread
