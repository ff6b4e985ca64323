#pragma once
// Who died, when and of what: written by the workers just before they die and by who kills them, in memory that all of
// them share. So whoever is told of a loss can ask whether there was a death, and how long ago.

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace muster::chaos {

using Clock = std::chrono::steady_clock;  // of the machine, the same in all processes

enum class Death : std::uint8_t {
  kExit,
  kSegfault,
  kAbort,
  kOverflow,
  kMemoryLimit,
  kKillsItself,
  kKilled,
  kStoppedAndKilled,
  kTimeLimit,
};
inline constexpr std::size_t kDeaths = 9;
std::string_view name_of(Death death);

class Board {
 public:
  static constexpr std::size_t kItems = 512;  // of one call, at most

  // The program's, made by the first call; and what workers know it by.
  static Board& make();
  static int descriptor() noexcept;
  // The same in a worker.
  static Board& in_worker(int descriptor);

  // The process is about to die.
  void note(int pid) noexcept;
  void count(Death death) noexcept { counts_[static_cast<std::size_t>(death)].fetch_add(1); }
  std::uint64_t counted(Death death) const noexcept { return counts_[static_cast<std::size_t>(death)].load(); }
  std::uint64_t counted() const noexcept;

  // How often the items of the calls that are on their way have begun.
  void forget_begun() noexcept;
  void note_begun(long item) noexcept { begun_[static_cast<std::size_t>(item) % begun_.size()].fetch_add(1); }
  int begun(long item) const noexcept { return begun_[static_cast<std::size_t>(item) % begun_.size()].load(); }

  // When the process was about to die; nothing: nobody killed it.
  std::optional<Clock::time_point> died_at(int pid) const noexcept;
  // The same once: a death explains one loss.
  bool explains_loss(int pid) noexcept;

 private:
  struct Note {
    std::atomic<int> pid;
    std::atomic<bool> told;
    std::atomic<Clock::rep> at;
  };
  Note& note_of(int pid) noexcept { return notes_[static_cast<std::size_t>(pid) % notes_.size()]; }

  // Zeros at first.
  std::array<std::atomic<std::uint64_t>, kDeaths> counts_;
  std::array<std::atomic<int>, kItems> begun_;
  std::array<Note, 1U << 16U> notes_;
};

}  // namespace muster::chaos
