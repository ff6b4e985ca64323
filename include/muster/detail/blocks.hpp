#pragma once
// Memory for what pools make and free without pause: tasks.

#include <cstddef>

#include <muster/detail/export.hpp>

namespace muster::detail {

// A block of so many bytes, aligned as operator new aligns; throws std::bad_alloc. Small ones are kept when they are
// given back, by the thread that does so, and by all threads together what that one has too many of: so that a thread
// which only makes tasks gets those again that others free.
MUSTER_EXPORT void* take_block(std::size_t bytes);
// In any thread. `bytes` as it was taken.
MUSTER_EXPORT void give_block(void* block, std::size_t bytes) noexcept;

}  // namespace muster::detail
