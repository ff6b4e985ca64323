#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <optional>
#include <string_view>

#include "os/linux/copies.hpp"
#include "os/process.hpp"

namespace muster::os {
namespace {

constexpr std::uint64_t kIds = (std::uint64_t{1} << 22U) - 1;
constexpr unsigned kStartBit = 42;

// What the kernel's file on a process says.
struct Stat {
  char state = '?';
  long threads = 0;
  std::uint64_t start = 0;
};

// Counts the fields from the end of the program's name, which may have anything in it: state is the 1st from there, the
// number of threads the 18th, the start the 20th (proc_pid_stat(5), where the state is the 3rd of all).
std::optional<Stat> parse(std::string_view text) noexcept {
  constexpr int kState = 1;
  constexpr int kThreads = 18;
  constexpr int kStart = 20;
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return {};
  text.remove_prefix(name_end + 1);
  Stat stat;
  for (int field = 1; field <= kStart; ++field) {
    const std::size_t begin = text.find_first_not_of(' ');
    if (begin == std::string_view::npos) return {};
    text.remove_prefix(begin);
    const std::string_view word = text.substr(0, text.find(' '));
    if (field == kState) stat.state = word.front();
    if (field == kThreads) std::from_chars(word.data(), word.data() + word.size(), stat.threads);
    if (field == kStart) std::from_chars(word.data(), word.data() + word.size(), stat.start);
    text.remove_prefix(word.size());
  }
  return stat;
}

// Allocates nothing: who asks holds locks.
std::optional<Stat> stat_of(std::uint64_t id) noexcept {
  std::array<char, 32> path{};
  std::snprintf(path.data(), path.size(), "/proc/%llu/stat", static_cast<unsigned long long>(id));
  const int file = open(path.data(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  std::array<char, 1024> text{};
  const ssize_t length = read(file, text.data(), text.size());
  close(file);
  return length > 0 ? parse({text.data(), static_cast<std::size_t>(length)}) : std::nullopt;
}

constinit std::atomic<std::uint64_t> g_mark{0};

std::uint64_t make_process_mark() noexcept {
  const int error = errno;
  const auto id = static_cast<std::uint64_t>(getpid());
  const std::uint64_t mark = id | stat_of(id).value_or(Stat{}).start << kStartBit;
  g_mark.store(mark, std::memory_order_relaxed);
  errno = error;
  return mark;
}

}  // namespace

void forget_process_mark() noexcept { g_mark.store(0, std::memory_order_relaxed); }

std::uint64_t process_mark() noexcept {
  const std::uint64_t known = g_mark.load(std::memory_order_relaxed);
  return known != 0 ? known : make_process_mark();
}

// A process whose first thread has ended is listed as a zombie while others live.
bool has_died(std::uint64_t mark) noexcept {
  const int error = errno;
  const std::uint64_t id = mark & kIds;
  const std::uint64_t start = mark >> kStartBit;
  bool died = false;
  if (const std::optional<Stat> stat = stat_of(id)) {
    const bool is_another = start != 0 && stat->start << kStartBit != start << kStartBit;
    died = is_another || ((stat->state == 'Z' || stat->state == 'X') && stat->threads <= 1);
  } else {
    died = kill(static_cast<pid_t>(id), 0) != 0 && errno == ESRCH;
  }
  errno = error;
  return died;
}

}  // namespace muster::os
