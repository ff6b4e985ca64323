#pragma once
// What a worker process shares with the pool's process: two rings and a few words, in memory that no other worker sees.
// Who owns what, and why a death at any instruction leaves nothing in doubt, is in README.md beside this file.

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "os/modules.hpp"
#include "os/os.hpp"
#include "parts/memory/shelf.hpp"
#include "parts/queue/ring.hpp"
#include "parts/sync/doze.hpp"

namespace muster::engine::process {

inline constexpr std::uint32_t kDownBytes = 1U << 17U;
inline constexpr std::uint32_t kUpBytes = 1U << 17U;
// What is larger goes another way: README.md, "Large values".
inline constexpr std::size_t kInlineBytes = 1U << 14U;
inline constexpr std::size_t kMostItems = std::size_t{1} << 31U;  // of an entry

// ---- down: from the pool to the worker ------------------------------------------------------------------------------

enum class Down : std::uint32_t {
  kCode,    // CodeHead: what a function's number stands for
  kMemory,  // MemoryHead: shared memory comes through the connection, to be known by this number
  kForget,  // ForgetHead: no entry will use it again
  kCommon,  // CommonHead, bytes: what the following entries share, up to the next of these
  kEntry,   // EntryHead, EntryMore where it says so, bytes: items to be run
};

// Where the bytes of a record are.
struct Place {
  static constexpr std::uint64_t kInline = 0;     // behind the record's head
  static constexpr std::uint64_t kOwnMemory = 1;  // in the next that comes through the connection
  static constexpr std::uint64_t kKnown = 1;      // larger: in the memory known by the number that is this much less

  std::uint64_t size;
  std::uint64_t where;
};

struct CodeHead {
  os::CodePlace place;
  std::uint32_t id;
};

struct MemoryHead {
  std::uint64_t number;  // from 1
  std::uint64_t size;
  memory::Use use;
};

struct ForgetHead {
  std::uint64_t number;
};

struct CommonHead {
  Place place;
  std::uint64_t landing;  // where values are left; 0: they are sent
};

// Who has an entry.
enum Claim : std::uint32_t {
  kFree = 0,     // nobody yet
  kClaimed = 1,  // the worker: it begins it, or is about to
  kRevoked = 2,  // the pool took it back: the worker passes it by
  kGiven = 3,    // the worker, from the start
};

// Short, so that it shares a cache line with the record's head and a few small arguments: a call is that line then.
struct EntryHead {
  std::uint32_t code;      // of the function that runs it
  std::uint32_t sequence;  // of the entry among the worker's, below 2^30
  std::uint64_t begin;     // items [begin, begin + count) of the loop
  std::uint32_t count;
  std::atomic<std::uint32_t> claim;
  // Of a prompt entry: how many items the worker has taken up, one addition before each; with kNoMore it takes up no
  // further one. Who adds that, the pool or the worker, hands out the others. Other entries have kNotCounted.
  std::atomic<std::uint32_t> taken;
  static constexpr std::uint32_t kNoMore = 1U << 31U;
  static constexpr std::uint32_t kNotCounted = UINT32_MAX;
  std::uint16_t flags;
  static constexpr std::uint16_t kStopAtFailure = 1;
  static constexpr std::uint16_t kMore = 2;  // an EntryMore follows
  std::uint16_t size;                        // of the bytes, where none does

  std::uint64_t end() const noexcept { return begin + count; }
};
static_assert(sizeof(EntryHead) == 32 && kMostItems <= UINT32_MAX && kInlineBytes <= UINT16_MAX);

// What most entries have not.
struct EntryMore {
  std::int64_t limit;  // nanoseconds an item may take; 0: no limit
  Place place;
};

// ---- up: from the worker to the pool --------------------------------------------------------------------------------

enum class Up : std::uint32_t {
  kValues,      // UpHead, bytes: the values of the next `count` items
  kException,   // UpHead, bytes: the next item threw
  kOverMemory,  // UpHead: the next item's outcome found no memory
  kLanded,      // UpHead: the values of the next `count` items are in place
  kHandedBack,  // UpHead: the rest of a prompt entry, `count` items, will not begin
};

// Where the bytes of a record from the worker are.
enum Where : std::uint32_t {
  kHere = 0,       // behind its head
  kOwnMemory = 1,  // in the next that comes through the connection; count is 1
  kArena = 2,      // in the channel's arena; count is 1
};

struct UpHead {
  std::uint32_t count;
  std::uint32_t where = kHere;
  std::uint64_t size;
  std::uint64_t at = 0;  // in the arena
  std::uint64_t nanos;   // since the entry began; 0: nobody asks
};

// ---- the words ------------------------------------------------------------------------------------------------------

// What the worker is at: sequence of the entry, and item counted from the entry's begin.
struct Note {
  static constexpr std::uint64_t kEnded = std::uint64_t{1} << 62U;      // timed items: it came to its end in time
  static constexpr std::uint64_t kCondemned = std::uint64_t{1} << 63U;  // timed items: the pool decided to kill it
  static constexpr std::uint64_t kNone = kEnded | kCondemned;

  static constexpr std::uint64_t of(std::uint32_t sequence, std::uint64_t item) noexcept {
    return (std::uint64_t{sequence} << 32U) | item;
  }
};
inline constexpr std::uint32_t kSequences = 1U << 30U;
inline constexpr std::size_t kMostPromptItems = 1U << 20U;  // of one that is prompt

// The values that lie in the open run, which is not published yet. `run` counts the published ones.
struct Progress {
  static constexpr std::uint64_t kMost = (1U << 24U) - 1;
  static constexpr std::uint64_t of(std::uint16_t run, std::uint64_t count, std::uint64_t bytes) noexcept {
    return (std::uint64_t{run} << 48U) | (count << 24U) | bytes;
  }
  static constexpr std::uint16_t run(std::uint64_t word) noexcept { return static_cast<std::uint16_t>(word >> 48U); }
  static constexpr std::uint64_t count(std::uint64_t word) noexcept { return (word >> 24U) & kMost; }
  static constexpr std::uint64_t bytes(std::uint64_t word) noexcept { return word & kMost; }
};

enum Listener : std::uint32_t {
  kNobody = 0,
  kSupervisor = 1,  // to be woken by the pool's bell
  kCaller = 2,      // a caller who waits for this worker's answer, on the word itself; it says which one
};
inline constexpr std::uint32_t caller(std::uint32_t which) noexcept { return kCaller | (which << 2U); }
inline constexpr Listener listener_of(std::uint32_t word) noexcept { return Listener{word & 3U}; }

// Whether a worker goes on.
enum Stay : std::uint32_t {
  kStays = 0,
  kIsToLeave = 1,  // once it has no record left; the pool may think better of it
  kLeaves = 2,     // the worker's word: it takes no more, and ends
};

struct Channel {
  queue::RingWords down;
  queue::RingWords up;
  alignas(64) sync::Doze work;              // the worker waits for records,
  std::atomic<std::uint32_t> stay{kStays};  // or to be told to leave
  sync::Doze room;                          // for room in the ring up
  // Who sleeps, or is about to, until the worker has published something. Whoever sets it back to kNobody wakes them.
  alignas(64) std::atomic<std::uint32_t> listener{kNobody};
  // Where the caller is who waits for the worker's answer, or -1; and where the worker was when it had given its last.
  std::atomic<std::int32_t> callers_cpu{-1};
  std::atomic<std::int32_t> workers_cpu{-1};
  static constexpr std::int32_t kMoving = -2;  // it leaves the caller's CPU, and goes on in a moment
  alignas(64) std::atomic<std::uint64_t> note{Note::kNone};
  std::atomic<std::int64_t> begun_at{0};  // of a timed item, by the monotonic clock
  std::atomic<std::uint64_t> progress{0};
  // How long the worker has run entries, in nanoseconds; while it runs one (then it is negative), less the moment at
  // which that began.
  std::atomic<std::int64_t> worked{0};
  std::uint64_t entries = UINT64_MAX;  // how many this worker may run; then it ends
  int spinners = 0;                    // how many of its threads may spin
  std::uint64_t arena = 0;  // bytes behind the rings, where large values are left until the pool has read them

  static constexpr std::size_t kHeadBytes = 4096;
  static constexpr std::size_t kDownAt = kHeadBytes;
  static constexpr std::size_t kUpAt = kDownAt + kDownBytes;
  static constexpr std::size_t kBytes = kUpAt + kUpBytes;
  // What is there of each ring from the start: enough for two of the largest records, see RingProducer::reserve. Most
  // workers never need more.
  static constexpr std::uint32_t kFirstBytes = 2 * (kInlineBytes + queue::RingPages::kPage);

  queue::RingMemory down_ring() noexcept { return {&down, bytes() + kDownAt, kDownBytes}; }
  queue::RingMemory up_ring() noexcept { return {&up, bytes() + kUpAt, kUpBytes}; }

 private:
  std::byte* bytes() noexcept { return reinterpret_cast<std::byte*>(this); }
};
static_assert(sizeof(Channel) <= Channel::kHeadBytes);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free && std::atomic<std::uint32_t>::is_always_lock_free);

}  // namespace muster::engine::process
