// Python's pools, each in a python3 that is kept alive beside us and asked for one work after another.

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "bench/processes/works.hpp"

namespace bench {
namespace {

// The one that has joblib, if there is one: `./dev setup` gives it to Debian's, and another may stand before that.
std::string interpreter() {
  for (const std::string python : {"python3", "/usr/bin/python3"}) {
    if (std::system((python + " -I -c 'import joblib' 2>/dev/null").c_str()) == 0) return python;
  }
  return "python3";
}

class Python {
 public:
  Python(const std::string& pool, int workers) {
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return;
    if (spawn(ends[1], pool, std::to_string(workers))) {
      to_ = fdopen(fcntl(ends[0], F_DUPFD_CLOEXEC, 0), "w");
      from_ = fdopen(ends[0], "r");
    }
    close(ends[1]);
    ready_ = to_ != nullptr && from_ != nullptr && says_ready();
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

  bool ready() const { return ready_; }
  double ask(const std::string& work) {
    double cost = 0;
    std::fprintf(to_, "%s\n", work.c_str());
    std::fflush(to_);
    check(std::fscanf(from_, "%lf", &cost) == 1, "python3 has failed");
    return cost;
  }

 private:
  bool says_ready() {
    std::array<char, 16> said{};
    return std::fgets(said.data(), said.size(), from_) != nullptr && std::string(said.data()) == "ready\n";
  }

  bool spawn(int end, std::string pool, std::string workers) {
    static const std::string kProgram = interpreter();
    std::string program = kProgram;
    std::string isolated = "-I";
    std::string script = MUSTER_BENCH_SCRIPT;
    char* arguments[] = {program.data(), isolated.data(), script.data(), pool.data(), workers.data(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, end, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, end, STDOUT_FILENO);
    const int error = posix_spawnp(&pid_, program.c_str(), &actions, nullptr, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) pid_ = -1;
    return error == 0;
  }

  bool ready_ = false;
  pid_t pid_ = -1;
  FILE* to_ = nullptr;
  FILE* from_ = nullptr;
};

void add_works(std::vector<Work>& works, const char* pool, int workers) {
  const auto python = std::make_shared<Python>(pool, workers);
  if (!python->ready()) {
    std::fprintf(stderr, "there is no python3 with a pool '%s': muster is not compared with it\n", pool);
    return;
  }
  const auto add = [&](const char* work, const char* unit, int most = 0) {
    works.push_back({work, pool, unit, [python, work] { return python->ask(work); }, most});
  };
  for (const char* work : {"map_results", "imap"}) add(work, "ns/item", 2);
  add("chunk1", "ns/task", 2);
  for (const char* work : {"apply_round_trip", "apply_idle", "apply_rested"}) add(work, "us");
  for (const char* work : {"array_in", "array_out", "start_stop"}) add(work, "ms");
  add("texts_out", "us/item", 2);
  if (std::string(pool) == "loky") add("respawn", "ms");
}

}  // namespace

std::vector<Work> python_works(int workers) {
  static const auto ignored [[maybe_unused]] =
      signal(SIGPIPE, SIG_IGN);  // its death is told by what it does not answer
  std::vector<Work> works;
  for (const char* pool : kPythonPools) add_works(works, pool, workers);
  return works;
}

}  // namespace bench
