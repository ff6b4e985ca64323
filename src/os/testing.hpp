#pragma once
// What the tests of this folder ask the kernel about itself.

#include <gtest/gtest.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <functional>
#include <iterator>
#include <optional>

#include "os/os.hpp"
#include "os/process.hpp"

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

inline void await_end(const Process& process) {
  const std::array handle{process.handle.number()};
  std::array<bool, 1> ready{};
  while (!wait_readable(handle, ready, kForever)) {
  }
}

// How an ordinary copy that runs `body` ends.
inline End end_of_copy(const std::function<int()>& body) {
  const Process process = start_copy(body);
  const std::optional<Ended> ended = await_any();
  EXPECT_TRUE(ended.has_value());
  EXPECT_EQ(ended ? ended->id : 0, process.id);
  return ended ? ended->end : End{};
}

}  // namespace muster::os::testing
