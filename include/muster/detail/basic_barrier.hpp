#pragma once
// Barrier, for the threads of a process and between processes.

#include <cstdint>
#include <functional>

#include <muster/detail/export.hpp>
#include <muster/duration.hpp>
#include <muster/error.hpp>

namespace muster::detail {

// Each filling of the barrier is a turn. Who waits remembers its turn and waits for the next one to begin; whether the
// turn was completed or failed is kept for the last 64. So nobody has to be waited for before the next turn, and one
// that was killed keeps nobody.
template <class Condition>
class MUSTER_EXPORT BasicBarrier {
 public:
  // Throws ValueError for less than one party.
  MUSTER_EXPORT BasicBarrier(int parties, Duration timeout);
  BasicBarrier(const BasicBarrier&) = delete;
  BasicBarrier& operator=(const BasicBarrier&) = delete;

  // As new; those that wait get BrokenBarrierError.
  MUSTER_EXPORT void reset();
  // Breaks the barrier.
  MUSTER_EXPORT void abort();

  int parties() const noexcept { return parties_; }
  // How many wait now.
  MUSTER_EXPORT int n_waiting();
  MUSTER_EXPORT bool broken();

 protected:
  // `action` may be empty.
  MUSTER_EXPORT int wait(Duration timeout, const std::function<void()>& action);
  Duration timeout() const noexcept { return timeout_; }

 private:
  template <class Body>
  int locked(const Body& body);
  int arrive(Duration timeout, const std::function<void()>& action);
  int begin_turn(bool last_failed);
  void become_broken();
  bool has_failed(std::uint64_t turn) const noexcept;

  const int parties_;
  const Duration timeout_;
  Condition changed_;  // guards what follows
  std::uint64_t turn_ = 0;
  std::uint64_t failed_ = 0;  // a bit for each of the last 64 turns
  int arrived_ = 0;           // in this turn
  bool broken_ = false;
};

}  // namespace muster::detail
