#pragma once
// A pool of processes. Python's multiprocessing.Pool.

#include <vector>

#include <muster/detail/any_pool.hpp>
#include <muster/detail/remote_work.hpp>
#include <muster/process_options.hpp>
#include <muster/shared_array.hpp>

namespace muster {

// The calls of ThreadPool, in processes: nothing is shared, everything travels (see muster/serialize.hpp), and a worker
// that crashes costs the item that it was at: its outcome is WorkerLost, and all others are done by the other workers
// and by one that takes its place. A timeout kills the worker. terminate() and the destructor kill whatever runs.
//
// Callbacks run in a thread of the pool. While one runs, the pool hands nothing out; it may use the pool itself.
class ProcessPool : public detail::AnyPool<ProcessPool, detail::RemoteWork> {
 public:
  // `processes` workers; 0: usable_cpus(). Throws ValueError for nonsense, std::system_error when the system gives no
  // process or memory, Error where workers cannot be started safely (and says what to do), what an initializer threw.
  explicit ProcessPool(int processes = 0) : ProcessPool(ProcessOptions{.processes = processes}) {}
  explicit ProcessPool(const ProcessOptions& options) : AnyPool(detail::PoolCore::of_processes(options)) {}

  // The workers that live now, with those that a resize has made too many and that are not gone yet.
  std::vector<int> worker_pids() const { return core().worker_pids(); }
};

}  // namespace muster
