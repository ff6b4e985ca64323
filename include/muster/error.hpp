#pragma once
// The errors of the library itself. A task's own exception arrives as its own type and is not listed here.

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include <muster/detail/export.hpp>

namespace muster {

// The root of all errors that the library raises.
class MUSTER_EXPORT Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  ~Error() override;
};

// An argument that makes no sense: a negative count, a timeout that is not a number. Python's ValueError.
class MUSTER_EXPORT ValueError : public Error {
 public:
  using Error::Error;
  ~ValueError() override;
};

// A call on a pool that takes no more work.
class MUSTER_EXPORT PoolClosed : public Error {
 public:
  using Error::Error;
  ~PoolClosed() override;
};

// A wait ran out of time, or a task took longer than its time limit.
class MUSTER_EXPORT TimeoutError : public Error {
 public:
  using Error::Error;
  ~TimeoutError() override;
};

// A task took more CPU time than the workers of its pool may (ProcessOptions::cpu_time_limit).
class MUSTER_EXPORT CpuTimeError : public TimeoutError {
 public:
  using TimeoutError::TimeoutError;
  ~CpuTimeError() override;
};

// The task was dropped before it began: cancel(), terminate(), or the end of its pool.
class MUSTER_EXPORT Cancelled : public Error {
 public:
  using Error::Error;
  ~Cancelled() override;
};

// Ctrl-C, after interruptible(): thrown by a call that waits. Python's KeyboardInterrupt.
class MUSTER_EXPORT Interrupted : public Error {
 public:
  using Error::Error;
  ~Interrupted() override;
};

// A wait that could never end, refused: a task that joins its own pool, say; in builds with MUSTER_DEADLOCK one that
// would close a circle of threads which wait for each other, all named.
class MUSTER_EXPORT DeadlockError : public Error {
 public:
  using Error::Error;
  ~DeadlockError() override;
};

// A thread was misused: started twice, joined before its start or by itself. Python's RuntimeError of threading.Thread.
class MUSTER_EXPORT ThreadError : public Error {
 public:
  using Error::Error;
  ~ThreadError() override;
};

// Something cannot travel to another process or back: an argument, a result, an exception, a function; or what arrived
// is not what was sent.
class MUSTER_EXPORT NotSerializable : public Error {
 public:
  using Error::Error;
  ~NotSerializable() override;
};

// The worker process died with this item begun: killed, crashed, or ended by the task itself.
class MUSTER_EXPORT WorkerLost : public Error {
 public:
  // `signal`: what killed it, 0 if it ended by itself, with `exit_code`.
  WorkerLost(std::size_t index, int pid, int signal, int exit_code, std::uint64_t peak_memory = 0);
  ~WorkerLost() override;

  // The item's place in the input of its map; 0 for a single call.
  std::size_t index() const noexcept { return index_; }
  // The worker's process id; that process is gone.
  int pid() const noexcept { return pid_; }
  int signal() const noexcept { return signal_; }
  int exit_code() const noexcept { return exit_code_; }
  // The most bytes of memory that it held at once, those included that it had from the program it is a copy of. 0: not
  // known, since the process that watched it was killed, too.
  std::uint64_t peak_memory() const noexcept { return peak_memory_; }

 private:
  std::size_t index_;
  int pid_;
  int signal_;
  int exit_code_;
  std::uint64_t peak_memory_;
};

// A task's exception whose type the pool's process does not know: what is left of it. what() is its text.
class MUSTER_EXPORT RemoteError : public Error {
 public:
  RemoteError(std::string type, const std::string& text);
  ~RemoteError() override;

  // Its type's name, as a programmer writes it.
  const std::string& type() const noexcept { return type_; }

 private:
  std::string type_;
};

// A lock was misused: released while nobody held it, or by a thread that does not hold it; waited with, or notified,
// while it was not held; released more often than it may be.
class MUSTER_EXPORT LockError : public Error {
 public:
  using Error::Error;
  ~LockError() override;
};

// The process that held a lock has died, before it could release it; what the lock guards may be half changed. Who gets
// this has the lock: repairs what there is to repair, and releases it. C's EOWNERDEAD.
class MUSTER_EXPORT OwnerDied : public Error {
 public:
  explicit OwnerDied(int pid);
  ~OwnerDied() override;

  // Its process id; another process may have it by now.
  int pid() const noexcept { return pid_; }

 private:
  int pid_;
};

// A barrier that is broken, or became so while the thread waited at it. Python's threading.BrokenBarrierError.
class MUSTER_EXPORT BrokenBarrierError : public Error {
 public:
  using Error::Error;
  ~BrokenBarrierError() override;
};

}  // namespace muster
