#pragma once
// What a process holds, and what of it is left over.

#include <sys/wait.h>
#include <muster/detail/spare.hpp>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <system_error>
#include <thread>

namespace muster::testing {

// What a process holds that does not go away by itself.
struct Holdings {
  std::set<std::string> threads;  // ids
  std::set<std::string> files;    // descriptors, and what they are
  std::set<std::string> memfds;   // mapped ones
  bool children = false;          // running or not waited for

  static Holdings now() {
    namespace fs = std::filesystem;
    Holdings found;
    for (const auto& task : fs::directory_iterator("/proc/self/task")) found.threads.insert(task.path().filename());
    for (const auto& file : fs::directory_iterator("/proc/self/fd")) {
      std::error_code gone;  // the one that reads the folder
      const fs::path target = fs::read_symlink(file, gone);
      if (!gone && target.string().find("/fd") == std::string::npos) {
        found.files.insert(file.path().filename().string() + " -> " + target.string());
      }
    }
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
      if (line.find("memfd:") != std::string::npos) found.memfds.insert(line);
    }
    siginfo_t ended = {};
    found.children = waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0;
    return found;
  }

  // What is here and was not in `before`, a line each.
  std::string beyond(const Holdings& before) const {
    std::string extra;
    for (const std::string& id : threads) {
      if (before.threads.contains(id)) continue;
      std::string name;
      std::ifstream comm("/proc/self/task/" + id + "/comm");
      std::getline(comm, name);
      extra.append("thread ").append(id).append(" ").append(name).append("\n");
    }
    for (const std::string& file : files) {
      if (!before.files.contains(file)) extra.append("descriptor ").append(file).append("\n");
    }
    for (const std::string& memfd : memfds) {
      if (!before.memfds.contains(memfd)) extra.append("mapping ").append(memfd).append("\n");
    }
    if (children && !before.children) extra += "a child process\n";
    return extra;
  }
};

// A joined thread is gone for us a moment before it is gone for the kernel, and a pool that was destroyed in its own
// task ends on its own: so what seems left is looked at again, until it can only be a leak.
inline std::string leaked_since(const Holdings& before) {
  constexpr int kLooks = 20'000;
  std::string extra;
  for (int look = 0; look < kLooks; ++look) {
    muster::detail::end_spare_process();  // is meant to be left
    extra = Holdings::now().beyond(before);
    if (extra.empty()) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return extra;
}

}  // namespace muster::testing
