#pragma once
// The code of entries, under small numbers given when they are first sent: each worker is told once what a number
// stands for. (Functions within values say themselves where they are, see muster/detail/code.hpp.)

#include <cstdint>

#include "os/modules.hpp"

namespace muster::wire {

using CodeId = std::uint32_t;

// Where a function of this process is; the answer is never destroyed. Quick when asked again. Throws NotSerializable
// where the address lies in no loaded module's code.
const os::CodePlace& place_of(const void* function);
// The function there. Quick when asked again. Throws NotSerializable for code that this process does not have.
void* find(const os::CodePlace& place);

// The number of a function of this process. Throws as place_of does.
CodeId code_id(const void* function);
// How many numbers were given so far: those below are known.
CodeId codes() noexcept;
// What a number stands for, to be told to a worker.
os::CodePlace code_place(CodeId id);

// In a worker: forgets what its parent was told, and learns what it is told itself.
void forget_codes() noexcept;
// False when the numbers do not come one after another.
bool learn_code(CodeId id, const os::CodePlace& place);
// The function that a number stands for. Throws NotSerializable for a number that nobody explained, and as find does.
void* code_at(CodeId id);

}  // namespace muster::wire
