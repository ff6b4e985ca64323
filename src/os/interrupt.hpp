#pragma once
// The contract with the kernel, continued: Ctrl-C as something that a thread asks for, instead of the program's end.
//
// The signal only leaves a mark. Whoever waits in a thread that hears interrupts looks at it some times a second: a
// signal that wakes the sleeper instead could come between its last look and its sleep, or to another thread.

#include "os/os.hpp"

namespace muster::os {

// From now on SIGINT leaves the mark, and the calling thread is one that hears it. One that finds a mark which nobody
// has taken for a second ends the program, as it does by default: so the second Ctrl-C always does. Does nothing where
// SIGINT is ignored, as in programs that a shell has started in the background. Throws std::system_error.
void hear_interrupts();
// No more: neither the thread nor the mark. For processes that become something else.
void forget_interrupts() noexcept;

// Whether the calling thread hears interrupts now.
bool hears_interrupts() noexcept;
// Whether it hears one: there is a mark.
bool interrupted() noexcept;
// The same, and takes the mark away: one thread gets it, once.
bool take_interrupt() noexcept;
// How long the calling thread may sleep that waits until `deadline`: if it hears interrupts, until its next look.
Nanos next_look(Nanos deadline) noexcept;

// While one lives the calling thread hears no interrupts; they stay for later.
class InterruptsHeld {
 public:
  InterruptsHeld() noexcept;
  ~InterruptsHeld();
  InterruptsHeld(const InterruptsHeld&) = delete;
  InterruptsHeld& operator=(const InterruptsHeld&) = delete;
};

}  // namespace muster::os
