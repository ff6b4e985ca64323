#include "api/interrupt.hpp"

#include <muster/error.hpp>
#include <muster/interrupt.hpp>

namespace muster {

// A worker process ignores the signal, and that is left so.
void interruptible() { os::hear_interrupts(); }

namespace api {

void throw_if_interrupted() {
  if (os::interrupted()) std::rethrow_exception(interruption());
}

std::exception_ptr interruption() {
  os::take_interrupt();
  return std::make_exception_ptr(Interrupted("interrupted (SIGINT)"));
}

}  // namespace api
}  // namespace muster
