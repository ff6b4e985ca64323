#pragma once
// Processes that do the same at the same time, and may be killed.

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <functional>
#include <utility>

namespace muster::testing {

// A copy of this process that runs `body`, which must not return false or throw. Reaped by its end, unless it was
// killed and reaped before.
class Forked {
 public:
  explicit Forked(const std::function<bool()>& body) {
    const pid_t parent = getpid();
    std::fflush(nullptr);
    id_ = fork();
    EXPECT_GE(id_, 0);
    if (id_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    _exit(ends_well(body) ? 0 : 1);
  }
  ~Forked() {
    if (id_ <= 0) return;
    EXPECT_EQ(reap(), 0) << "what the process was to do failed";
  }
  Forked(Forked&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
  Forked& operator=(Forked&&) = delete;

  int id() const noexcept { return id_; }
  // Kills it, and waits until it is dead, though not buried.
  void kill() const {
    ::kill(id_, SIGKILL);
    siginfo_t info{};
    waitid(P_PID, static_cast<id_t>(id_), &info, WEXITED | WNOWAIT);
  }
  void kill_and_reap() {
    kill();
    reap();
  }
  // The wait status.
  int reap() {
    int status = 0;
    waitpid(std::exchange(id_, -1), &status, 0);
    return status;
  }

 private:
  static bool ends_well(const std::function<bool()>& body) noexcept {
    try {
      return body();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "a forked process threw %s\n", error.what());
      return false;
    }
  }

  pid_t id_ = -1;
};

}  // namespace muster::testing
