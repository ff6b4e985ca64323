#pragma once
// Kills workers of a pool at random instants, for as long as it lives: at once, or after they were stopped for a
// moment.

#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <random>
#include <stop_token>
#include <thread>
#include <vector>

#include <muster/process_pool.hpp>

#include "tests/chaos/board.hpp"
#include "tests/chaos/judge.hpp"
#include "tests/chaos/rest.hpp"
#include "tests/support/killing.hpp"

namespace muster::chaos {

class Killer {
 public:
  // `pause`: the mean time between two deaths.
  Killer(const ProcessPool& pool, Board& board, Judge& judge, std::uint64_t seed, std::chrono::microseconds pause)
      : pool_(pool),
        board_(board),
        random_(seed),
        pause_(pause),
        rest_(judge),
        thread_([this](const std::stop_token& stop) { run(stop); }) {}

 private:
  void run(const std::stop_token& stop) {
    while (rest_(stop, around(random_, pause_))) {
      const std::vector<int> pids = pool_.worker_pids();
      if (!pids.empty()) kill_one(stop, pids[random_() % pids.size()]);
    }
  }

  void kill_one(const std::stop_token& stop, int pid) {
    const bool stopped = random_() % 4 == 0 && testing::kill_worker(pool_, pid, SIGSTOP);
    if (stopped) rest_(stop, std::chrono::milliseconds(random_() % 20));
    // Noted first: its loss may be heard of before the signal's sender goes on.
    board_.note(pid);
    if (testing::kill_worker(pool_, pid, SIGKILL)) board_.count(stopped ? Death::kStoppedAndKilled : Death::kKilled);
  }

  const ProcessPool& pool_;
  Board& board_;
  std::mt19937_64 random_;
  const std::chrono::microseconds pause_;
  Rest rest_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace muster::chaos
