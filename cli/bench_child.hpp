#pragma once
// Programs that `muster bench` runs beside itself: python3, asked for one measurement after another, and gnuplot, for
// one drawing.

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace muster::cli::bench {

// The first file of that name in PATH that may be executed; empty if there is none.
std::string find_program(std::string_view name);

// A program whose standard input and output are one socket. It and all that it starts are killed with this object, and
// also when a signal ends the benchmark: it has a process group of its own, so Ctrl-C draws no traceback from it.
// One lives at a time.
class Child {
 public:
  // Throws std::system_error if it cannot be started. With `error_fd` -1 its standard error is ours.
  explicit Child(std::vector<std::string> command, int error_fd = -1);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // False: the program reads no more.
  bool send(std::string_view text);
  void end_of_input();
  // What it printed, as much as there is; blocks while there is nothing; empty at the end of its output.
  std::string receive();
  int fd() const { return socket_; }

  // Waits for its end and describes it; empty if it succeeded.
  std::string wait();

 private:
  int socket_ = -1;
  pid_t pid_ = -1;
};

struct Output {
  std::string text;
  std::string errors;
  std::string failure;  // how the program failed, empty if it did not
};

// Feeds `input` to the program and collects what it prints.
Output run_program(std::vector<std::string> command, std::string_view input);

}  // namespace muster::cli::bench
