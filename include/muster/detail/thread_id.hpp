#pragma once

#include <cstdint>

#include <muster/detail/export.hpp>

namespace muster::detail {

// The kernel's number of the calling thread: not 0, below 2^22, and no other thread's of the machine while it lives.
MUSTER_EXPORT std::uint32_t thread_id() noexcept;

}  // namespace muster::detail
