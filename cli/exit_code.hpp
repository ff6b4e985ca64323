#pragma once
// How a command ended, as the shell sees it: 0 success, 1 something failed, 2 wrong usage.

namespace muster::cli {

inline constexpr int kSuccess = 0;
inline constexpr int kFailure = 1;
inline constexpr int kUsageError = 2;

// A subcommand's callback leaves its status here. main returns it, but makes a failure of a success
// whose standard output could not be written.
struct Exit {
  int status = kSuccess;
};

}  // namespace muster::cli
