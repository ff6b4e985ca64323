// python3, kept alive beside us and asked for one work after another.

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <memory>
#include <string>

#include "bench/process/works.hpp"

namespace bench {
namespace {

class Python {
 public:
  explicit Python(int workers) {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return;
    if (spawn(ends[1], std::to_string(workers))) {
      to_ = fdopen(fcntl(ends[0], F_DUPFD_CLOEXEC, 0), "w");
      from_ = fdopen(ends[0], "r");
    }
    close(ends[1]);
  }
  ~Python() {
    // Its input ends, and so does it; closing is not enough where a copy of this program holds the socket, too.
    if (from_ != nullptr) shutdown(fileno(from_), SHUT_RDWR);
    for (FILE* end : {to_, from_}) {
      if (end != nullptr) std::fclose(end);
    }
    if (pid_ > 0) waitpid(pid_, nullptr, 0);
  }
  Python(const Python&) = delete;
  Python& operator=(const Python&) = delete;

  bool lives() const { return to_ != nullptr && from_ != nullptr; }
  double ask(const std::string& work) {
    double cost = 0;
    std::fprintf(to_, "%s\n", work.c_str());
    std::fflush(to_);
    check(std::fscanf(from_, "%lf", &cost) == 1, "python3 has failed");
    return cost;
  }

 private:
  bool spawn(int end, std::string workers) {
    std::string program = "python3";
    std::string isolated = "-I";
    std::string script = MUSTER_BENCH_SCRIPT;
    char* arguments[] = {program.data(), isolated.data(), script.data(), workers.data(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, end, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, end, STDOUT_FILENO);
    const int error = posix_spawnp(&pid_, program.c_str(), &actions, nullptr, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) pid_ = -1;
    return error == 0;
  }

  pid_t pid_ = -1;
  FILE* to_ = nullptr;
  FILE* from_ = nullptr;
};

}  // namespace

std::vector<Work> python_works(int workers) {
  static const auto ignored [[maybe_unused]] =
      signal(SIGPIPE, SIG_IGN);  // its death is told by what it does not answer
  const auto python = std::make_shared<Python>(workers);
  if (!python->lives()) {
    std::fprintf(stderr, "there is no python3: without it there is nothing to compare with\n");
    return {};
  }
  std::vector<Work> works;
  const auto add = [&](const char* work, const char* unit) {
    works.push_back({work, "python3", unit, [python, work] { return python->ask(work); }});
  };
  add("map_chunk_1", "ns/task");
  for (const char* work : {"imap", "map_large"}) add(work, "ns/item");
  for (const char* work : {"apply", "apply_idle"}) add(work, "us");
  for (const char* work : {"array_64MiB", "start_stop"}) add(work, "ms");
  return works;
}

}  // namespace bench
