#include "terminal.hpp"

#include <fcntl.h>
#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <clocale>
#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace muster::cli {
namespace {

constexpr int kUnknownColumns = 80;
constexpr auto kTick = std::chrono::milliseconds(100);
constexpr std::string_view kEraseLine = "\r\x1b[K";

// Why standard output lost something, 0 while it has lost nothing.
int stdout_error = 0;

std::atomic<bool> interrupt_noted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler sets it");

void note_interrupt(int) { interrupt_noted.store(true, std::memory_order_relaxed); }

// Standard error is the last resort: where it fails there is nobody left to tell.
void write_stderr(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written < 0 && errno != EINTR) return;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
}

bool can_erase_lines() {
  const char* kind = std::getenv("TERM");
  return is_terminal(stderr) && kind != nullptr && std::strcmp(kind, "dumb") != 0;
}

}  // namespace

bool is_terminal(std::FILE* stream) { return ::isatty(::fileno(stream)) == 1; }

int terminal_columns(std::FILE* stream) {
  winsize size{};
  const bool known = ::ioctl(::fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : kUnknownColumns;
}

bool is_utf8() { return std::strcmp(::nl_langinfo(CODESET), "UTF-8") == 0; }

std::string bar(double share, int cells) {
  constexpr const char* kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const double filled = std::clamp(share, 0.0, 1.0) * cells;
  if (!is_utf8()) return std::string(static_cast<std::size_t>(std::lround(filled)), '#');
  const long eighths = std::lround(filled * 8);
  std::string text;
  for (long i = 0; i < eighths / 8; ++i) text += "█";
  return text + kEighths[eighths % 8];
}

void open_standard_streams() {
  std::setlocale(LC_CTYPE, "");
  for (int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) != -1 || errno != EBADF) continue;
    // The wrong way round, so that whoever uses it still gets an error. It takes the lowest free number, which is
    // this one, and stays open for good.
    static_cast<void>(::open("/dev/null", stream == STDIN_FILENO ? O_WRONLY : O_RDONLY));
  }
}

void print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() && stdout_error == 0) stdout_error = errno;
}

bool flush_stdout() {
  if (std::fflush(stdout) != 0 && stdout_error == 0) stdout_error = errno;
  return stdout_error == 0;
}

bool close_stdout() {
  if (std::ferror(stdout) != 0 && stdout_error == 0) stdout_error = EIO;
  if (std::fflush(stdout) != 0 && stdout_error == 0) stdout_error = errno;
  // Some file systems tell only now that there is no room.
  if (std::fclose(stdout) != 0 && stdout_error == 0) stdout_error = errno;
  if (stdout_error == 0) return true;
  if (stdout_error != EPIPE) {
    write_message(std::string("muster: cannot write to standard output: ") + std::strerror(stdout_error));
  }
  return false;
}

void write_message(std::string_view line) { write_stderr(std::string(line) + '\n'); }

StatusLine::StatusLine() : visible_(can_erase_lines()) {}

StatusLine::~StatusLine() { clear(); }

void StatusLine::show(std::string_view text) {
  if (!visible_) return;
  // One column stays free: a full line would wrap on some terminals and could then not be erased.
  const auto room = static_cast<std::size_t>(std::max(1, terminal_columns(stderr) - 1));
  const std::scoped_lock lock(mutex_);
  write_stderr(std::string(kEraseLine).append(text.substr(0, room)));
  shown_ = true;
}

void StatusLine::clear() {
  const std::scoped_lock lock(mutex_);
  if (std::exchange(shown_, false)) write_stderr(kEraseLine);
}

void StatusLine::message(std::string_view line) {
  const std::scoped_lock lock(mutex_);
  std::string text(std::exchange(shown_, false) ? kEraseLine : "");
  write_stderr(text.append(line).append("\n"));
}

Ticker::Ticker(StatusLine& line, std::function<std::string()> text) : line_(line) {
  if (!line.visible()) return;
  thread_ = std::jthread([this, text = std::move(text)](const std::stop_token& stop) { run(stop, text); });
}

Ticker::~Ticker() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
  line_.clear();
}

void Ticker::run(const std::stop_token& stop, const std::function<std::string()>& text) {
  std::mutex mutex;
  std::condition_variable_any tick;
  std::unique_lock lock(mutex);
  do {
    line_.show(text());
    tick.wait_for(lock, stop, kTick, [] { return false; });
  } while (!stop.stop_requested());
}

InterruptGuard::InterruptGuard() {
  interrupt_noted = false;
  ::sigaction(SIGINT, nullptr, &before_);
  if (before_.sa_handler == SIG_IGN) return;
  struct sigaction noting{};
  noting.sa_handler = note_interrupt;
  noting.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &noting, nullptr);
}

InterruptGuard::~InterruptGuard() { ::sigaction(SIGINT, &before_, nullptr); }

bool InterruptGuard::interrupted() { return interrupt_noted.load(std::memory_order_relaxed); }

void die_of_interrupt() {
  std::fflush(stdout);
  struct sigaction fatal{};
  fatal.sa_handler = SIG_DFL;
  ::sigaction(SIGINT, &fatal, nullptr);
  sigset_t interrupt;
  ::sigemptyset(&interrupt);
  ::sigaddset(&interrupt, SIGINT);
  ::pthread_sigmask(SIG_UNBLOCK, &interrupt, nullptr);
  std::raise(SIGINT);
  std::_Exit(128 + SIGINT);
}

}  // namespace muster::cli
