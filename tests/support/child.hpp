#pragma once
// Runs a function in a process of its own, for what ends the process or is seen only from outside.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <system_error>

namespace muster::testing {

struct Ended {
  int status = 0;
  std::string err;  // what it wrote to stderr
  bool well() const { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }
  friend std::ostream& operator<<(std::ostream& out, const Ended& ended) {
    return out << "wait status " << ended.status << ", stderr:\n" << ended.err;
  }
};

// `body` runs in the child, which then exits in the ordinary way (0, or 1 if it throws). To be called while this
// process has one thread.
inline Ended run_in_child(const std::function<void()>& body) {
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe2");
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (child == 0) {
    dup2(pipe_ends[1], STDERR_FILENO);
    int code = 0;
    try {
      body();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "the child threw %s\n", error.what());
      code = 1;
    }
    std::exit(code);  // NOLINT(concurrency-mt-unsafe)
  }
  ::close(pipe_ends[1]);
  Ended ended;
  char buffer[4096];
  for (ssize_t got = 0; (got = ::read(pipe_ends[0], buffer, sizeof buffer)) != 0;) {
    if (got > 0) ended.err.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(pipe_ends[0]);
  while (waitpid(child, &ended.status, 0) < 0 && errno == EINTR) {
  }
  return ended;
}

// What must hold in the child; gtest's own failures would not be heard.
inline void require(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(what);
}

// For the child of a root process: becomes a user who has no process but this one, whatever other tests run beside it.
inline void become_somebody() {
  constexpr uid_t kFirst = 20'000;
  constexpr uid_t kCount = 40'000;  // below 65,536, which is all that some containers have
  const uid_t user = kFirst + static_cast<uid_t>(getpid()) % kCount;
  require(setresuid(user, user, user) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0, "become somebody");
}

}  // namespace muster::testing
