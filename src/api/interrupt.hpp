#pragma once
// Waits of the API, as they are in a thread that hears interrupts.

#include <exception>

#include <muster/detail/wait_word.hpp>

#include "os/interrupt.hpp"

namespace muster::api {

// Throws Interrupted where the calling thread hears one, which is taken then.
void throw_if_interrupted();
// Takes the interrupt that the calling thread hears, as an exception.
std::exception_ptr interruption();

// Calls wait(until) until it says that it is done, or `deadline` has passed: false then. Throws Interrupted.
template <class Wait>
bool interruptibly(detail::Nanos deadline, const Wait& wait) {
  for (;;) {
    throw_if_interrupted();
    const detail::Nanos until = os::next_look(deadline);
    if (wait(until)) return true;
    if (until == deadline) return false;
  }
}

}  // namespace muster::api
