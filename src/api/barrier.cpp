#include <muster/barrier.hpp>

#include <mutex>
#include <string>
#include <utility>

#include <muster/detail/waits.hpp>

namespace muster::threading {

Barrier::Barrier(int parties, std::function<void()> action, Duration timeout)
    : parties_(parties), action_(std::move(action)), timeout_(timeout) {
  if (parties < 1) throw ValueError("a barrier is for at least one thread, not for " + std::to_string(parties));
}

int Barrier::wait() { return wait(timeout_); }

// Who comes while the last ones are still leaving waits until they have left.
int Barrier::wait(Duration timeout) {
  const std::scoped_lock guard(lock_);
  await_filling();
  if (state_ == State::kBroken) throw BrokenBarrierError("the barrier is broken");
  struct Leave {
    Barrier& barrier;
    ~Leave() {
      const bool emptied = --barrier.inside_ == 0;
      if (!emptied || barrier.state_ == State::kFilling || barrier.state_ == State::kBroken) return;
      barrier.state_ = State::kFilling;
      barrier.changed_.notify_all();
    }
  };
  const int number = inside_++;
  const Leave leave{*this};
  if (number + 1 == parties_) {
    let_go();
  } else {
    await_release(timeout);
  }
  return number;
}

void Barrier::await_filling() {
  if (state_ == State::kFilling || state_ == State::kBroken) return;
  const detail::Waiting waiting(detail::WaitsFor::kBarrier, this, detail::kForever);
  changed_.wait_for([this] { return state_ == State::kFilling || state_ == State::kBroken; });
}

void Barrier::let_go() {
  try {
    if (action_) action_();
  } catch (...) {
    become_broken();
    throw;
  }
  state_ = State::kDraining;
  changed_.notify_all();
}

void Barrier::await_release(Duration timeout) {
  const detail::Waiting waiting(detail::WaitsFor::kBarrier, this, detail::kForever);
  if (!changed_.wait_for([this] { return state_ != State::kFilling; }, timeout)) {
    become_broken();
    throw BrokenBarrierError("not all came to the barrier in time");
  }
  if (state_ != State::kDraining) throw BrokenBarrierError("the barrier was broken or reset");
}

void Barrier::reset() {
  const std::scoped_lock guard(lock_);
  // Those that were let go already have not been reset.
  if (inside_ == 0) {
    state_ = State::kFilling;
  } else if (state_ != State::kDraining) {
    state_ = State::kResetting;
  }
  changed_.notify_all();
}

void Barrier::abort() {
  const std::scoped_lock guard(lock_);
  become_broken();
}

void Barrier::become_broken() {
  state_ = State::kBroken;
  changed_.notify_all();
}

int Barrier::n_waiting() {
  const std::scoped_lock guard(lock_);
  return state_ == State::kFilling ? inside_ : 0;
}

bool Barrier::broken() {
  const std::scoped_lock guard(lock_);
  return state_ == State::kBroken;
}

}  // namespace muster::threading
