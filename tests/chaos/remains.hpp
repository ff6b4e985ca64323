#pragma once
// What pools leave behind: nothing. Neither what this process holds, nor memory, nor processes.

#include <cstdint>
#include <optional>
#include <string>

#include "tests/support/holdings.hpp"

namespace muster::chaos {

class Remains {
 public:
  // After a round; `share` of the time is over. What there is after the first rounds is what there may be.
  void after_round(double share);
  double growth_mb() const;
  // Throws std::runtime_error.
  void demand_nothing_left() const;

 private:
  std::optional<testing::Holdings> before_;
  std::uint64_t warm_bytes_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace muster::chaos
