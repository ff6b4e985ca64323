#pragma once

namespace muster::memory {

// Whether memory that was given back is kept, to be given out again. Addresses that are used again hide what
// AddressSanitizer looks for, so it is told of every one.
#ifdef __SANITIZE_ADDRESS__
inline constexpr bool kKeeps = false;
#else
inline constexpr bool kKeeps = true;
#endif

}  // namespace muster::memory
