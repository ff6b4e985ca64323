#pragma once
// What the process pool and Python's are measured at, and the bare limits beside them.

#include <array>
#include <chrono>
#include <cstddef>
#include <thread>
#include <vector>

#include "bench/side_by_side.hpp"

namespace bench {

inline constexpr long kLarge = 10'000'000;  // items of a map whose chunks the pool chooses
inline constexpr long kTasks = 20'000;      // items that are sent one by one
inline constexpr int kTrips = 2'000;        // calls, one after another
inline constexpr int kAwake = 200;          // calls before them, where both sides are to be awake by then
inline constexpr int kPauses = 50;          // calls, each after a pause in which the pool falls asleep
inline constexpr std::size_t kBytes =
    1U << 26U;  // what is sent at once: nearly all zeros, so that both sides sum it fast
inline constexpr std::size_t kOnes = 1U << 12U;  // every so many bytes there is a one
inline constexpr int kTexts = 128;               // items of a map whose results are large one by one
inline constexpr std::size_t kText = 1U << 20U;  // bytes of each
inline constexpr int kStarts = 10;               // pools made and ended

// Python's: multiprocessing.Pool, concurrent.futures' ProcessPoolExecutor, and joblib's.
inline constexpr std::array kPythonPools{"multiprocessing", "futures", "loky"};

// What the caller does meanwhile.
enum class Pause { kWorks, kSleeps };

inline void pause(Pause how) {
  constexpr std::chrono::milliseconds kLong{2};
  if (how == Pause::kSleeps) return std::this_thread::sleep_for(kLong);
  const auto end = std::chrono::steady_clock::now() + kLong;
  while (std::chrono::steady_clock::now() < end) {
  }
}

// What a call takes after a pause, in microseconds.
template <class Call>
double after_pauses(Pause how, const Call& call) {
  double time = 0;
  for (int i = 0; i < kPauses; ++i) {
    pause(how);
    time += seconds(call);
  }
  return time * 1e6 / kPauses;
}

std::vector<Work> muster_works(int workers);
std::vector<Work> python_works(int workers);  // without those that are not there, once that has been told
std::vector<Work> limit_works(int workers);

}  // namespace bench
