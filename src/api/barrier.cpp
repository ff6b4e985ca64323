#include <muster/detail/basic_barrier.hpp>

#include <string>

#include <muster/condition.hpp>
#include <muster/detail/waits.hpp>
#include <muster/shared_condition.hpp>

namespace muster::detail {
namespace {

constexpr std::uint64_t kKept = 64;

}  // namespace

template <class Condition>
BasicBarrier<Condition>::BasicBarrier(int parties, Duration timeout) : parties_(parties), timeout_(timeout) {
  if (parties < 1) throw ValueError("a barrier is for at least one party, not for " + std::to_string(parties));
}

// Calls `body` with the lock held. A process that died with the lock has left who knows what behind: the barrier is
// broken then.
template <class Condition>
template <class Body>
int BasicBarrier<Condition>::locked(const Body& body) {
  try {
    changed_.acquire();
  } catch (const OwnerDied&) {
    become_broken();
  }
  struct Release {
    Condition& lock;
    ~Release() { lock.release(); }
  };
  const Release release{changed_};
  try {
    return body();
  } catch (const OwnerDied&) {
    become_broken();
    throw BrokenBarrierError("a process died at the barrier");
  }
}

template <class Condition>
int BasicBarrier<Condition>::wait(Duration timeout, const std::function<void()>& action) {
  return locked([&] { return arrive(timeout, action); });
}

template <class Condition>
int BasicBarrier<Condition>::arrive(Duration timeout, const std::function<void()>& action) {
  if (broken_) throw BrokenBarrierError("the barrier is broken");
  const int number = arrived_++;
  if (number + 1 == parties_) {
    try {
      if (action) action();
    } catch (...) {
      become_broken();
      throw;
    }
    begin_turn(false);
    return number;
  }
  const std::uint64_t turn = turn_;
  const Waiting waiting(WaitsFor::kBarrier, this, kForever);
  const auto is_over = [&] { return turn_ != turn; };
  bool in_time = false;
  try {
    in_time = changed_.wait_for(is_over, timeout);
  } catch (const Interrupted&) {
    if (!is_over()) become_broken();
    throw;
  }
  if (!in_time) {
    become_broken();
    throw BrokenBarrierError("not all came to the barrier in time");
  }
  if (has_failed(turn)) throw BrokenBarrierError("the barrier was broken or reset");
  return number;
}

template <class Condition>
bool BasicBarrier<Condition>::has_failed(std::uint64_t turn) const noexcept {
  return turn_ - turn > kKept || (failed_ >> turn % kKept & 1U) != 0;
}

template <class Condition>
int BasicBarrier<Condition>::begin_turn(bool last_failed) {
  const std::uint64_t bit = std::uint64_t{1} << turn_ % kKept;
  failed_ = last_failed ? failed_ | bit : failed_ & ~bit;
  ++turn_;
  arrived_ = 0;
  changed_.notify_all();
  return 0;
}

template <class Condition>
void BasicBarrier<Condition>::become_broken() {
  broken_ = true;
  begin_turn(true);
}

template <class Condition>
void BasicBarrier<Condition>::reset() {
  locked([this] {
    broken_ = false;
    return arrived_ > 0 ? begin_turn(true) : 0;
  });
}

template <class Condition>
void BasicBarrier<Condition>::abort() {
  locked([this] {
    become_broken();
    return 0;
  });
}

template <class Condition>
int BasicBarrier<Condition>::n_waiting() {
  return locked([this] { return arrived_; });
}

template <class Condition>
bool BasicBarrier<Condition>::broken() {
  return locked([this] { return broken_ ? 1 : 0; }) != 0;
}

template class BasicBarrier<threading::Condition>;
template class BasicBarrier<multiprocessing::Condition>;

}  // namespace muster::detail
