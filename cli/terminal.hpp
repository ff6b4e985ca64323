#pragma once
// What the command shows on a terminal, and what it does when its output or its user goes away.

#include <csignal>
#include <cstdio>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

namespace muster::cli {

bool is_terminal(std::FILE* stream);

// The columns of the terminal behind `stream`; 80 where there is none or it does not say.
int terminal_columns(std::FILE* stream);

// Whether the user's locale is UTF-8. The locale itself is taken over by `open_standard_streams`.
bool is_utf8();

// A bar of at most `cells` columns, `share` of them (0 to 1) filled and none padded: eighths of blocks, or '#'.
std::string bar(double share, int cells);

// The first thing in main: takes over the user's character set, and occupies the standard descriptors which
// the caller left closed, lest a file that is opened later be taken for one of them.
void open_standard_streams();

// Appends to standard output, which is buffered; what goes wrong there is told by `close_stdout`.
void print(std::string_view text);

// Writes out what was printed so far. False if any output was lost: time to stop, `close_stdout` tells why.
bool flush_stdout();

// The last thing in main: writes out what is left. False, with a message, if any output was lost; without one if only
// its reader has gone.
bool close_stdout();

// Writes a line to standard error at once and as one piece.
void write_message(std::string_view line);

// A line at the foot of the terminal that says how far the work has come. It exists only while standard error is
// a terminal; messages from any thread appear above it. The destructor erases it.
class StatusLine {
 public:
  StatusLine();
  ~StatusLine();
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  bool visible() const { return visible_; }
  void show(std::string_view text);
  void clear();
  void message(std::string_view line);

 private:
  void erase();

  const bool visible_;
  bool shown_ = false;
  std::mutex mutex_;
};

// Shows what `text` returns, at once and then ten times a second, from a thread of its own (none if the line
// is not visible). The destructor clears the line.
class Ticker {
 public:
  Ticker(StatusLine& line, std::function<std::string()> text);
  ~Ticker();
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

 private:
  void run(const std::stop_token& stop, const std::function<std::string()>& text);

  StatusLine& line_;
  std::jthread thread_;
};

// While it lives, Ctrl-C is only noted, so that the work can end in order; a second one ends the process.
// One at a time. A SIGINT that the caller had set to be ignored stays ignored.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  static bool interrupted();

 private:
  struct sigaction before_{};
};

// Ends the process as an interrupt would have, after what was printed is out: the shell sees a death by SIGINT (it
// reports 130) and stops its own loops and scripts as well, which an exit with status 130 would not make it do.
[[noreturn]] void die_of_interrupt();

}  // namespace muster::cli
