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
// BrokenBarrierError at everybody until it is reset.
class Barrier {
 public:
  // For `parties` threads. `action` is called by one of them when all have come and before any goes on. `timeout` is
  // wait's where that is given none. Throws ValueError for less than one party.
  explicit Barrier(int parties, std::function<void()> action = {}, Duration timeout = {})
      : core_(parties, timeout), action_(std::move(action)) {}

  // Waits until all have come. Gives each a different number from 0 to parties() - 1. Throws BrokenBarrierError when
  // the barrier is broken, or becomes so, or is reset, meanwhile; after `timeout` it breaks the barrier itself. What
  // the action throws reaches the thread that ran it, and breaks the barrier for the others.
  int wait() { return wait(core_.timeout()); }
  int wait(Duration timeout) { return core_.wait(timeout, action_); }
  // As new; those that wait get BrokenBarrierError.
  void reset() { core_.reset(); }
  // Breaks the barrier.
  void abort() { core_.abort(); }

  int parties() const noexcept { return core_.parties(); }
  // How many wait now.
  int n_waiting() { return core_.n_waiting(); }
  bool broken() { return core_.broken(); }

 private:
  detail::BasicBarrier<Condition> core_;
  const std::function<void()> action_;
};

}  // namespace muster::threading
