#pragma once
// A place where threads wait until all of them have come. Python's threading.Barrier.

#include <functional>

#include <muster/condition.hpp>
#include <muster/detail/export.hpp>
#include <muster/duration.hpp>
#include <muster/error.hpp>
#include <muster/lock.hpp>

namespace muster::threading {

// May be used again and again. If one of the threads gives up, all do: the barrier is broken then, and throws
// BrokenBarrierError at everybody until it is reset.
class MUSTER_EXPORT Barrier {
 public:
  // For `parties` threads. `action` is called by one of them when all have come and before any goes on. `timeout` is
  // wait's where that is given none. Throws ValueError for less than one party.
  explicit Barrier(int parties, std::function<void()> action = {}, Duration timeout = {});
  Barrier(const Barrier&) = delete;
  Barrier& operator=(const Barrier&) = delete;

  // Waits until all have come. Gives each a different number from 0 to parties() - 1. Throws BrokenBarrierError when
  // the barrier is broken, or becomes so, or is reset, meanwhile; after `timeout` it breaks the barrier itself. What
  // the action throws reaches the thread that ran it, and breaks the barrier for the others.
  int wait();
  int wait(Duration timeout);
  // As new; those that wait get BrokenBarrierError.
  void reset();
  // Breaks the barrier.
  void abort();

  int parties() const noexcept { return parties_; }
  // How many wait now.
  int n_waiting();
  bool broken();

 private:
  enum class State { kFilling, kDraining, kResetting, kBroken };

  void await_filling();
  void let_go();
  void await_release(Duration timeout);
  void become_broken();

  const int parties_;
  const std::function<void()> action_;
  const Duration timeout_;
  Lock lock_;  // guards what follows
  Condition changed_{lock_};
  State state_ = State::kFilling;
  int inside_ = 0;  // those that wait, or were let go and have not left
};

}  // namespace muster::threading
