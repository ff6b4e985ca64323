#include "bench_child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>

namespace muster::cli::bench {
namespace {

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

constexpr std::array kEndings = {SIGINT, SIGTERM, SIGHUP};
std::atomic<pid_t> group_to_kill = 0;
std::array<struct sigaction, kEndings.size()> former;

// A signal that ends us ends the child's group first.
extern "C" void end_with_child(int signal) {
  const pid_t group = group_to_kill.load();
  if (group > 0) kill(-group, SIGKILL);
  for (std::size_t i = 0; i < kEndings.size(); ++i) {
    if (kEndings[i] == signal) sigaction(signal, &former[i], nullptr);
  }
  raise(signal);
}

void guard(pid_t group) {
  group_to_kill = group;
  for (std::size_t i = 0; i < kEndings.size(); ++i) {
    sigaction(kEndings[i], nullptr, &former[i]);
    if (former[i].sa_handler == SIG_IGN) continue;  // as under nohup
    struct sigaction action = {};
    action.sa_handler = end_with_child;
    sigaction(kEndings[i], &action, nullptr);
  }
}

void unguard() {
  for (std::size_t i = 0; i < kEndings.size(); ++i) sigaction(kEndings[i], &former[i], nullptr);
  group_to_kill = 0;
}

class Attributes {
 public:
  Attributes(int input_output, int error) {
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input_output, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, input_output, STDOUT_FILENO);
    if (error >= 0) posix_spawn_file_actions_adddup2(&actions, error, STDERR_FILENO);
    posix_spawnattr_init(&flags);
    posix_spawnattr_setflags(&flags, POSIX_SPAWN_SETPGROUP);
  }
  ~Attributes() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&flags);
  }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t flags;
};

struct Pipe {
  Pipe() {
    std::array<int, 2> ends;
    if (pipe2(ends.data(), O_CLOEXEC) != 0) fail(errno, "pipe");
    reading = ends[0];
    writing = ends[1];
  }
  ~Pipe() {
    close(reading);
    end_writing();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  void end_writing() {
    if (writing >= 0) close(writing);
    writing = -1;
  }

  int reading;
  int writing;
};

bool is_program(const std::string& file) {
  struct stat about;
  return stat(file.c_str(), &about) == 0 && S_ISREG(about.st_mode) && access(file.c_str(), X_OK) == 0;
}

std::string read_some(int fd) {
  std::array<char, 65536> buffer;
  ssize_t got;
  do {
    got = read(fd, buffer.data(), buffer.size());
  } while (got < 0 && errno == EINTR);
  return got > 0 ? std::string(buffer.data(), static_cast<std::size_t>(got)) : std::string();
}

}  // namespace

std::string find_program(std::string_view name) {
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
  while (true) {
    const auto colon = rest.find(':');
    const std::string_view folder = rest.substr(0, colon);
    std::string file = fmt::format("{}/{}", folder.empty() ? "." : folder, name);
    if (is_program(file)) return file;
    if (colon == std::string_view::npos) return {};
    rest.remove_prefix(colon + 1);
  }
}

Child::Child(std::vector<std::string> command, int error_fd) {
  std::array<int, 2> ends;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) fail(errno, "socketpair");
  socket_ = ends[0];
  std::vector<char*> arguments;
  for (std::string& argument : command) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  const Attributes attributes(ends[1], error_fd);
  const int error = posix_spawn(&pid_, arguments[0], &attributes.actions, &attributes.flags, arguments.data(), environ);
  close(ends[1]);
  if (error != 0) {
    close(socket_);
    fail(error, "cannot start " + command[0]);
  }
  guard(pid_);
}

Child::~Child() {
  close(socket_);
  if (pid_ > 0) {
    kill(-pid_, SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    unguard();
  }
}

bool Child::send(std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void Child::end_of_input() { shutdown(socket_, SHUT_WR); }

std::string Child::receive() { return read_some(socket_); }

std::string Child::wait() {
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  unguard();
  pid_ = -1;
  if (WIFSIGNALED(status)) return fmt::format("was killed by signal {}", WTERMSIG(status));
  return WEXITSTATUS(status) == 0 ? std::string() : fmt::format("ended with status {}", WEXITSTATUS(status));
}

namespace {

// Both outputs are read as they come and the input is sent as it is taken, so that no side waits for the other.
void exchange(Child& child, int errors, std::string_view input, Output& output) {
  bool printing = true;
  bool complaining = true;
  while (printing || complaining) {
    const short talk = static_cast<short>(POLLIN | (input.empty() ? 0 : POLLOUT));
    std::array<pollfd, 2> fds = {pollfd{printing ? child.fd() : -1, talk, 0}, {complaining ? errors : -1, POLLIN, 0}};
    if (poll(fds.data(), fds.size(), -1) < 0) continue;
    if ((fds[0].revents & POLLOUT) != 0) {
      const std::string_view part = input.substr(0, 4096);
      input = child.send(part) ? input.substr(part.size()) : std::string_view();
      if (input.empty()) child.end_of_input();
    }
    if ((fds[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
      const std::string text = child.receive();
      printing = !text.empty();
      output.text += text;
    }
    if (fds[1].revents != 0) {
      const std::string text = read_some(errors);
      complaining = !text.empty();
      output.errors += text;
    }
  }
}

}  // namespace

Output run_program(std::vector<std::string> command, std::string_view input) {
  Pipe errors;
  Child child(std::move(command), errors.writing);
  errors.end_writing();  // from here only the program holds that end, and its death closes it
  Output output;
  exchange(child, errors.reading, input, output);
  output.failure = child.wait();
  return output;
}

}  // namespace muster::cli::bench
