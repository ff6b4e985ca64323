#pragma once
// Who is awake: the protocol by which workers fall asleep and are woken. README.md beside this file has its argument,
// sleep.pml its model.

#include <atomic>
#include <cstdint>
#include <vector>

#include <muster/detail/lock_word.hpp>

#include "engine/thread/bed.hpp"
#include "os/os.hpp"

namespace muster::engine::thread {

// Counts permits and searchers. Lasting: who has published work may wake somebody for it when it has been done, and its
// pool has ended; of a pool's workers, one more than needed may be woken that way. A permit is the right to run tasks;
// there are as many as workers. A worker holds one while it is awake, and a thread from outside that helps with its own
// loop holds one meanwhile. A searcher is an awake worker that has no work and looks for some.
//
// Invariant: while work is pending and a permit is free, somebody searches, or is about to call notify().
class Sleep {
 public:
  // For an engine that begins: nobody is awake or asleep, and there are no permits.
  void begin() noexcept;

  // How many tasks may run at a time; a worker whose number is not below that stops taking work.
  std::uint64_t permits() const noexcept { return permits_.load(std::memory_order_relaxed); }
  // Changes that. Of fewer, those that are held go on; of more, whoever calls this looks for pending work and
  // notifies: a publisher that found no permit free relied on it.
  void set_permits(int permits) noexcept;
  // For workers that come later. Room for so many beds in all; throws std::bad_alloc.
  void reserve(int workers);
  // A worker is about to start. It does not search yet: it may have other things to do first.
  void arrive() noexcept { counts_.fetch_add(kAwake, std::memory_order_seq_cst); }
  // A worker goes for good. As after lying down, pending work is to be announced then.
  void depart(bool searching) noexcept {
    counts_.fetch_sub(kAwake + (searching ? kSearching : 0), std::memory_order_seq_cst);
  }

  // To be called after work was published by a sequentially consistent write, or when it is about to be. Wakes a worker
  // if nobody searches and a permit is free; costs a load otherwise.
  void notify() noexcept {
    if (wanted(counts_.load(std::memory_order_seq_cst))) wake_one();
  }

  // Has the counts fetched for who is about to change them.
  void fetch() const noexcept { os::fetch_to_write(&counts_); }

  // Whether more permits are held than there are: there are fewer now.
  bool crowded() const noexcept {
    return awake(counts_.load(std::memory_order_relaxed)) > permits_.load(std::memory_order_relaxed);
  }

  // Whether somebody searches: what is published now costs no wake-up.
  bool anybody_searches() const noexcept { return searching(counts_.load(std::memory_order_relaxed)) > 0; }

  // A worker without work asks to be a searcher; false when enough others are. Whoever is not may sleep at once.
  bool begin_search() noexcept;
  // A searcher has found work. If it was the last one, it must look whether there is more, and notify then.
  bool end_search() noexcept;

  // Gives the permit (and the search) up and sleeps until called. Between the two, `pending` is asked: work that was
  // published before the permit was given up is nobody else's to announce.
  // When the worker was called, if it slept by then; else 0.
  template <class Pending>
  os::Nanos sleep(Bed& bed, bool searching, Pending pending) {
    lie_down(bed, searching);
    if (pending()) notify();
    return bed.doze();
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
  bool wanted(std::uint64_t counts) const noexcept {
    return searching(counts) == 0 && awake(counts) < permits_.load(std::memory_order_seq_cst);
  }

  void wake_one() noexcept;
  void lie_down(Bed& bed, bool searching) noexcept;

  std::atomic<std::uint64_t> permits_{0};
  std::atomic<std::uint64_t> most_searching_{1};
  alignas(64) std::atomic<std::uint64_t> counts_{0};
  alignas(64) detail::PrivateLock lock_;
  std::vector<Bed*> asleep_;  // under lock_; the last to lie down is woken first, its caches are warm

 public:
  Sleep* next_unused = nullptr;  // Lasting's
};

}  // namespace muster::engine::thread
