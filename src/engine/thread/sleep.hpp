#pragma once
// Who is awake: the protocol by which workers fall asleep and are woken. README.md beside this file has its argument,
// sleep.pml its model.

#include <atomic>
#include <cstdint>
#include <vector>

#include <muster/detail/lock_word.hpp>

namespace muster::engine::thread {

// Where one worker sleeps.
struct Bed {
  std::atomic<std::uint32_t> called{1};  // 0: asleep, or about to be
};

// Counts permits and searchers. A permit is the right to run tasks; there are as many as workers. A worker holds one
// while it is awake, and a thread from outside that helps with its own loop holds one meanwhile. A searcher is an awake
// worker that has no work and looks for some.
//
// Invariant: while work is pending and a permit is free, somebody searches, or is about to call notify().
class Sleep {
 public:
  // All workers start awake and searching.
  explicit Sleep(int workers);

  // To be called after work was published by a sequentially consistent write. Wakes a worker if nobody searches and a
  // permit is free; costs a load otherwise.
  void notify() noexcept {
    if (wanted(counts_.load(std::memory_order_seq_cst))) wake_one();
  }

  // A worker without work asks to be a searcher; false when enough others are. Whoever is not may sleep at once.
  bool begin_search() noexcept;
  // A searcher has found work. If it was the last one, it must look whether there is more, and notify then.
  bool end_search() noexcept;

  // Gives the permit (and the search) up and sleeps until called. Between the two, `pending` is asked: work that was
  // published before the permit was given up is nobody else's to announce.
  template <class Pending>
  void sleep(Bed& bed, bool searching, Pending pending) {
    lie_down(bed, searching);
    if (pending()) notify();
    doze(bed);
  }

  // A permit for a thread from outside, if one is free.
  bool enter() noexcept;
  // Gives it back; if work is pending then, notify() must follow.
  void leave() noexcept;

  void wake_everybody() noexcept;

  // Orders what finishing workers wrote before they last changed the counts before what the caller reads next.
  void synchronize() const noexcept { static_cast<void>(counts_.load(std::memory_order_seq_cst)); }

 private:
  static constexpr std::uint64_t kAwake = 1;
  static constexpr std::uint64_t kSearching = std::uint64_t{1} << 32U;
  static std::uint64_t awake(std::uint64_t counts) noexcept { return counts & (kSearching - 1); }
  static std::uint64_t searching(std::uint64_t counts) noexcept { return counts >> 32U; }
  bool wanted(std::uint64_t counts) const noexcept { return searching(counts) == 0 && awake(counts) < permits_; }

  void wake_one() noexcept;
  void lie_down(Bed& bed, bool searching) noexcept;
  static void doze(Bed& bed) noexcept;
  static void call(Bed& bed) noexcept;

  const std::uint64_t permits_;
  const std::uint64_t most_searching_;
  alignas(64) std::atomic<std::uint64_t> counts_;
  alignas(64) detail::PrivateLock lock_;
  std::vector<Bed*> asleep_;  // under lock_; the last to lie down is woken first, its caches are warm
};

}  // namespace muster::engine::thread
