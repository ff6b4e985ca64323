#include <muster/error.hpp>

namespace muster {

// Defined here, so that each type's identity lies in the library and not in every program that throws it.
Error::~Error() = default;
ValueError::~ValueError() = default;
PoolClosed::~PoolClosed() = default;
TimeoutError::~TimeoutError() = default;
Cancelled::~Cancelled() = default;
DeadlockError::~DeadlockError() = default;
LockError::~LockError() = default;

}  // namespace muster
