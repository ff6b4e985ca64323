#pragma once
// The errors of the library itself. A task's own exception arrives as its own type and is not listed here.

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

// The task was dropped before it began: cancel(), terminate(), or the end of its pool.
class MUSTER_EXPORT Cancelled : public Error {
 public:
  using Error::Error;
  ~Cancelled() override;
};

// A wait that could never end, refused: a task that joins its own pool, say.
class MUSTER_EXPORT DeadlockError : public Error {
 public:
  using Error::Error;
  ~DeadlockError() override;
};

// A lock was misused: released while nobody held it.
class MUSTER_EXPORT LockError : public Error {
 public:
  using Error::Error;
  ~LockError() override;
};

}  // namespace muster
