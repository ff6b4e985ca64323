#pragma once
// In a worker: on which CPU it runs, beside the caller who waits for it.
//
// Who is woken often comes to run where he was woken from: always where the other CPUs are virtual ones that lie still.
// A call takes two switches of one CPU from one to the other then, and whoever spins there keeps the other from going
// on. That is the best for one call. But where calls follow each other closely the worker moves away once, and both
// spin from then on, which takes a tenth of that.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <utility>

#include "engine/process/channel.hpp"
#include "os/os.hpp"
#include "os/process.hpp"

namespace muster::engine::process {

class Whereabouts {
 public:
  explicit Whereabouts(Channel& channel) noexcept : channel_(channel) {}

  // After each entry, which has ended at `now`. Where the caller, if he was woken by now, runs instead of us, he makes
  // way until we have left.
  void answered(os::Nanos now) noexcept {
    const int cpu = os::current_cpu();
    shares_cpu_ = channel_.callers_cpu.load(std::memory_order_relaxed) == cpu;
    if (is_close_call(now)) {
      say(Channel::kMoving);
      move_away();
      say(os::current_cpu());
      shares_cpu_ = false;
    } else {
      say(cpu);
    }
  }

  // Whether the caller cannot go on as long as we spin.
  bool shares_cpu() const noexcept { return shares_cpu_; }

 private:
  // The last of many that came soon after each other from a caller on this CPU: to move costs as much as they do. Of
  // few, in a long row of close calls for which we were elsewhere: then something came between that lasted longer than
  // both spin.
  bool is_close_call(os::Nanos now) noexcept {
    constexpr os::Nanos kClosely = 100'000;
    constexpr os::Nanos kRest = 1'000'000;
    constexpr int kMany = 16;
    constexpr int kFew = 2;
    constexpr int kLongRow = 64;
    const os::Nanos between = now - std::exchange(answered_at_, now);
    if (between >= kRest) apart_ = 0;
    if (!shares_cpu_) {
      close_calls_ = 0;
      apart_ = std::min(apart_ + 1, kLongRow);
      return false;
    }
    close_calls_ = between < kClosely ? close_calls_ + 1 : 0;
    if (close_calls_ < (apart_ == kLongRow ? kFew : kMany)) return false;
    close_calls_ = 0;
    apart_ = 0;
    return true;
  }

  static void move_away() noexcept {
    os::CpuSet before{};
    if (os::keep_off_this_cpu(0, before)) os::allow_again(before);
  }

  void say(int cpu) noexcept {
    if (cpu == said_) return;
    said_ = cpu;
    channel_.workers_cpu.store(cpu, std::memory_order_relaxed);
  }

  Channel& channel_;
  bool shares_cpu_ = false;
  int said_ = -1;
  os::Nanos answered_at_ = 0;
  int close_calls_ = 0;  // in a row, of a caller on this CPU
  int apart_ = 0;        // calls of a caller elsewhere, with no rest between
};

}  // namespace muster::engine::process
