#include "engine/thread/sleep.hpp"

#include <algorithm>

#include "os/os.hpp"
#include "os/process.hpp"
#include "parts/sync/spin.hpp"

namespace muster::engine::thread {

using detail::LockGuard;

Sleep::Sleep(int workers)
    : permits_(static_cast<std::uint64_t>(workers)),
      // More searchers would only fight over the same queues, and on few cores take time from who works.
      most_searching_(static_cast<std::uint64_t>(std::max(1, std::min(workers, sync::spinning_cpus()) / 2))),
      counts_(permits_ * (kAwake + kSearching)) {
  asleep_.reserve(permits_);
}

bool Sleep::begin_search() noexcept {
  std::uint64_t counts = counts_.load(std::memory_order_relaxed);
  while (searching(counts) < most_searching_) {
    if (counts_.compare_exchange_weak(counts, counts + kSearching, std::memory_order_seq_cst,
                                      std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

bool Sleep::end_search() noexcept { return searching(counts_.fetch_sub(kSearching, std::memory_order_seq_cst)) == 1; }

bool Sleep::enter() noexcept {
  std::uint64_t counts = counts_.load(std::memory_order_relaxed);
  while (awake(counts) < permits_) {
    if (counts_.compare_exchange_weak(counts, counts + kAwake, std::memory_order_seq_cst, std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

void Sleep::leave() noexcept { counts_.fetch_sub(kAwake, std::memory_order_seq_cst); }

void Sleep::lie_down(Bed& bed, bool searching) noexcept {
  const LockGuard guard(lock_);
  bed.called.store(0, std::memory_order_relaxed);
  asleep_.push_back(&bed);  // within what the constructor reserved
  // Under the lock, so that who finds a permit free finds a bed too.
  counts_.fetch_sub(kAwake + (searching ? kSearching : 0), std::memory_order_seq_cst);
}

// Between tasks and without a lock of anybody's, so the process may be copied meanwhile.
void Sleep::doze(Bed& bed) noexcept {
  if (bed.called.load(std::memory_order_acquire) != 0) return;
  const os::Idle idle;
  while (bed.called.load(std::memory_order_acquire) == 0) os::futex_wait(bed.called, 0, os::Scope::kPrivate);
}

void Sleep::call(Bed& bed) noexcept {
  bed.called.store(1, std::memory_order_release);
  os::futex_wake(bed.called, 1, os::Scope::kPrivate);
}

void Sleep::wake_one() noexcept {
  Bed* bed = nullptr;
  {
    const LockGuard guard(lock_);
    if (asleep_.empty()) return;
    // The woken one counts as a searcher from here on, so that others who publish meanwhile need not wake a second.
    std::uint64_t counts = counts_.load(std::memory_order_seq_cst);
    do {
      if (!wanted(counts)) return;
    } while (!counts_.compare_exchange_weak(counts, counts + kAwake + kSearching, std::memory_order_seq_cst,
                                            std::memory_order_seq_cst));
    bed = asleep_.back();
    asleep_.pop_back();
  }
  call(*bed);
}

void Sleep::wake_everybody() noexcept {
  const LockGuard guard(lock_);
  counts_.fetch_add(asleep_.size() * (kAwake + kSearching), std::memory_order_seq_cst);
  for (Bed* bed : asleep_) call(*bed);
  asleep_.clear();
}

}  // namespace muster::engine::thread
