#include <muster/error.hpp>

#include <string>
#include <utility>

namespace muster {

// Defined here, so that each type's identity lies in the library and not in every program that throws it.
Error::~Error() = default;
ValueError::~ValueError() = default;
PoolClosed::~PoolClosed() = default;
TimeoutError::~TimeoutError() = default;
CpuTimeError::~CpuTimeError() = default;
Cancelled::~Cancelled() = default;
Interrupted::~Interrupted() = default;
DeadlockError::~DeadlockError() = default;
ThreadError::~ThreadError() = default;
LockError::~LockError() = default;
OwnerDied::~OwnerDied() = default;
BrokenBarrierError::~BrokenBarrierError() = default;
NotSerializable::~NotSerializable() = default;
WorkerLost::~WorkerLost() = default;
RemoteError::~RemoteError() = default;

namespace {

std::string tell_loss(std::size_t index, int pid, int signal, int exit_code) {
  const std::string how = signal != 0 ? "was killed by signal " + std::to_string(signal)
                                      : "ended with exit code " + std::to_string(exit_code);
  return "item " + std::to_string(index) + " was lost: its worker, process " + std::to_string(pid) + ", " + how;
}

}  // namespace

WorkerLost::WorkerLost(std::size_t index, int pid, int signal, int exit_code, std::uint64_t peak_memory)
    : Error(tell_loss(index, pid, signal, exit_code)),
      index_(index),
      pid_(pid),
      signal_(signal),
      exit_code_(exit_code),
      peak_memory_(peak_memory) {}

OwnerDied::OwnerDied(int pid)
    : Error("process " + std::to_string(pid) + " has died while it held the lock, which the caller has now"),
      pid_(pid) {}

RemoteError::RemoteError(std::string type, const std::string& text) : Error(text), type_(std::move(type)) {}

}  // namespace muster
