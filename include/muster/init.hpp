#pragma once

#include <muster/detail/export.hpp>

namespace muster {

// To be called at the top of main, before anything starts a thread. From then on process pools start their workers from
// a copy of the program that is set aside here (the start method `forkserver`), so that they can be made beside any
// threads; it is their default. The workers see the program's memory as it is at this call.
//
// It also makes the start method `spawn` possible, which executes the program anew, with these arguments: there this
// call does not return, and workers are copies of the new program. What comes before it happens in both.
//
// The copy ends with the program, however that ends. Later calls do nothing. Throws muster::Error when other threads
// run already, std::system_error when the system gives no process.
MUSTER_EXPORT void init(int argc, char** argv);

}  // namespace muster
