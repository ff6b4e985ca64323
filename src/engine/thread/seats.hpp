#pragma once
// What happens when tasks of one pool wait for another pool's. A task that waits for another engine's work does not run
// meanwhile, so it offers its seat: somebody else may do a task of its engine in its stead, without more of them
// running at a time than there are workers. Who waits for a task that nobody has begun, and finds a seat of that task's
// engine free, begins it there and then. So pools that wait for each other in a circle go on: the last of them to fall
// asleep has offered its seat first, and looks at the others' then.
//
// Who resumes takes its seat back even if somebody sits there: to wait for that one could be to wait for oneself. For
// that moment one task more is running.

#include <atomic>
#include <cstdint>

#include <muster/detail/lock_word.hpp>

namespace muster::engine::thread {

// The seats of one engine. Lasting: a task may be waited for when its engine is gone.
class Seats {
 public:
  // A free seat, if there is one. Sequentially consistent.
  bool take() noexcept;
  bool any() const noexcept { return free_.load(std::memory_order_seq_cst) > 0; }
  // A seat more is free: somebody waits elsewhere, or leaves a seat that he took. Stirs who listens.
  void offer() noexcept;
  // Who offered his seat has it again.
  void resume() noexcept { free_.fetch_sub(1, std::memory_order_seq_cst); }

 private:
  friend class SeatListener;

  std::atomic<int> free_{0};  // below 0 while a seat is used twice
  std::atomic<int> listening_{0};
  detail::PrivateLock lock_;
  class SeatListener* listeners_ = nullptr;  // under the lock

 public:
  Seats* next_unused = nullptr;  // Lasting's
};

// While it lives, a free seat changes `word` by kNudge and wakes its sleepers, if it is marked by kSleepers.
class SeatListener {
 public:
  SeatListener(Seats& seats, std::atomic<std::uint32_t>& word) noexcept;
  ~SeatListener();
  SeatListener(const SeatListener&) = delete;
  SeatListener& operator=(const SeatListener&) = delete;

 private:
  friend class Seats;
  Seats& seats_;
  std::atomic<std::uint32_t>& word_;
  SeatListener* before_ = nullptr;
  SeatListener* after_;
};

// Wakes those who sleep on the word, once: they mark it anew if they sleep again.
void stir(std::atomic<std::uint32_t>& word) noexcept;

}  // namespace muster::engine::thread
