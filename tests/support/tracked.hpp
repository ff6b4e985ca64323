#pragma once
// Objects that know how often they were copied and moved, and how many are alive.

#include <atomic>
#include <utility>

namespace muster::testing {

// All counts are the program's; a test that reads them resets them first.
struct Tracked {
  static inline std::atomic<int> copies{0};
  static inline std::atomic<int> moves{0};
  static inline std::atomic<int> live{0};
  static void reset() { copies = moves = live = 0; }

  int value = 0;

  explicit Tracked(int given) : value(given) { ++live; }
  Tracked(const Tracked& other) : value(other.value) {
    ++copies;
    ++live;
  }
  Tracked(Tracked&& other) noexcept : value(std::exchange(other.value, -1)) {
    ++moves;
    ++live;
  }
  Tracked& operator=(const Tracked& other) {
    if (this != &other) value = other.value;
    ++copies;
    return *this;
  }
  Tracked& operator=(Tracked&& other) noexcept {
    value = std::exchange(other.value, -1);
    ++moves;
    return *this;
  }
  ~Tracked() { --live; }
};

// Neither copies nor has a default.
struct MoveOnly {
  int value;
  explicit MoveOnly(int given) noexcept : value(given) {}
  MoveOnly(MoveOnly&& other) noexcept : value(std::exchange(other.value, -1)) {}
  MoveOnly& operator=(MoveOnly&& other) noexcept {
    value = std::exchange(other.value, -1);
    return *this;
  }
  ~MoveOnly() = default;
};

}  // namespace muster::testing
