#pragma once
// Ctrl-C as an exception. Python's KeyboardInterrupt.

#include <muster/detail/export.hpp>

namespace muster {

// From now on SIGINT (Ctrl-C) does not end the program: of the calls into muster in which the calling thread waits, the
// one that it is in, or else its next one, throws Interrupted instead; one call, once, within 0.1 s. To be called by
// the thread that is to end the program in order, as a rule at the top of main; it replaces a handler of SIGINT that
// was there before.
//
// What is waited for goes on, and may be waited for again; but a blocking call on a pool (map, apply and the like) ends
// before it throws: it begins nothing more, ends what it runs in worker processes with those, and waits for what it
// runs in threads, since that may use what is the caller's; those that take a stop token are asked to stop. A map that
// is complete by then returns, and the interrupt is for the next call. Destructors do not throw: they wait on, and the
// interrupt is for the next call.
//
// If nobody takes an interrupt for a second (the thread computes, say, or waits for what cannot be killed) the next one
// ends the program as it would have without this call. Where SIGINT is ignored, as in programs that a shell has
// started in the background, it stays so. In worker processes this does nothing: Ctrl-C is the program's there. Throws
// std::system_error when the system refuses the handler.
MUSTER_EXPORT void interruptible();

}  // namespace muster
