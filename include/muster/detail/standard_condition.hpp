#pragma once
// What conditions have in common: to wait for a predicate.

#include <functional>

#include <muster/duration.hpp>

namespace muster::detail {

// A base of `Own`, which has wait_until(Nanos deadline) and makes this its friend.
template <class Own>
class StandardCondition {
 public:
  // Waits until `holds()` is true; it is asked with the lock held. Gives its last answer: false when `timeout` passed
  // first. Throws what wait throws, and what `holds` does.
  template <class Predicate>
  bool wait_for(Predicate holds, Duration timeout = {}) {
    const Nanos deadline = timeout.deadline();
    while (!std::invoke(holds)) {
      if (!static_cast<Own&>(*this).wait_until(deadline)) return static_cast<bool>(std::invoke(holds));
    }
    return true;
  }
};

}  // namespace muster::detail
