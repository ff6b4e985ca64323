#include "engine/thread/seats.hpp"

#include "os/os.hpp"

namespace muster::engine::thread {

using detail::kNudge;
using detail::kSleepers;
using detail::LockGuard;

bool Seats::take() noexcept {
  int free = free_.load(std::memory_order_seq_cst);
  while (free > 0) {
    if (free_.compare_exchange_weak(free, free - 1, std::memory_order_seq_cst)) return true;
  }
  return false;
}

void Seats::offer() noexcept {
  free_.fetch_add(1, std::memory_order_seq_cst);
  if (listening_.load(std::memory_order_seq_cst) == 0) return;
  const LockGuard guard(lock_);
  for (const SeatListener* at = listeners_; at != nullptr; at = at->after_) stir(at->word_);
}

SeatListener::SeatListener(Seats& seats, std::atomic<std::uint32_t>& word) noexcept : seats_(seats), word_(word) {
  seats_.listening_.fetch_add(1, std::memory_order_seq_cst);
  const LockGuard guard(seats_.lock_);
  after_ = seats_.listeners_;
  if (after_ != nullptr) after_->before_ = this;
  seats_.listeners_ = this;
}

SeatListener::~SeatListener() {
  {
    const LockGuard guard(seats_.lock_);
    (before_ != nullptr ? before_->after_ : seats_.listeners_) = after_;
    if (after_ != nullptr) after_->before_ = before_;
  }
  seats_.listening_.fetch_sub(1, std::memory_order_relaxed);
}

void stir(std::atomic<std::uint32_t>& word) noexcept {
  std::uint32_t value = word.load(std::memory_order_seq_cst);
  do {
    if ((value & kSleepers) == 0) return;
  } while (!word.compare_exchange_weak(value, (value & ~kSleepers) + kNudge, std::memory_order_seq_cst));
  os::futex_wake(word, os::kAll, os::Scope::kPrivate);
}

}  // namespace muster::engine::thread
