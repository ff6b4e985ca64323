#pragma once
// Who waits for what: the first thing to ask of a program that does not go on. Python has nothing like it.

#include <cstdio>
#include <string>

#include <muster/detail/export.hpp>

namespace muster::threading {

// A line for each thread that enumerate() gives, and for others that wait for something of muster's now: its name, its
// native id, whether it is a daemon, and what it waits for, by kind and address; builds with MUSTER_DEADLOCK add who
// holds that. "runs" is who waits for nothing of muster's.
//
// May be called by any thread at any time, with locks held, too; not by a signal handler. Does not block on anything
// that a program can hold, and touches no lock that it tells of. The threads go on meanwhile: of each it tells the
// truth, but not of all at the same instant.
MUSTER_EXPORT std::string who_waits();

// Writes that to `file`, in one piece.
MUSTER_EXPORT void dump(std::FILE* file = stderr);

}  // namespace muster::threading
