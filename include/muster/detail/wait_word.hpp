#pragma once
// The one algorithm by which a thread of muster waits for another: a 4-byte word whose change ends the wait.
//
// Who waits first spins for a moment, then marks the word with kSleepers and sleeps while the word keeps that value.
// Who changes the word does it by a read-modify-write, and calls wake only if it saw the mark. No wake-up is lost:
// the kernel compares the word before it lets a thread sleep, so either the change came first and the comparison
// fails, or the mark came first and the changer sees it. `src/parts/sync/wait_word.pml` is the model.

#include <atomic>
#include <cstdint>

#include <muster/detail/export.hpp>

namespace muster::detail {

// A point of the monotonic clock in nanoseconds; kForever never comes, kAtOnce has always passed.
using Nanos = std::int64_t;
inline constexpr Nanos kForever = INT64_MAX;
inline constexpr Nanos kAtOnce = 0;

// Who waits for another process wakes up so often by itself: the other may have died before it could wake anybody.
inline constexpr Nanos kLookAgain = 50'000'000;

enum class MUSTER_EXPORT Scope : std::uint8_t { kPrivate, kShared };

// Bits that every word of this kind has. The rest belongs to who owns the word.
inline constexpr std::uint32_t kSleepers = 1U << 17U;  // someone may sleep: a change must wake
inline constexpr std::uint32_t kNudge = 1U << 20U;     // added to stir sleepers whose answer has not come; may wrap

enum class Await : std::uint8_t { kReady, kTimedOut };

// Waits until one of `bits` is set in `word`, at most until `deadline`. What the setter of the bit wrote before is
// visible then. Setters call wake_all(word) if the value that they replaced had kSleepers.
MUSTER_EXPORT Await await_bits(std::atomic<std::uint32_t>& word, std::uint32_t bits, Nanos deadline, Scope scope);

// Waits until `word` differs from `seen`, kSleepers aside; false when `deadline` passed first. Sleeps at once if it is
// not to `spin`.
MUSTER_EXPORT bool await_change(std::atomic<std::uint32_t>& word, std::uint32_t seen, Nanos deadline, Scope scope,
                                bool spin = true) noexcept;

MUSTER_EXPORT void wake_one(std::atomic<std::uint32_t>& word, Scope scope) noexcept;
MUSTER_EXPORT void wake_all(std::atomic<std::uint32_t>& word, Scope scope) noexcept;

// Nanoseconds of the monotonic clock.
MUSTER_EXPORT Nanos now() noexcept;

}  // namespace muster::detail
