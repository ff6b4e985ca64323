#pragma once
// Locks between processes. Python's multiprocessing.Lock and RLock.

#include <muster/detail/basic_lock.hpp>

namespace muster::multiprocessing {

// To be placed in memory that the processes share (see Shared); it may lie at different addresses in them. They have to
// be of one pid namespace. Held by a process, which it names by id and start; whoever likes may release it. 8 bytes. A
// standard Lockable and TimedLockable, as fair as threading::Lock. Its calls are those of detail::BasicLock.
//
// If a process dies while it holds the lock, the next call that wants it throws OwnerDied, at once if it does not wait,
// else within 50 ms; and has the lock then.
class MUSTER_EXPORT Lock : public detail::BasicLock<detail::SharedLock> {};

// The same, held by a thread of a process, which may take it again, and which alone may release it. 16 bytes. A thread
// that ends with the lock in a process that lives on keeps it for ever. Its calls are those of detail::BasicRLock.
class MUSTER_EXPORT RLock : public detail::BasicRLock<detail::SharedLock> {};

}  // namespace muster::multiprocessing
