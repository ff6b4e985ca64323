#pragma once
// The lines in which memory goes between the cores.

#include <cstddef>

namespace muster::detail {

// How many objects of this size fill a cache line; 1 if they do not fit evenly.
template <class T>
inline constexpr std::size_t kObjectsALine = 64 % sizeof(T) == 0 ? 64 / sizeof(T) : 1;

// Has the line of `address`, which may be none that can be touched, fetched to be written soon.
inline void fetch_ahead([[maybe_unused]] const void* address) noexcept {
#if defined(__GNUC__)
  __builtin_prefetch(address, 1);
#endif
}

}  // namespace muster::detail
