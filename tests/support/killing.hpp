#pragma once
// Killing a worker of a pool, and no other process, whatever becomes of its number meanwhile.

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <vector>

#include <muster/process_pool.hpp>

namespace muster::testing {

// Whether a worker was killed: `pid` was one of the pool's when the signal was sent.
inline bool kill_worker(const ProcessPool& pool, int pid, int signal = SIGKILL) {
  const auto handle = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (handle < 0) return false;
  // The handle is of the process that has the number now; if that is still a worker's, it is this worker's.
  const std::vector<int> pids = pool.worker_pids();
  const bool still = std::find(pids.begin(), pids.end(), pid) != pids.end();
  const bool sent = still && syscall(SYS_pidfd_send_signal, handle, signal, nullptr, 0) == 0;
  close(handle);
  return sent;
}

// Any of them.
template <class Random>
bool kill_one(const ProcessPool& pool, Random& random) {
  const std::vector<int> pids = pool.worker_pids();
  return !pids.empty() && kill_worker(pool, pids[random() % pids.size()]);
}

}  // namespace muster::testing
