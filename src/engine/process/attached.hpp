#pragma once
// Shared memory that goes along with bytes that speak of it.

#include <memory>
#include <utility>
#include <vector>

#include <muster/detail/landing.hpp>

namespace muster::engine::process {

using Attached = std::vector<std::shared_ptr<detail::Landing>>;

// Items often speak of the same, one after the other.
inline void attach(Attached& to, std::shared_ptr<detail::Landing> memory) {
  if (to.empty() || to.back() != memory) to.push_back(std::move(memory));
}

}  // namespace muster::engine::process
