#pragma once
// The sums that all workers of a walk count together.

#include <atomic>
#include <cstdint>

namespace muster::cli {

// One worker's share of the counting, or the sum of all.
struct Tally {
  std::uint64_t bytes = 0;
  std::uint64_t folders = 0;
  std::uint64_t files = 0;
};

// The sums, which may be read at any time; each worker adds its share now and then.
class Totals {
 public:
  void add(const Tally& share);
  Tally read() const;

 private:
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::uint64_t> folders_{0};
  std::atomic<std::uint64_t> files_{0};
};

}  // namespace muster::cli
