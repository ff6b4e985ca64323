#pragma once
// What can be said of a pool and of a call. Every field has a default; their order is part of the interface.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <muster/duration.hpp>

namespace muster {

// Of a pool whose workers are threads.
struct PoolOptions {
  // How many workers; 0: as many as usable_cpus(), and in a task of another pool of threads no more than that one's
  // workers leave to each. Negative: ValueError.
  int processes = 0;
  // Called in each worker before its first task; muster::bind(f, args...) for one with arguments. The pool's
  // constructor waits for all of them and throws the exception of one.
  std::function<void()> initializer = {};
  // A worker is replaced by a fresh one after so many tasks; 0: never. A chunk of a map counts as one task.
  int maxtasksperchild = 0;
  // How long a terminated pool waits for begun tasks before it names them on stderr (and goes on waiting).
  Duration grace = std::chrono::seconds(5);
  // Of the workers' threads, as the system shows them: "name/0", "name/1", ... (Linux keeps 15 bytes). Empty: "pool-1"
  // and so on.
  std::string name = {};
  // Of each worker's stack, in bytes; 0: what threading::stack_size() says, which is the system's default at first.
  std::size_t stack_size = 0;
  // Where the workers run: each on one of these CPUs, in turn. Empty: anywhere. One that this thread may not use:
  // ValueError.
  std::vector<int> cpus = {};
};

// What a pool does, and has done since it was made. While it works, the figures are of slightly different moments.
struct PoolStats {
  int workers = 0;                             // how many there are
  int running = 0;                             // of these, that run something now
  std::uint64_t submitted = 0;                 // calls: a map counts as one, and so does each chunk of an imap
  std::uint64_t finished = 0;                  // of these: done, failed or dropped
  Duration working = std::chrono::seconds(0);  // how long workers had work to do, summed over all of them

  std::uint64_t unfinished() const noexcept { return submitted - finished; }
};

// Of one call; what does not apply to it is ignored.
struct CallOptions {
  // Items a chunk; 0: chosen while the map runs, by what the items cost and did cost before (an imap of a
  // ThreadPool: 1).
  int chunksize = 0;
  // For each item, from the moment it begins; its outcome is then TimeoutError. A thread cannot be killed: a callable
  // that takes a std::stop_token is asked to stop, and a blocking call returns when every begun item has ended.
  Duration timeout = {};
  // How often an item that was lost with its worker is run again. Threads lose none.
  int retries = 0;
  // Above 0: before what has none. Below 0: after it, though never starved. For what stands in the pool's queue.
  int priority = 0;
  // How many items of an imap may be taken from the input and not yet be read; 0: some for each worker.
  int window = 0;
  // Where a map (also starmap, map_into, map_async) writes which item it was whose failure it throws; must live until
  // then. Not written where it throws for another reason: cancelled, say.
  std::size_t* failed_index = nullptr;
};

}  // namespace muster
