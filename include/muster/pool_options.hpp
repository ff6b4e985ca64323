#pragma once
// What can be said of a pool and of a call. Every field has a default; their order is part of the interface.

#include <functional>

#include <muster/duration.hpp>

namespace muster {

// Of a pool whose workers are threads.
struct PoolOptions {
  // How many workers; 0: as many as usable_cpus(). Negative: ValueError.
  int processes = 0;
  // Called in each worker before its first task; muster::bind(f, args...) for one with arguments. The pool's
  // constructor waits for all of them and throws the exception of one.
  std::function<void()> initializer = {};
  // A worker is replaced by a fresh one after so many tasks; 0: never. A chunk of a map counts as one task.
  int maxtasksperchild = 0;
  // How long a terminated pool waits for begun tasks before it names them on stderr (and goes on waiting).
  Duration grace = std::chrono::seconds(5);
};

// Of one call; what does not apply to it is ignored.
struct CallOptions {
  // Items a chunk; 0: chosen while the map runs, by what the items cost and did cost before (for imap: 1).
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
};

}  // namespace muster
