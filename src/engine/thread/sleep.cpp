#include "engine/thread/sleep.hpp"

#include <algorithm>

#include "parts/sync/spin.hpp"

namespace muster::engine::thread {

using detail::LockGuard;

namespace {

// More searchers would only fight over the same queues, and on few cores take time from who works.
std::uint64_t most_searchers(int workers) noexcept {
  return static_cast<std::uint64_t>(std::max(1, std::min(workers, sync::spinning_cpus()) / 2));
}

}  // namespace

// Of the last engine, those who were awake at its end have gone without a word.
void Sleep::begin() noexcept {
  const LockGuard guard(lock_);
  permits_.store(0, std::memory_order_relaxed);
  counts_.store(0, std::memory_order_relaxed);
}

void Sleep::set_permits(int permits) noexcept {
  most_searching_.store(most_searchers(permits), std::memory_order_relaxed);
  permits_.store(static_cast<std::uint64_t>(permits), std::memory_order_seq_cst);
}

void Sleep::reserve(int workers) {
  const LockGuard guard(lock_);
  asleep_.reserve(static_cast<std::size_t>(workers));
}

bool Sleep::begin_search() noexcept {
  std::uint64_t counts = counts_.load(std::memory_order_relaxed);
  while (searching(counts) < most_searching_.load(std::memory_order_relaxed)) {
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
  while (awake(counts) < permits_.load(std::memory_order_relaxed)) {
    if (counts_.compare_exchange_weak(counts, counts + kAwake, std::memory_order_seq_cst, std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

void Sleep::leave() noexcept { counts_.fetch_sub(kAwake, std::memory_order_seq_cst); }

void Sleep::lie_down(Bed& bed, bool searching) noexcept {
  const LockGuard guard(lock_);
  bed.make();
  asleep_.push_back(&bed);  // within what was reserved
  // Under the lock, so that who finds a permit free finds a bed too.
  counts_.fetch_sub(kAwake + (searching ? kSearching : 0), std::memory_order_seq_cst);
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
  bed->call(true);
}

void Sleep::wake_everybody() noexcept {
  const LockGuard guard(lock_);
  counts_.fetch_add(asleep_.size() * (kAwake + kSearching), std::memory_order_seq_cst);
  for (Bed* bed : asleep_) bed->call(false);
  asleep_.clear();
}

}  // namespace muster::engine::thread
