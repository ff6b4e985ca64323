#pragma once
// Functions on their way to another process and back: as the build id of their module, or its first bytes if no other
// module's begins so, and the offset in it. So nothing has to be registered, and a process that was built differently
// refuses instead of jumping somewhere. Modules that functions were sent of must stay loaded.

#include <cstddef>

#include <muster/detail/bytes.hpp>

namespace muster::detail {

// What a function takes at least: the size of the build id, and a short offset.
inline constexpr std::size_t kLeastOfFunction = 5;

// Throws NotSerializable where the address lies in no loaded module's code.
MUSTER_EXPORT void write_function(Writer& out, const void* function);
// Throws NotSerializable for code that this process does not have.
MUSTER_EXPORT void* read_function(Reader& in);

}  // namespace muster::detail
