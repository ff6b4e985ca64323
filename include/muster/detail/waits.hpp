#pragma once
// What each thread waits for, for dump.hpp to tell; and who holds what, in builds with MUSTER_DEADLOCK.
//
// A wait is told where it is about to block, in the thread's own record, so what need not wait pays nothing. Who holds
// which lock is noted only in the other build, in a table beside the locks: they are as large in both. There a wait
// that closes a circle is refused. All code of a program must be compiled alike; the CMake target sees to that.

#include <cstdint>

#include <muster/detail/export.hpp>
#include <muster/detail/wait_word.hpp>

namespace muster::detail {

enum class WaitsFor : std::uint8_t {
  kNothing,
  kLock,
  kRLock,
  kRead,   // an RWLock, to read
  kWrite,  // an RWLock, to write
  kSemaphore,
  kEvent,
  kCondition,
  kBarrier,
  kResult,  // of a pool's task
  kThread,  // its end
};

#ifdef MUSTER_DEADLOCK
inline constexpr bool kDeadlockChecked = true;
#else
inline constexpr bool kDeadlockChecked = false;
#endif

// The calling thread waits for that, as long as this lives. What a wait is made of is not told: the first one counts
// until it is over.
class MUSTER_EXPORT Waiting {
 public:
  // Where deadlocks are checked and nothing else could end the wait, throws DeadlockError if it would close a circle.
  Waiting(WaitsFor what, const void* which, Nanos deadline) noexcept(!kDeadlockChecked);
  ~Waiting();
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  bool is_told_ = false;
  bool is_checked_ = false;
};

#ifdef MUSTER_DEADLOCK

// The calling thread has taken the lock, if it `got` it, which is returned. Noted at once after the taking.
MUSTER_EXPORT void note_holder(const void* lock) noexcept;
MUSTER_EXPORT void note_reader(const void* lock) noexcept;
inline bool note_held(const void* lock, bool got = true) noexcept {
  if (got) note_holder(lock);
  return got;
}
inline bool note_reads(const void* lock, bool got) noexcept {
  if (got) note_reader(lock);
  return got;
}
// It is about to be released; noted before, lest the next holder's note be taken for the old one's.
MUSTER_EXPORT void note_released(const void* lock) noexcept;
MUSTER_EXPORT void note_read(const void* lock) noexcept;
// The lock is destroyed, held or not.
MUSTER_EXPORT void note_gone(const void* lock) noexcept;

// From before the calling thread gives a lock up for a while, until it has it back: without it the thread will not go
// on. So whoever has it meanwhile must not wait for this thread, and it is there that a circle is found: to take the
// lock back never fails.
class MUSTER_EXPORT Needing {
 public:
  Needing(WaitsFor what, const void* lock) noexcept;
  ~Needing();
  Needing(const Needing&) = delete;
  Needing& operator=(const Needing&) = delete;

 private:
  bool is_checked_ = false;
};

#else

inline bool note_held(const void* /*lock*/, bool got = true) noexcept { return got; }
inline bool note_reads(const void* /*lock*/, bool got) noexcept { return got; }
inline void note_released(const void* /*lock*/) noexcept {}
inline void note_read(const void* /*lock*/) noexcept {}

class Needing {
 public:
  Needing(WaitsFor /*what*/, const void* /*lock*/) noexcept {}
};

#endif

}  // namespace muster::detail
