#pragma once
// Which process: in 8 bytes, so that a lock's word can name who has it by one atomic operation.

#include <cstdint>

#include <muster/detail/export.hpp>

namespace muster::detail {

// The calling process's id in the lowest 22 bits and its start in the highest 22 (clock ticks since the machine's boot,
// the lowest bits of them: as many as pass in half a day; 0 where the system does not say). Process ids come again, but
// not with the same start. The bits between are 0, for others to use.
MUSTER_EXPORT std::uint64_t process_mark() noexcept;

inline constexpr unsigned kProcessIdBits = 22;

}  // namespace muster::detail
