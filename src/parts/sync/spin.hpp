#pragma once
// Brief spinning before a sleep: worth it when the answer is about to come, harmful when the cores are taken.

#include <atomic>
#include <cstdint>

#include "os/os.hpp"

namespace muster::sync {

// How many threads may spin at once: as many as CPUs; but on a single one nobody, since the answer could not come
// meanwhile. Asked once and early: pools do, when the first is made, since later the asking thread may be a pinned one.
int spinning_cpus() noexcept;
// From now on at most so many: of a process that shares its CPUs with others which spin.
void limit_spinners(int most) noexcept;

// Polls `ready` for at most `budget` nanoseconds and says whether it held. Returns false at once when as many threads
// of this process spin already as it may use CPUs: one more would take a core from whoever brings the answer.
template <class Ready>
bool spin_until(Ready ready, os::Nanos budget);

// Polls a few times only, as long as nobody would notice: for about 16 hints to the core.
template <class Ready>
bool poll_until(Ready& ready);

// The seat that one spinning thread takes.
class SpinSeat {
 public:
  SpinSeat() noexcept;
  ~SpinSeat();
  SpinSeat(const SpinSeat&) = delete;
  SpinSeat& operator=(const SpinSeat&) = delete;
  explicit operator bool() const noexcept { return taken_; }

 private:
  bool taken_;
};

// Polls a few times only, for what is changed all the time by somebody whom each look holds up, since it takes the
// cache line away: a lock. For about 112 hints to the core, a few microseconds.
template <class Ready>
bool spin_gently_until(Ready ready) {
  if (ready()) return true;
  const SpinSeat seat;
  if (!seat) return false;
  constexpr int kFirstHints = 16;
  constexpr int kMostHints = 64;
  for (int hints = kFirstHints; hints <= kMostHints; hints *= 2) {
    for (int hint = 0; hint < hints; ++hint) os::relax();
    if (ready()) return true;
  }
  return false;
}

template <class Ready>
bool poll_until(Ready& ready) {
  constexpr int kPolls = 16;
  for (int poll = 0; poll < kPolls; ++poll) {
    if (ready()) return true;
    os::relax();
  }
  return false;
}

template <class Ready>
bool spin_until(Ready ready, os::Nanos budget) {
  // What comes at once is not worth asking for a seat, whose count all threads share.
  if (poll_until(ready)) return true;
  const SpinSeat seat;
  if (!seat) return false;
  const os::Nanos end = os::now() + budget;
  do {
    if (poll_until(ready)) return true;
  } while (os::now() < end);
  return false;
}

}  // namespace muster::sync
