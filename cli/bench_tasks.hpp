#pragma once
// The tasks that `muster bench` maps over range(n). bench_python.py has the same four, with the same meaning.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <thread>
#include <tuple>
#include <type_traits>

namespace muster::cli::bench {

struct Task {
  std::string_view name;
  std::string_view what;     // completes "for every i in range(n): ..."
  long items;                // how many by default, so that a run is quick and yet measures something
  long items_beside_python;  // the same where python3 runs them too, at a hundred times the price
  long most;                 // a larger n makes no sense
  std::string_view why_most;
  bool waits;                // its time is spent asleep, not on a core
  std::size_t bytes;         // what one result takes here ...
  std::size_t python_bytes;  // ... and in python3: object, list slot, and the copy that it is checked against
};

inline constexpr long kMostSquares = 3'037'000'499;
inline constexpr std::string_view kWhyMostSquares = "the square of a larger i does not fit 64 bits";

// i = i * i, and the result is wanted: as much moving of memory as it is arithmetic.
struct Square {
  static constexpr Task kTask{.name = "square",
                              .what = "i * i, returned",
                              .items = 10'000'000,
                              .items_beside_python = 1'000'000,
                              .most = kMostSquares,
                              .why_most = kWhyMostSquares,
                              .waits = false,
                              .bytes = sizeof(long),
                              .python_bytes = 160};
  static long run(long i) { return i * i; }
};

// The same with nothing returned. A plain local would leave the compiler free to drop the whole loop; a volatile store
// is a thing that the program may be watched doing, so it has to happen, once for each item.
struct SquareNoreturn {
  static constexpr Task kTask{.name = "square-noreturn",
                              .what = "i * i, nothing returned",
                              .items = 10'000'000,
                              .items_beside_python = 1'000'000,
                              .most = kMostSquares,
                              .why_most = kWhyMostSquares,
                              .waits = false,
                              .bytes = 0,
                              .python_bytes = 80};
  static void run(long i) { [[maybe_unused]] volatile long square = i * i; }
};

// Heavy arithmetic: the SHA-256 of a block that repeats the 8 bytes of i.
struct Sha256 {
  static constexpr Task kTask{.name = "sha256",
                              .what = "the SHA-256 of a block of 4 KiB made of i, returned",
                              .items = 20'000,
                              .items_beside_python = 20'000,
                              .most = kMostSquares,
                              .why_most = kWhyMostSquares,
                              .waits = false,
                              .bytes = 32,
                              .python_bytes = 240};
  using Digest = std::array<std::uint64_t, 4>;
  static Digest run(long i);
};

// Waiting for a disk or a network: each item sleeps and returns its i.
struct Sleep {
  static constexpr std::chrono::milliseconds kWait{2};
  static constexpr Task kTask{.name = "sleep",
                              .what = "a wait of 2 ms, as for a disk or a network; i returned",
                              .items = 100,
                              .items_beside_python = 100,
                              .most = 100'000,
                              .why_most = "more would wait for minutes",
                              .waits = true,
                              .bytes = sizeof(long),
                              .python_bytes = 160};
  static long run(long i) {
    std::this_thread::sleep_for(kWait);
    return i;
  }
};

// Everything that knows all tasks takes them from here.
using Tasks = std::tuple<Square, SquareNoreturn, Sha256, Sleep>;
std::span<const Task> all_tasks();

template <class AnyTask>
using ResultOf = decltype(AnyTask::run(0L));

// Order and content of results in one number; python3 computes the same from its own.
class Fingerprint {
 public:
  void add(std::uint64_t word) { value_ = value_ * 0x100000001b3U + word; }
  void add(long word) { add(static_cast<std::uint64_t>(word)); }
  void add(const Sha256::Digest& digest) {
    for (const std::uint64_t word : digest) add(word);
  }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0;
};

}  // namespace muster::cli::bench
