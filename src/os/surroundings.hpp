#pragma once
// The contract with the kernel, continued: what a process is surrounded by, and how much it may take. All of it for the
// calling process and what it starts from then on, while it has one thread. What fails throws std::system_error.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "os/os.hpp"

namespace muster::os {

// Sets a variable of the environment; without a value it is taken out.
void set_variable(const std::string& name, const std::optional<std::string>& value);
// The directory from which relative paths begin.
void change_directory(const std::string& path);

// Adds to the niceness, which lies in [-20, 19]: what would leave that is an error here, unlike in the command nice.
void add_niceness(int more);

// Memory that belongs to this process alone and can be written: heap, anonymous maps, stacks of threads. What would
// take more than `bytes` fails as where the machine has no more.
void limit_memory(std::uint64_t bytes);
// How much of such memory it has now; 0 where the system does not say.
std::uint64_t memory_in_use();

// The signal by which a process dies that took too much CPU time.
inline constexpr int kTookTooMuchTime = 24;
// Makes ready that nothing that this process does may take more than `limit` of its CPU time, all threads together,
// children not: `doing` says what the calling thread is at, another number for each thing, 0 for nothing that matters;
// it is called in a signal handler of that thread. The process dies by kTookTooMuchTime then, never before that time,
// and at the latest a quarter of it and some clock ticks after. Of that thread's system calls those are interrupted
// that are never restarted, where another one computes meanwhile.
void prepare_time_limit(Nanos limit, std::uint64_t (*doing)() noexcept);
// From here on.
void begin_time_limit() noexcept;

}  // namespace muster::os
