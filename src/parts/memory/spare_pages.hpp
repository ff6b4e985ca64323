#pragma once
// Large pieces of memory of this process that are used again. Fresh pages have to be cleared by the system, which takes
// longer than most loops that fill them. What is kept lies with the system meanwhile: it takes the pages back when it
// is short of memory, without a word. So what a process seems to hold may be up to kMostKept too much; what it denies
// to others is nothing.

#include <cstddef>

#include "os/os.hpp"

namespace muster::memory {

inline constexpr std::size_t kMostKept = std::size_t{128} << 20U;  // bytes, of all pieces together
inline constexpr std::size_t kMostPieces = 4;

// At least `bytes`, and at most a quarter more; huge pages where there are some. It holds anything. Throws
// std::bad_alloc.
os::Mapping take_pages(std::size_t bytes);
// For take_pages to give out again, or for the system at once.
void give_pages(os::Mapping pages) noexcept;

}  // namespace muster::memory
