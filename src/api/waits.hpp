#pragma once
// The records of what threads wait for: one for each thread that has waited, or is known. In one list, from the first
// wait on until the thread's end.

#include <atomic>
#include <cstdint>
#include <vector>

#include <muster/detail/lock_word.hpp>
#include <muster/detail/waits.hpp>

namespace muster::detail {

struct ThreadState;

struct Wait {
  WaitsFor what = WaitsFor::kNothing;
  const void* which = nullptr;  // an address to tell, never to be followed

  friend bool operator==(const Wait&, const Wait&) = default;
};

// Lies in its thread's own storage.
struct WaitRecord {
  // Told by the thread without a lock, and read by anybody: `turn` is odd while the rest changes.
  std::atomic<std::uint32_t> turn{0};
  std::atomic<WaitsFor> what{WaitsFor::kNothing};
  std::atomic<const void*> which{nullptr};

  // The thread's own.
  bool is_listed = false;
  bool is_gone = false;  // its end has been dealt with
  bool stays = false;    // its storage is never freed

  // Guarded by WaitRecords::lock.
  std::int64_t native_id = 0;
  const ThreadState* state = nullptr;  // null: a stranger
  Wait needs;                          // what it cannot go on without; told only where deadlocks are checked
  WaitRecord* next = nullptr;
  WaitRecord* previous = nullptr;

  void tell(Wait wait) noexcept;
  Wait told() const noexcept;
};

struct WaitRecords {
  PrivateLock lock;  // nothing else is locked under it; held at forks
  WaitRecord* first = nullptr;
};
extern WaitRecords g_waits;

// The calling thread's; from now on in the list.
WaitRecord& own_waits() noexcept;
// The calling thread is that one from now on; null: a stranger, since its end has begun.
void know_waits_of(const ThreadState* state) noexcept;
// In a copy of the process: no other thread is there, and nobody has the lock.
void keep_own_waits() noexcept;

// ---- what there is to tell ------------------------------------------------------------------------------------------

struct Someone {
  const ThreadState* state = nullptr;  // for comparison only
  std::int64_t native_id = 0;          // 0: a thread that has ended
};

struct Told {
  Someone thread;
  Wait waits;
  Wait needs;
  std::vector<Someone> holders;  // of what it needs
};

Someone someone(const WaitRecord& record) noexcept;
std::vector<Told> all_waits();

}  // namespace muster::detail
