#pragma once
// What the tests of this folder ask the kernel about itself.

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <iterator>

#include "os/os.hpp"

namespace muster::os::testing {

inline std::ptrdiff_t count_entries(const char* directory) {
  return std::distance(std::filesystem::directory_iterator(directory), std::filesystem::directory_iterator());
}

inline std::ptrdiff_t open_descriptors() { return count_entries("/proc/self/fd"); }

// How many sleep on `word`: moves them from the word's queue to the same queue, which wakes none and counts all.
inline int sleepers(const std::atomic<std::uint32_t>& word, Scope scope) {
  const int operation = FUTEX_CMP_REQUEUE | (scope == Scope::kPrivate ? FUTEX_PRIVATE_FLAG : 0);
  return static_cast<int>(syscall(SYS_futex, &word, operation, 0, long{kAll}, &word, word.load()));
}

inline void await_sleepers(const std::atomic<std::uint32_t>& word, int count, Scope scope = Scope::kPrivate) {
  while (sleepers(word, scope) != count) yield();
}

}  // namespace muster::os::testing
