#pragma once
// A place where threads wait until all of them have come. Python's threading.Barrier.

#include <functional>
#include <utility>

#include <muster/condition.hpp>
#include <muster/detail/basic_barrier.hpp>
#include <muster/duration.hpp>
#include <muster/error.hpp>

namespace muster::threading {

// May be used again and again. If one of the threads gives up, all do: the barrier is broken then, and throws
// BrokenBarrierError at everybody until it is reset. reset, abort, parties, n_waiting and broken are
// detail::BasicBarrier's.
class Barrier : public detail::BasicBarrier<Condition> {
 public:
  // For `parties` threads. `action` is called by one of them when all have come and before any goes on. `timeout` is
  // wait's where that is given none. Throws ValueError for less than one party.
  explicit Barrier(int parties, std::function<void()> action = {}, Duration timeout = {})
      : BasicBarrier(parties, timeout), action_(std::move(action)) {}

  // Waits until all have come. Gives each a different number from 0 to parties() - 1. Throws BrokenBarrierError when
  // the barrier is broken, or becomes so, or is reset, meanwhile; after `timeout` it breaks the barrier itself. What
  // the action throws reaches the thread that ran it, and breaks the barrier for the others.
  int wait() { return wait(timeout()); }
  int wait(Duration timeout) { return BasicBarrier::wait(timeout, action_); }

 private:
  const std::function<void()> action_;
};

}  // namespace muster::threading
