#include "os/linux/descriptor.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>
#include <csignal>
#include <cstring>

namespace muster::os {

namespace {

constexpr int kFirstOwn = 3;  // after the standard streams

}  // namespace

void Descriptor::reset() noexcept {
  if (number_ < 0) return;
  const int callers_errno = errno;
  close(std::exchange(number_, -1));
  errno = callers_errno;
}

Descriptor own(int made) noexcept {
  Descriptor descriptor(made);
  if (made < 0 || made >= kFirstOwn) return descriptor;
  return Descriptor(fcntl(made, F_DUPFD_CLOEXEC, kFirstOwn));
}

Descriptor own_or_throw(int made, const char* what) {
  Descriptor descriptor = own(made);
  if (!descriptor) throw_error(errno, what);
  return descriptor;
}

bool is_open(int descriptor) noexcept {
  const int callers_errno = errno;
  const bool open = fcntl(descriptor, F_GETFD) >= 0;
  errno = callers_errno;
  return open;
}

// ---- closing and renumbering ----------------------------------------------------------------------------------------

namespace {

// Those that are open, the one that reads the folder left out. Nothing where the system does not say.
std::optional<std::vector<int>> open_numbers() {
  DIR* const folder = opendir("/proc/self/fd");
  if (folder == nullptr) return std::nullopt;
  std::vector<int> numbers;
  while (const dirent* const entry = readdir(folder)) {  // NOLINT(concurrency-mt-unsafe): the folder is ours
    int number = -1;
    std::from_chars(entry->d_name, entry->d_name + std::strlen(entry->d_name), number);
    if (number >= 0 && number != dirfd(folder)) numbers.push_back(number);
  }
  closedir(folder);
  return numbers;
}

// A file that can neither be read nor written.
Descriptor open_nothing() noexcept {
  Descriptor nothing = own(open("/dev/null", O_PATH | O_CLOEXEC));
  return nothing ? std::move(nothing) : own(open("/", O_PATH | O_CLOEXEC));
}

void close_range_or_each(int first, int last) noexcept {
  if (first > last) return;
  const auto from = static_cast<unsigned>(first);
  const auto to = static_cast<unsigned>(last);
  if (syscall(SYS_close_range, from, to, 0U) == 0) return;
  const long limit = sysconf(_SC_OPEN_MAX);
  for (int number = first; number <= last && number < limit; ++number) close(number);
}

}  // namespace

void close_all_but(std::vector<int> keep) noexcept {
  std::erase_if(keep, [](int number) { return number < kFirstOwn; });
  std::ranges::sort(keep);
  const auto kept = [&](int number) { return number < kFirstOwn || std::ranges::binary_search(keep, number); };
  const Descriptor nothing = open_nothing();
  const std::optional<std::vector<int>> numbers = open_numbers();
  if (nothing && numbers) {
    for (const int number : *numbers) {
      if (kept(number) || number == nothing.number()) continue;
      if (dup3(nothing.number(), number, O_CLOEXEC) < 0) close(number);
    }
    return;
  }
  int first = kFirstOwn;
  for (const int number : keep) {
    close_range_or_each(first, number - 1);
    first = number + 1;
  }
  close_range_or_each(first, INT_MAX);
}

namespace {

// Takes a number that is not among `taken` (sorted).
void move_away(Descriptor& descriptor, const std::vector<int>& taken) {
  if (!std::ranges::binary_search(taken, descriptor.number())) return;
  std::vector<Descriptor> tried;  // held until the end: else they would be given again
  while (std::ranges::binary_search(taken, descriptor.number())) {
    Descriptor other = own_or_throw(fcntl(descriptor.number(), F_DUPFD_CLOEXEC, kFirstOwn), "cannot move a descriptor");
    tried.push_back(std::move(descriptor));
    descriptor = std::move(other);
  }
}

}  // namespace

void renumber(std::vector<std::pair<Descriptor, int>> moved, std::span<Descriptor* const> apart) {
  std::vector<int> taken;
  for (const auto& [descriptor, number] : moved) taken.push_back(number);
  std::ranges::sort(taken);
  for (Descriptor* const descriptor : apart) move_away(*descriptor, taken);
  for (auto& [descriptor, number] : moved) move_away(descriptor, taken);
  for (auto& [descriptor, number] : moved) {
    const int flags = number < kFirstOwn ? 0 : O_CLOEXEC;
    if (dup3(descriptor.number(), number, flags) < 0) throw_error(errno, "cannot give a descriptor its number");
  }
}

// ---- waiting --------------------------------------------------------------------------------------------------------

Bell::Bell() : event_(own_or_throw(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "cannot make a bell")) {}

void Bell::ring() noexcept {
  const int callers_errno = errno;
  // Refused only where it has been rung 2^64 times and nobody has listened.
  const std::uint64_t once = 1;
  while (write(event_.number(), &once, sizeof once) < 0 && errno == EINTR) {
  }
  errno = callers_errno;
}

void Bell::silence() noexcept {
  const int callers_errno = errno;
  std::uint64_t times = 0;
  while (read(event_.number(), &times, sizeof times) < 0 && errno == EINTR) {
  }
  errno = callers_errno;
}

bool wait_readable(std::span<const int> descriptors, std::span<bool> ready, Nanos deadline) noexcept {
  constexpr std::size_t kFew = 64;
  std::array<pollfd, kFew> few;
  std::vector<pollfd> many;
  if (descriptors.size() > kFew) many.resize(descriptors.size());
  const std::span<pollfd> polled(descriptors.size() > kFew ? many.data() : few.data(), descriptors.size());
  for (std::size_t i = 0; i < polled.size(); ++i) polled[i] = {descriptors[i], POLLIN, 0};
  const int callers_errno = errno;
  timespec left = {};
  if (deadline != kForever) {
    const Nanos rest = std::max<Nanos>(deadline - now(), 0);
    left = {static_cast<time_t>(rest / 1'000'000'000), static_cast<long>(rest % 1'000'000'000)};
  }
  const int answer = ppoll(polled.data(), polled.size(), deadline == kForever ? nullptr : &left, nullptr);
  errno = callers_errno;
  for (std::size_t i = 0; i < ready.size(); ++i) ready[i] = answer > 0 && polled[i].revents != 0;
  return answer > 0;
}

Descriptor copies_ended() {
  sigset_t ended;
  sigemptyset(&ended);
  sigaddset(&ended, SIGCHLD);
  return own_or_throw(signalfd(-1, &ended, SFD_CLOEXEC | SFD_NONBLOCK), "cannot watch for ended processes");
}

void silence_ended(const Descriptor& copies_ended) noexcept {
  signalfd_siginfo told;
  while (read(copies_ended.number(), &told, sizeof told) > 0) {
  }
}

}  // namespace muster::os
