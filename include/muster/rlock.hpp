#pragma once
// A lock that its holder may take again. Python's threading.RLock.

#include <muster/detail/basic_lock.hpp>

namespace muster::threading {

// Held by a thread, as often as it has taken it; only that thread may release it. 8 bytes. A standard Lockable and
// TimedLockable, too. As fair as Lock. Its calls are those of detail::BasicRLock.
class MUSTER_EXPORT RLock : public detail::BasicRLock<detail::PrivateLock> {};

}  // namespace muster::threading
