#pragma once
// The simplest lock. Python's threading.Lock.

#include <muster/detail/basic_lock.hpp>

namespace muster::threading {

// Held by nobody in particular: whoever likes may release it. 4 bytes. Also a standard Lockable and TimedLockable, so
// std::scoped_lock and std::unique_lock work on it. Not taken in turn; but who was passed over for a millisecond gets
// it next. A release makes a system call only if somebody sleeps, or did a moment ago. Its calls are those of
// detail::BasicLock.
class MUSTER_EXPORT Lock : public detail::BasicLock<detail::PrivateLock> {};

}  // namespace muster::threading
