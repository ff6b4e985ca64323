#pragma once
// Locks between processes: the tools of threading, where they make sense, for memory that processes share. Python's
// multiprocessing, which has its pools in <muster/pool.hpp>.

#include <functional>

#include <muster/detail/basic_barrier.hpp>
#include <muster/detail/basic_event.hpp>
#include <muster/detail/basic_semaphore.hpp>
#include <muster/duration.hpp>
#include <muster/shared.hpp>
#include <muster/shared_condition.hpp>
#include <muster/shared_lock.hpp>

namespace muster::multiprocessing {

// What follows has no owner: a permit that a process died with is gone, and who waits for an event or at a barrier does
// not learn that the one has died who was to come. Use timeouts. It is all right otherwise: a death at any moment keeps
// nobody longer than 50 ms who could go on.

// 4 bytes. Its calls are those of detail::BasicSemaphore.
class Semaphore : public detail::BasicSemaphore<detail::Scope::kShared> {
 public:
  using BasicSemaphore::BasicSemaphore;
};

// One that has never more permits than at first: to release one too many is a mistake, and LockError. 8 bytes.
class BoundedSemaphore : public detail::BasicBoundedSemaphore<detail::Scope::kShared> {
 public:
  using BasicBoundedSemaphore::BasicBoundedSemaphore;
};

// 4 bytes. Its calls are those of detail::BasicEvent.
class Event : public detail::BasicEvent<detail::Scope::kShared> {};

// May be used again and again, as threading::Barrier. A process that dies while it waits counts as one that has come;
// one that dies within a call, so that nobody knows what it has done, breaks the barrier. reset, abort, parties,
// n_waiting and broken are detail::BasicBarrier's.
class Barrier : public detail::BasicBarrier<Condition> {
 public:
  // For `parties` processes or threads of them. `timeout` is wait's where that is given none. Throws ValueError for
  // less than one party.
  explicit Barrier(int parties, Duration timeout = {}) : BasicBarrier(parties, timeout) {}

  // Waits until all have come. Gives each a different number from 0 to parties() - 1. The one that comes last calls its
  // `action`, if it has one, before any goes on: functions do not lie in shared memory. Throws as threading::Barrier's.
  int wait() { return wait(timeout()); }
  int wait(Duration timeout, const std::function<void()>& action = {}) { return BasicBarrier::wait(timeout, action); }
};

}  // namespace muster::multiprocessing
