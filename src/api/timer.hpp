#pragma once
// One thread that lets watches expire. Started by the first watch, so pools without time limits have none.

#include <cstddef>
#include <memory>

#include <muster/detail/lock_word.hpp>
#include <muster/detail/pool_core.hpp>

namespace muster::api {

class Timer {
 public:
  Timer() = default;
  // Ends the thread; from within an expiry it ends on its own afterwards. No watch may be left.
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Throws std::system_error when no thread can be had.
  void add(detail::Watch& watch);
  // Takes the watch back, or waits until its expiry has ended.
  void remove(detail::Watch& watch) noexcept;
  // Whether the caller runs within an expiry.
  bool inside() const noexcept;

 private:
  struct State;
  State& state();

  mutable detail::PrivateLock starting_;  // guards state_
  std::shared_ptr<State> state_;          // shared with the thread
};

}  // namespace muster::api
