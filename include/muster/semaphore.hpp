#pragma once
// A counter of permits that threads take and give back. Python's threading.Semaphore and BoundedSemaphore.

#include <muster/detail/basic_semaphore.hpp>

namespace muster::threading {

// 4 bytes. Belongs to nobody: who releases need not have acquired. Not taken in turn. Its calls are those of
// detail::BasicSemaphore.
class Semaphore : public detail::BasicSemaphore<detail::Scope::kPrivate> {
 public:
  using BasicSemaphore::BasicSemaphore;
};

// One that has never more permits than at first: to release one too many is a mistake, and LockError. 8 bytes.
class BoundedSemaphore : public detail::BasicBoundedSemaphore<detail::Scope::kPrivate> {
 public:
  using BasicBoundedSemaphore::BasicBoundedSemaphore;
};

}  // namespace muster::threading
