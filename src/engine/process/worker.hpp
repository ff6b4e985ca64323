#pragma once
// A worker process, from within: takes entries from its ring, runs them, and writes what comes of them.

#include "parts/start/template.hpp"

namespace muster::engine::process {

// The body of every worker process. Its descriptors: the channel's memory, the connection on which memory of its own
// comes and goes, the bell of the pool's thread.
int work(start::Birth birth);

}  // namespace muster::engine::process
