#pragma once
// What each worker owns, and what others may read of it.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <typeinfo>
#include <utility>

#include <muster/detail/task.hpp>

#include "engine/thread/board.hpp"
#include "engine/thread/forks.hpp"
#include "engine/thread/sleep.hpp"
#include "os/os.hpp"
#include "parts/queue/deque.hpp"
#include "parts/sync/spin_budget.hpp"

namespace muster::engine::thread {

// Counts of one thread, or of all threads from outside together. Written by a worker with plain stores, so only their
// sums over all tallies mean anything.
struct alignas(64) Tally {
  std::atomic<std::uint64_t> accepted{0};
  std::atomic<std::uint64_t> settled{0};

  static void add(std::atomic<std::uint64_t>& count) noexcept {  // owner only
    count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
};

// Tasks that are in no queue for a moment. The last one put there is taken first.
class Pile {
 public:
  void put(detail::Task& task) noexcept {
    task.job = top_;
    top_ = &task;
    ++count_;
  }
  detail::Task* take() noexcept {
    detail::Task* const task = top_;
    if (task != nullptr) top_ = static_cast<detail::Task*>(std::exchange(task->job, nullptr));
    return task;
  }
  std::size_t count() const noexcept { return count_; }  // how many were put there

 private:
  detail::Task* top_ = nullptr;
  std::size_t count_ = 0;
};

// How long a worker has worked: from when it found work until it found none any more.
class Work {
 public:
  // Owner only.
  void begin() noexcept { since_.store(os::now(), std::memory_order_relaxed); }
  void end() noexcept {
    const os::Nanos worked = os::now() - since_.load(std::memory_order_relaxed);
    since_.store(0, std::memory_order_relaxed);
    total_.store(total_.load(std::memory_order_relaxed) + worked, std::memory_order_relaxed);
  }

  // Any thread. What ends just now may be missing for a moment.
  os::Nanos total(os::Nanos now) const noexcept {
    const os::Nanos since = since_.load(std::memory_order_relaxed);
    return total_.load(std::memory_order_relaxed) + (since != 0 && now > since ? now - since : 0);
  }

 private:
  std::atomic<os::Nanos> since_{0};  // 0: idle
  std::atomic<os::Nanos> total_{0};
};

// What a worker runs, innermost last. A helper that waits for something finds here who runs it, and what has been
// pushed since: a deque position at or above a frame's base was pushed by that frame's task, or by what it called.
class Frames {
 public:
  static constexpr int kShown = 64;  // deeper frames are run but not shown

  struct Frame {
    std::atomic<std::atomic<std::uint32_t>*> awaited{nullptr};  // the word on which those sleep who wait for it
    std::atomic<std::int64_t> base{0};
    std::atomic<const std::type_info*> what{nullptr};
  };

  // Owner only.
  void push(std::atomic<std::uint32_t>* awaited, std::int64_t base, const std::type_info* what) noexcept {
    const int depth = depth_.load(std::memory_order_relaxed);
    if (depth < kShown) {
      Frame& frame = frames_[static_cast<std::size_t>(depth)];
      frame.what.store(what, std::memory_order_relaxed);
      // The base first: who sees the new task here must not take the old one's base for its own.
      frame.base.store(base, std::memory_order_relaxed);
      frame.awaited.store(awaited, std::memory_order_release);
    }
    depth_.store(depth + 1, std::memory_order_release);
  }
  void pop() noexcept { depth_.store(depth_.load(std::memory_order_relaxed) - 1, std::memory_order_release); }

  // Owner only: the innermost frame's base; where that is not shown, a position that is never reached.
  std::int64_t innermost_base() const noexcept {
    const int depth = depth_.load(std::memory_order_relaxed);
    if (depth == 0) return 0;
    return depth <= kShown ? frames_[static_cast<std::size_t>(depth - 1)].base.load(std::memory_order_relaxed)
                           : std::numeric_limits<std::int64_t>::max();
  }

  // Any thread: how many frames are shown now.
  int shown() const noexcept {
    const int depth = depth_.load(std::memory_order_acquire);
    return depth < kShown ? depth : kShown;
  }
  const Frame& operator[](int at) const noexcept { return frames_[static_cast<std::size_t>(at)]; }

  // The lowest shown frame that runs what `awaited` stands for, or -1.
  int find(const std::atomic<std::uint32_t>* awaited) const noexcept {
    const int count = shown();
    for (int at = 0; at < count; ++at) {
      if (frames_[static_cast<std::size_t>(at)].awaited.load(std::memory_order_acquire) == awaited) return at;
    }
    return -1;
  }

 private:
  std::atomic<int> depth_{0};
  std::array<Frame, kShown> frames_;
};

class Worker {
 public:
  Worker(ThreadEngine& engine, int number) : forks(engine, *this, deque), number_(number) {}

  queue::Deque<detail::Task> deque;
  Frames frames;
  WorkerForks forks;
  Tally tally;
  Bed bed;

  int number() const noexcept { return number_; }

  static constexpr std::size_t kFewest = 256;  // dead tasks that are not worth looking for

  // The rest is the owner's alone.
  bool searching = false;
  bool at_hatch = false;     // the engine's hatch is its own; only while it searches
  bool offers_seat = false;  // to a guest (partner.hpp); only while it is at the hatch
  bool in_batch = false;
  unsigned picks = 0;              // how often it looked for work,
  unsigned turn = 0;               // since its deque was empty,
  unsigned visits = 0;             // and where others look too
  sync::SpinBudget spin;           // of its search for work
  std::size_t sweep_at = kFewest;  // how many in its deque make it look for dead ones
  std::uint64_t quota_used = 0;    // tasks and chunks since its thread began
  bool entered = false;            // its worker_enter went well

  std::atomic<bool> arrived{false};  // its thread's worker_enter has ended, well or not
  Work work;

  // Under the engine's roster lock.
  bool employed = false;  // its thread runs, and has not decided to go
  os::Thread thread;
  os::Thread previous;  // the thread that this worker's first act is to join

 private:
  const int number_;
};

}  // namespace muster::engine::thread
