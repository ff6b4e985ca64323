#pragma once
// Takes down what became of all tasks, and finds what must not be.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <string>

#include <muster/error.hpp>
#include <muster/outcome.hpp>

#include "tests/chaos/board.hpp"
#include "tests/chaos/tasks.hpp"

namespace muster::chaos {

class Judge {
 public:
  explicit Judge(Board& board) : board_(board) {}

  // Thread-safe, all of them. `place`: of the item in its map. `dropped`: the pool was terminated meanwhile.
  void ended(const Task& task, std::size_t place, const Outcome<Answer>& outcome, bool dropped = false);
  // So many tasks gave what they had to.
  void right(std::size_t tasks) { right_ += tasks; }
  // At the moment in which somebody hears of it: how late that is.
  void heard(const std::exception_ptr& loss);
  void heard_after(Clock::duration time, const std::string& what);
  void begin_round() { starved_ = 0; }
  // For so long, in this round, the machine has kept somebody waiting who wanted to run: nobody can be told any sooner.
  void starved(Clock::duration time);
  void demand(bool holds, const std::string& what);

  // Throws what was found, as std::runtime_error.
  void rethrow() const;

  std::uint64_t right() const { return right_; }
  std::uint64_t lost() const { return lost_; }
  std::uint64_t late() const { return late_; }
  std::uint64_t thrown() const { return thrown_; }
  std::uint64_t dropped() const { return dropped_; }
  std::uint64_t tasks() const { return right_ + lost_ + late_ + thrown_ + dropped_; }
  double longest_ms() const {
    return std::chrono::duration<double, std::milli>(Clock::duration(longest_.load())).count();
  }

 private:
  void failed(const Task& task, std::size_t place, const std::exception_ptr& why, bool dropped);
  void lost(const Task& task, std::size_t place, const WorkerLost& loss);

  Board& board_;
  std::atomic<std::uint64_t> right_{0}, lost_{0}, late_{0}, thrown_{0}, dropped_{0};
  std::atomic<Clock::rep> longest_{0};  // from a death to the moment in which its loss was heard of
  std::atomic<Clock::rep> starved_{0};
  mutable std::mutex mutex_;  // guards what follows
  std::string found_;         // the first thing that must not be
};

}  // namespace muster::chaos
