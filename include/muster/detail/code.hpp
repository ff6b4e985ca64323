#pragma once
// Functions on their way to a worker process. A function is known by a small number, given when it is first sent; each
// worker is told once what a number stands for: the build id of its module and the offset in it. So nothing has to be
// registered, and a worker that was built differently refuses instead of jumping somewhere.

#include <cstdint>

#include <muster/detail/export.hpp>

namespace muster::detail {

using CodeId = std::uint32_t;

// The number of a function of this process. Throws NotSerializable where the address lies in no loaded module's code.
MUSTER_EXPORT CodeId code_id(const void* function);
// The function that a number stands for. Throws NotSerializable for a number that nobody explained, and for code that
// this process does not have.
MUSTER_EXPORT void* code_at(CodeId id);

}  // namespace muster::detail
