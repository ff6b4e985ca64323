#include "tests/chaos/board.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <numeric>
#include <system_error>

namespace muster::chaos {
namespace {

int g_descriptor = -1;

void* map(int descriptor) {
  void* const memory = mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "cannot map the board");
  return memory;
}

int create() {
  const int descriptor = memfd_create("chaos-board", MFD_CLOEXEC);
  if (descriptor < 0 || ftruncate(descriptor, sizeof(Board)) != 0) {
    throw std::system_error(errno, std::generic_category(), "cannot make the board");
  }
  return descriptor;
}

}  // namespace

std::string_view name_of(Death death) {
  constexpr std::array<std::string_view, kDeaths> kNames{"_exit",          "segmentation fault", "abort",
                                                         "stack overflow", "memory limit",       "kills itself",
                                                         "SIGKILL",        "SIGSTOP+SIGKILL",    "time limit"};
  return kNames[static_cast<std::size_t>(death)];
}

Board& Board::make() {
  static Board* const board = [] {
    g_descriptor = create();
    return static_cast<Board*>(map(g_descriptor));
  }();
  return *board;
}

int Board::descriptor() noexcept { return g_descriptor; }

Board& Board::in_worker(int descriptor) {
  static Board* const board = static_cast<Board*>(map(descriptor));
  return *board;
}

void Board::note(int pid) noexcept {
  Note& note = note_of(pid);
  // Not over what the process itself writes at the same time, when it dies just as somebody is about to kill it.
  if (int before = note.pid.load(); before != pid) {
    note.pid.compare_exchange_strong(before, 0);
  }
  note.at.store(Clock::now().time_since_epoch().count());
  note.told.store(false);
  note.pid.store(pid);
}

std::uint64_t Board::counted() const noexcept {
  return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const auto& count) { return sum + count.load(); });
}

void Board::forget_begun() noexcept {
  for (auto& count : begun_) count.store(0);
}

std::optional<Clock::time_point> Board::died_at(int pid) const noexcept {
  const Note& note = notes_[static_cast<std::size_t>(pid) % notes_.size()];
  if (note.pid.load() != pid) return std::nullopt;
  return Clock::time_point(Clock::duration(note.at.load()));
}

bool Board::explains_loss(int pid) noexcept {
  Note& note = note_of(pid);
  return note.pid.load() == pid && !note.told.exchange(true);
}

}  // namespace muster::chaos
