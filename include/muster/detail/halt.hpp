#pragma once
// How daemon threads stop when the program ends: they do not come back from their next call into muster. They are not
// unwound: what lies on their stacks may be anybody's.

#include <atomic>
#include <cstdint>

#include <muster/detail/export.hpp>
#include <muster/detail/lock_word.hpp>
#include <muster/detail/wait_word.hpp>
#include <muster/detail/waits.hpp>

namespace muster::detail {

// Called where a call of the API begins, and where one that waited ends. Returns, or never.
MUSTER_EXPORT void halt_point() noexcept;

// await_bits for what a program's own threads wait for, which is `which`. False when `deadline` passed first.
MUSTER_EXPORT bool await_flag(std::atomic<std::uint32_t>& word, std::uint32_t bits, Nanos deadline, WaitsFor what,
                              const void* which);
// await_change, likewise: `seen` is what the caller has read. Also across processes.
MUSTER_EXPORT bool await_other(std::atomic<std::uint32_t>& word, std::uint32_t seen, Nanos deadline, WaitsFor what,
                               const void* which, Scope scope);

// Waits for a lock of a program's own threads. False when `deadline` passed first. Does not stop once it has the lock,
// which others may want at the end. The lock is the first thing in what it belongs to, a Lock or an RLock. Where
// deadlocks are checked, throws DeadlockError instead of waiting for ever.
MUSTER_EXPORT bool lock_or_halt(PrivateLock& lock, Nanos deadline, WaitsFor what);
// Throws OwnerDied when the process has died that held the lock: then the caller has it.
MUSTER_EXPORT bool lock_or_halt(SharedLock& lock, Nanos deadline, WaitsFor what);

// From now on the calling thread is one that stops at halt points once the program has ended.
void may_be_halted() noexcept;
// The program has ended.
void halt_daemons() noexcept;

}  // namespace muster::detail
