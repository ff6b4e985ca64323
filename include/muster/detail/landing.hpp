#pragma once
// Memory in which worker processes leave results where the caller will read them.

#include <cstddef>

namespace muster::detail {

// Given out by an engine whose workers do not share our memory, for one loop. Who holds it may read what has landed and
// change it; the workers see no such change. Goes back to the engine to be used again when nobody holds it any more.
struct Landing {
  void* data = nullptr;
  std::size_t size = 0;  // in bytes

 protected:
  Landing() = default;
  ~Landing() = default;
};

}  // namespace muster::detail
