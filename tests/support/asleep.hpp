#pragma once
// Whether a thread has gone to sleep.

#include <sched.h>
#include <sys/types.h>

#include <fstream>
#include <string>

namespace muster::testing {

// Returns once the kernel has seen the thread of this process asleep.
inline void await_asleep(pid_t thread) {
  for (;;) {
    std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
    std::string stat{std::istreambuf_iterator<char>(file), {}};
    // After the name, which may have anything in it.
    const auto name_end = stat.rfind(')');
    if (name_end != std::string::npos && stat.compare(name_end, 3, ") S") == 0) return;
    sched_yield();
  }
}

}  // namespace muster::testing
