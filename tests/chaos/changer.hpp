#pragma once
// Changes the size of a pool at random instants, or lets it pause for a moment, for as long as it lives.

#include <chrono>
#include <cstdint>
#include <random>
#include <stop_token>
#include <thread>

#include <muster/process_pool.hpp>

#include "tests/chaos/judge.hpp"
#include "tests/chaos/rest.hpp"

namespace muster::chaos {

class Changer {
 public:
  // `pause`: the mean time between two changes.
  Changer(ProcessPool& pool, Judge& judge, std::uint64_t seed, std::chrono::microseconds pause)
      : pool_(pool), random_(seed), pause_(pause), rest_(judge), thread_([this](const std::stop_token& stop) {
          run(stop);
        }) {}

 private:
  void run(const std::stop_token& stop) {
    while (rest_(stop, around(random_, pause_))) {
      if (random_() % 2 == 0) {
        pool_.resize(1 + static_cast<int>(random_() % 5));
      } else {
        pool_.pause();
        rest_(stop, around(random_, pause_ / 2));
        pool_.resume();
      }
    }
  }

  ProcessPool& pool_;
  std::mt19937_64 random_;
  const std::chrono::microseconds pause_;
  Rest rest_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace muster::chaos
