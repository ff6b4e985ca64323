#pragma once
// Memory that worker processes see: where they leave results for the caller to read, or all that an array has.

#include <cstddef>

namespace muster::detail {

// Either given out for one loop by an engine whose workers do not share our memory: who holds it may read what has
// landed and change it, and the workers see no such change; it goes back to the engine to be used again when nobody
// holds it any more. Or shared for good, with all who are given it, in both directions.
struct Landing {
  void* data = nullptr;
  std::size_t size = 0;  // in bytes

 protected:
  Landing() = default;
  ~Landing() = default;
};

}  // namespace muster::detail
