#pragma once
// Whether loops that are over in microseconds are worth sharing. Waking somebody for one is not. But of many that
// follow each other closely each may be, with a worker that is awake and looks for work already. What sharing costs
// depends on how far apart the machine's CPUs are, and on the loops; so it is tried: some are run alone, some with a
// worker that is woken for that, and what was faster is done for a while.
//
// Only advice, so the accesses need no order; several callers may spoil each other's counts a little.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <type_traits>

#include <muster/detail/task.hpp>

namespace muster::engine::thread {

class TinyLoops {
 public:
  enum class Advice : std::uint8_t { kAlone, kAloneAndInvite, kShare };

  // For a loop that begins. `searched`: somebody looks for work just now.
  Advice advise(detail::Nanos now, bool searched) noexcept {
    const bool close = now - get(ended_) < kClosely;
    const Phase phase = get(phase_);
    if (phase == Phase::kTryAlone && !close) go_to(Phase::kTryAlone);
    if (phase == Phase::kTryAlone || phase == Phase::kAlone) return Advice::kAlone;
    if (searched) return Advice::kShare;
    set(lonely_, close ? get(lonely_) + 1 : 1);
    if (get(lonely_) < kSome) return Advice::kAlone;
    set(lonely_, 0);
    set(invitations_, get(invitations_) + 1);
    return Advice::kAloneAndInvite;
  }

  // For one that has ended. `expected`: what it would take alone, by what its items took before.
  void ran(bool shared, detail::Nanos took, detail::Nanos expected, detail::Nanos ended) noexcept {
    set(ended_, ended);
    const detail::Nanos ratio =
        std::min<detail::Nanos>(took * kUnit / std::max<detail::Nanos>(expected, 1), 100 * kUnit);
    switch (get(phase_)) {
      case Phase::kTryAlone:
        count(ratio);
        if (get(count_) >= kSome) {
          const detail::Nanos alone = get(sum_);
          go_to(Phase::kTryShared);
          set(alone_, alone);
          set(lonely_, kSome);  // invite at once
        }
        break;
      case Phase::kTryShared:
        if (shared) count(get(count_) < kSome ? 0 : ratio);  // the first ones warm up
        if (get(count_) >= 2 * kSome) {
          decide(get(sum_) * 8 < get(alone_) * 7);
        } else if (get(invitations_) > kMostInvitations) {
          decide(false);
        }
        break;
      case Phase::kShared:
      case Phase::kAlone:
        count(0);
        if (get(count_) >= (get(phase_) == Phase::kShared ? kLong : get(alone_for_)) ||
            get(invitations_) > kMostInvitations) {
          go_to(Phase::kTryAlone);
        }
        break;
    }
  }

 private:
  enum class Phase : std::uint8_t { kTryAlone, kTryShared, kShared, kAlone };

  static constexpr detail::Nanos kClosely = 10'000;
  static constexpr detail::Nanos kUnit = 256;
  static constexpr int kSome = 32;
  static constexpr int kLong = 4096;  // until what is good is tried again, and what has never been better;
  static constexpr int kShort = 256;  // and what failed once, perhaps since something came between
  static constexpr int kMostInvitations = 4;

  template <class T>
  static T get(const std::atomic<T>& value) noexcept {
    return value.load(std::memory_order_relaxed);
  }
  template <class T>
  static void set(std::atomic<T>& value, std::type_identity_t<T> to) noexcept {
    value.store(to, std::memory_order_relaxed);
  }
  void count(detail::Nanos ratio) noexcept {
    set(sum_, get(sum_) + ratio);
    set(count_, get(count_) + 1);
  }
  void decide(bool shared) noexcept {
    set(alone_for_, shared ? kShort / 2 : std::min(2 * get(alone_for_), kLong));
    go_to(shared ? Phase::kShared : Phase::kAlone);
  }
  void go_to(Phase phase) noexcept {
    set(phase_, phase);
    set(count_, 0);
    set(sum_, 0);
    set(lonely_, 0);
    set(invitations_, 0);
  }

  std::atomic<Phase> phase_{Phase::kTryAlone};
  std::atomic<int> count_{0};               // of loops in this phase
  std::atomic<detail::Nanos> sum_{0};       // of their times, as parts of what was expected
  std::atomic<detail::Nanos> alone_{0};     // the sum of those that were tried alone
  std::atomic<int> alone_for_{kShort / 2};  // how many loops, after a trial that did not pay; twice as many each time
  std::atomic<int> lonely_{0};              // how many in a row found nobody to share with
  std::atomic<int> invitations_{0};         // in this phase
  std::atomic<detail::Nanos> ended_{0};     // when the last loop did
};

}  // namespace muster::engine::thread
