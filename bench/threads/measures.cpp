#include "bench/threads/measures.hpp"

#include <muster/cpu.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <random>
#include <thread>

#include "bench/side_by_side.hpp"

namespace bench {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kItems = 2'000;
constexpr std::size_t kHeavy = kItems / 100;
constexpr long kTimes = 100;
constexpr double kLight = 5e-6;  // seconds
constexpr double kClocks = 5;    // microseconds: what two clocks differ by where nobody else is

// Each round needs the one before, so that neither a compiler nor a processor gets ahead. It reads no clock: who waits
// for a time to pass has nothing to do while others keep the processor.
long spin(long rounds, long seed) {
  auto state = static_cast<std::uint64_t>(seed) + 1;
  for (long i = 0; i < rounds; ++i) state = (state ^ (state >> 31)) * 0x9e3779b97f4a7c15U;
  return static_cast<long>(state >> 1);
}

long rounds_of_light() {
  constexpr long kRounds = 1'000'000;
  double best = 1;
  for (long time = 0; time < 5; ++time) {
    long result = 0;
    best = std::min(best, seconds([&] { result = spin(kRounds, time); }));
    check(result != 0, "spin");
  }
  return static_cast<long>(kLight / best * kRounds);
}

double cpu_of(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) * 1e-3;
}

// In microseconds, of every thread but the caller: falling asleep and getting up costs the caller itself ten times what
// is looked for.
double cpu_of_others() { return cpu_of(CLOCK_PROCESS_CPUTIME_ID) - cpu_of(CLOCK_THREAD_CPUTIME_ID); }

}  // namespace

Loads::Loads() {
  static const long rounds = rounds_of_light();
  rounds_.assign(kItems, rounds);
}

Loads Loads::skewed() {
  Loads loads;
  const long light = loads.rounds_.front();
  std::mt19937 random(1);  // a fixed seed: each run is to be alike
  for (std::size_t heavy = 0; heavy < kHeavy;) {
    long& rounds = loads.rounds_[random() % kItems];
    if (rounds != light) continue;
    rounds *= kTimes;
    ++heavy;
  }
  return loads;
}

Loads Loads::heavy_first() {
  Loads loads;
  for (std::size_t i = 0; i < kHeavy; ++i) loads.rounds_[i] *= kTimes;
  return loads;
}

long Loads::operator()(long i) const { return spin(rounds_[static_cast<std::size_t>(i)], i); }

int at_once(int workers) { return std::min(workers, muster::usable_cpus()); }

int idlers(int workers) { return std::max(workers, 4); }

double idle_cpu(const std::function<void()>& before) {
  std::this_thread::sleep_for(200ms);  // until those that worked last have stopped looking for more
  before();
  const double start = cpu_of_others();
  std::this_thread::sleep_for(2s);
  const double spent = std::round(cpu_of_others() - start);
  return spent < kClocks ? 0 : spent;
}

}  // namespace bench
