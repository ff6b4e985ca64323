#pragma once
// Two for a tiny loop: a thread from outside that runs it, the guest, and the searcher that has the hatch. The guest
// hands the second half in there, runs the first, and waits. What goes over is one cache line each way; no count that
// others use changes. README.md beside this file has the argument, partner.pml the model.

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <muster/detail/task.hpp>
#include <muster/detail/wait_word.hpp>

#include "os/os.hpp"

namespace muster::engine::thread {

class Partner {
 public:
  // ---- the seat: a permit that the owner of the hatch keeps for guests, so that each need not ask for one ----

  // By a guest, which is known by an address of its own. Whoever has the seat is the only one with a half, and keeps it
  // until that is over.
  bool take_seat(const void* guest) noexcept { return pass(kFree, name(guest)); }
  // The same by one that has a permit, where there is a seat without.
  bool bring_permit(const void* guest) noexcept { return pass(kOffered, name(guest)); }
  // By the guest, with the permit. False: the owner keeps it no more, and it is the guest's to give back.
  bool return_seat(const void* guest) noexcept {
    if (pass(name(guest), kFree)) return true;
    clear_seat();
    return false;
  }
  // By the guest, which gives the permit back itself, and then the seat without one.
  void own_permit(const void* guest) noexcept { pass(name(guest), name(guest) | kOwned); }
  void clear_seat() noexcept { seat_.store(kNone, std::memory_order_release); }
  // By a thread that would have taken it.
  void want_seat() noexcept { pass(kNone, kWanted); }

  // By the owner of the hatch. False: nobody wants one.
  bool offer_seat() noexcept { return pass(kWanted, kOffered); }
  // True: nobody has it, and its permit is the owner's to give back. Else its guest will, or it has none.
  bool withdraw_seat() noexcept {
    for (;;) {
      const std::uintptr_t seat = seat_.load(std::memory_order_relaxed);
      if (seat == kNone || seat == kWanted || (seat & kOwned) != 0) return false;
      const bool taken = seat != kFree && seat != kOffered;
      if (pass(seat, taken ? seat | kOwned : kNone)) return seat == kFree;
    }
  }

  // ---- the half: what lies in the hatch ----

  // By the guest: the number of the half that it will hand in, and that it has done so.
  std::uint32_t next() const noexcept { return (turn_ + 1) & kTurns; }
  void handed_in() noexcept { turn_ = next(); }
  // By the guest: takes back what has not been begun. False: it has been, or is done.
  bool take_back(std::uint32_t turn) noexcept {
    std::uint32_t state = state_.load(std::memory_order_acquire);
    return turn_of(state) != turn &&
           state_.compare_exchange_strong(state, word(turn, kTakenBack), std::memory_order_acq_rel);
  }
  // The word that ends with is_over(value, turn), and whether all was run then. (It is looked at once: the owner has it
  // fetched again for the next half.)
  std::atomic<std::uint32_t>& state() noexcept { return state_; }
  static bool is_over(std::uint32_t state, std::uint32_t turn) noexcept {
    return turn_of(state) == turn && phase(state) != kBegun;
  }
  static bool was_run(std::uint32_t state) noexcept { return phase(state) == kRun; }

  // By the owner, of what lies in the hatch. False: it was taken back, and nothing of it may be touched.
  bool begin(std::uint32_t turn) noexcept {
    std::uint32_t state = state_.load(std::memory_order_relaxed);
    return turn_of(state) != turn &&
           state_.compare_exchange_strong(state, word(turn, kBegun), std::memory_order_acq_rel);
  }
  // From here on the loop may be gone.
  void end(std::uint32_t turn, bool was_run) noexcept {
    const std::uint32_t before = state_.exchange(word(turn, was_run ? kRun : kLeft), std::memory_order_acq_rel);
    if ((before & detail::kSleepers) != 0) os::futex_wake(state_, os::kAll, os::Scope::kPrivate);
  }
  // The owner will write it next.
  void fetch() const noexcept { os::fetch_to_write(&state_); }

 private:
  enum Phase : std::uint32_t { kBegun = 1, kRun = 2, kLeft = 3, kTakenBack = 4 };
  static constexpr std::uint32_t kPhase = 7;
  static constexpr unsigned kTurnAt = 18;
  static constexpr std::uint32_t kTurns = UINT32_MAX >> kTurnAt;
  static_assert((detail::kSleepers >> kTurnAt) == 0 && detail::kSleepers > kPhase);
  static constexpr std::uint32_t word(std::uint32_t turn, Phase phase) noexcept { return (turn << kTurnAt) | phase; }
  static std::uint32_t turn_of(std::uint32_t state) noexcept { return state >> kTurnAt; }
  static std::uint32_t phase(std::uint32_t state) noexcept { return state & kPhase; }

  static constexpr std::uintptr_t kNone = 0;
  static constexpr std::uintptr_t kOwned = 1;  // of a guest's name: the permit is its own
  static constexpr std::uintptr_t kWanted = 2;
  static constexpr std::uintptr_t kOffered = 4;
  static constexpr std::uintptr_t kFree = 6;  // with a permit; above: the name of the guest that has it
  static std::uintptr_t name(const void* guest) noexcept { return reinterpret_cast<std::uintptr_t>(guest); }
  // Looked at first: who finds another value leaves the line in peace.
  bool pass(std::uintptr_t from, std::uintptr_t to) noexcept {
    return seat_.load(std::memory_order_relaxed) == from &&
           seat_.compare_exchange_strong(from, to, std::memory_order_acq_rel, std::memory_order_relaxed);
  }

  // Of the guests.
  alignas(128) std::atomic<std::uintptr_t> seat_{kNone};
  std::uint32_t turn_ = 0;  // the last half that was handed in
  // Of the owner, and of the guest when it waits.
  alignas(128) std::atomic<std::uint32_t> state_{0};
};

}  // namespace muster::engine::thread
