#pragma once
// What the templates of the API hand to an engine: tasks and loops, without their types. An engine queues them, runs
// them, and knows nothing of results, order, callbacks or failures; those live above it.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <new>
#include <typeinfo>

#include <muster/detail/blocks.hpp>
#include <muster/detail/wait_word.hpp>

namespace muster::engine {
class Engine;
}

namespace muster::detail {

struct Task;
struct Loop;
struct Landing;

// How a loop travels to an engine whose workers do not share our memory; such engines call its functions and never
// `run`.
struct LoopCodec;

// What can be done with a task of one kind. Every task is settled exactly once: by run, by drop, or by the finish of
// its loop.
struct TaskType {
  // Does the work and settles the task. Null where `loop` is given.
  void (*run)(Task&) noexcept;
  // Settles a task that will never begin, with `why` as its failure; null: it was cancelled.
  void (*drop)(Task&, const std::exception_ptr& why) noexcept;
  // Frees the memory: nobody refers to the task any more.
  void (*destroy)(Task&) noexcept;
  // A task that is a whole loop: the engine may spread it over its workers.
  Loop* (*loop)(Task&) noexcept;
  // The callable, for reports.
  const std::type_info* what;
  // Somebody may wait for it: whoever begins it must win its state first.
  bool claimable;
  // It is part of a task that has begun, and that will not look for it where it was taken from.
  bool part = false;
  // To destroy it runs no code of the user's.
  bool plain = false;
};

// One call to be made. Lives on the heap; counted references.
struct Task {
  // Bits of `state`; kSleepers and kNudge are in it too.
  static constexpr std::uint32_t kBegun = 1;      // somebody runs it, or ran it; it cannot be taken back
  static constexpr std::uint32_t kDone = 2;       // settled: outcome in place, callbacks have run
  static constexpr std::uint32_t kCallbacks = 4;  // callbacks are attached that have not run
  static constexpr std::uint32_t kSpoilt = 8;     // a callback threw
  static constexpr std::uint32_t kBound = 16;     // only its own pool's workers may run it; set on submission

  static void* operator new(std::size_t bytes) { return take_block(bytes); }
  static void operator delete(void* memory, std::size_t bytes) noexcept { give_block(memory, bytes); }
  static void* operator new(std::size_t bytes, std::align_val_t align) { return ::operator new(bytes, align); }
  static void operator delete(void* memory, std::size_t bytes, std::align_val_t align) noexcept {
    ::operator delete(memory, bytes, align);
  }

  explicit Task(const TaskType& of, std::uint32_t references) noexcept : refs(references), type(&of) {}
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;

  std::atomic<std::uint32_t> state{0};
  std::atomic<std::uint32_t> refs;
  const TaskType* type;
  engine::Engine* home = nullptr;  // set on submission
  void* seats = nullptr;           // the engines' own, set on submission; outlives the engine
  void* job = nullptr;             // the engine's own, until the task is settled
  std::uint32_t generation = 0;    // of the process it was submitted in; set on submission

  bool done() const noexcept { return (state.load(std::memory_order_acquire) & kDone) != 0; }

  // Wins the right to run or drop the task. Exactly one caller ever gets true.
  bool begin() noexcept {
    return (state.load(std::memory_order_relaxed) & kBegun) == 0 &&
           (state.fetch_or(kBegun, std::memory_order_acq_rel) & kBegun) == 0;
  }

  void retain() noexcept { refs.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    // The last one must see what all others wrote before they let go. Who holds the only one is the last, and need not
    // say so to anybody.
    if (refs.load(std::memory_order_acquire) == 1 || refs.fetch_sub(1, std::memory_order_acq_rel) == 1)
      type->destroy(*this);
  }

 protected:
  ~Task() = default;
};

// What earlier runs of the same loop body say about its cost, in picoseconds an item; 0: not known. A guess that only
// steers chunk sizes and wake-ups.
using Pace = std::atomic<std::uint64_t>;

// A splittable range of calls. An engine splits [0, size) into chunks as it likes, runs each exactly once and in any
// thread, until all are run or one says stop. No shared cursor is promised: an engine without shared memory cuts the
// range itself and moves chunks by the codec.
struct Loop {
  std::size_t size = 0;
  std::size_t chunk = 0;  // items a chunk; 0: the engine measures and decides
  std::size_t align = 1;  // chunk edges, where the engine decides them, fall on multiples of this,
  std::size_t page = 0;   // and on multiples of this where chunks are about that large; 0: no such wish
  // Runs the items [begin, end). False: hand out no further chunk. Chunks are handed out in ascending order, so that
  // whatever lies below a chunk has been handed out before it.
  bool (*run)(Loop&, std::size_t begin, std::size_t end) noexcept = nullptr;
  // For loops that nobody waits for in place: called once, after the last chunk has ended. Settles the loop's task.
  void (*finish)(Loop&) noexcept = nullptr;
  // Where items listen: asks those that have begun to stop. Any thread, any number of times.
  void (*halt)(Loop&) noexcept = nullptr;
  Pace* pace = nullptr;
  const std::type_info* what = nullptr;
  const LoopCodec* codec = nullptr;
  std::uint64_t common = 0;    // names what the codec's pack_common writes, where several loops share it; 0: none do
  Landing* landing = nullptr;  // where workers elsewhere leave results, of the engine's own kind; null: they send them
  bool quiet = false;          // finish calls none of the user's callbacks, so any thread may
  // For workers elsewhere: somebody waits for single items of a chunk. If one takes long, those before it are settled
  // at once, and those behind it run as chunks of their own.
  bool prompt = false;
  bool stops_at_failure = false;  // for workers elsewhere: within a chunk no item runs after one that failed
  // Set by whoever wants no further chunk handed out.
  std::atomic<bool> stopped{false};
  // Set by the engine at the end: the items below were handed out. Less than size only if the loop was stopped.
  std::size_t handed = 0;
};

}  // namespace muster::detail
