#pragma once

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>

namespace muster::os {

// Takes pages and maps them to be written. 0, or what is wrong: EINVAL on systems before Linux 5.14.
inline int populate(char* begin, std::size_t bytes) noexcept {
  constexpr int kPopulateWrite = 23;  // MADV_POPULATE_WRITE, which not every header knows
  while (madvise(begin, bytes, kPopulateWrite) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

}  // namespace muster::os
