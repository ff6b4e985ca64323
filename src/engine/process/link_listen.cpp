// Who is woken by what a worker publishes, and the caller who waits for it.

#include <utility>

#include "engine/process/link.hpp"
#include "os/interrupt.hpp"
#include "parts/sync/spin.hpp"

namespace muster::engine::process {

void Link::listen(std::uint32_t who) noexcept {
  if (who == listener_) return;
  const bool had_caller = listener_of(std::exchange(listener_, who)) == kCaller;
  channel().listener.store(who, std::memory_order_seq_cst);
  if (had_caller) os::futex_wake(channel().listener, os::kAll, os::Scope::kShared);
}

// The line is the worker's, too, so it is not written without need.
void Link::tell_cpu(int cpu) noexcept {
  if (cpu != callers_cpu_) channel().callers_cpu.store(cpu, std::memory_order_relaxed);
  callers_cpu_ = cpu;
}

Link::Watch Link::attend(const void* task, bool sleep) noexcept {
  attended_for_ = task;
  tell_cpu(os::current_cpu());
  listen(sleep ? caller(++callers_) : kNobody);
  return {up_.spot(), listener_};
}

void Link::leave(const void* task) noexcept {
  if (attended_for_ != task) return;
  attended_for_ = nullptr;
  if (std::exchange(listener_, kNobody) != kNobody) channel().listener.store(kNobody, std::memory_order_seq_cst);
}

// The worker leaves this CPU, and cannot as long as we have it.
template <class Answered>
void Link::make_way(const Answered& answered) noexcept {
  constexpr Nanos kMove = 1'000'000;  // it takes less, but for a CPU that somebody else has
  const Nanos until = os::now() + kMove;
  while (is_moving() && !answered() && os::now() < until) os::yield();
}

void Link::await_answer(const Watch& watch) noexcept {
  const std::atomic<std::uint32_t>& word = channel().listener;
  if (watch.listener == kNobody) {
    const auto answered = [&] { return watch.spot.is_taken(); };
    if (is_moving()) make_way(answered);
    // Who was answered in time will be the next time, too, or something has come between; then a sleep costs both of
    // them more than to hold out a little longer.
    constexpr Nanos kLonger = 10 * sync::kSpin;
    const bool longer = in_time_.load(std::memory_order_relaxed);
    const bool in_time = sync::spin_until(answered, longer ? kLonger : sync::kSpin);
    if (in_time != longer) in_time_.store(in_time, std::memory_order_relaxed);
    return;
  }
  in_time_.store(false, std::memory_order_relaxed);
  while (!watch.spot.is_taken() && word.load(std::memory_order_acquire) == watch.listener) {
    const Nanos until = os::next_look(os::kForever);
    if (os::futex_wait(word, watch.listener, os::Scope::kShared, until) == os::FutexWait::kTimedOut) return;
  }
}

void Link::dismiss() noexcept {
  channel().listener.store(kNobody, std::memory_order_seq_cst);
  os::futex_wake(channel().listener, os::kAll, os::Scope::kShared);
}

}  // namespace muster::engine::process
