#pragma once
// Functions under numbers: what a process tells its workers (see muster/detail/code.hpp), and what a worker was told.

#include <muster/detail/code.hpp>

#include "os/modules.hpp"

namespace muster::wire {

// How many numbers were given so far: those below are known.
detail::CodeId codes() noexcept;
// What a number stands for, to be told to a worker.
os::CodePlace code_place(detail::CodeId id);

// In a worker: forgets what its parent was told, and learns what it is told itself.
void forget_codes() noexcept;
// False when the numbers do not come one after another.
bool learn_code(detail::CodeId id, const os::CodePlace& place);

}  // namespace muster::wire
