#pragma once
// What comes back from a worker process, as the front sees it.

#include <cstddef>
#include <cstdint>
#include <exception>

#include <muster/detail/loop_codec.hpp>

namespace muster::detail {

// What the item at `index` failed with; for any tag but kValues.
MUSTER_EXPORT std::exception_ptr failure_of(const Returned& returned, std::size_t index) noexcept;

// Whether an item that was lost with its worker has attempts left.
inline bool to_be_tried_again(const Returned& returned, std::uint32_t retries) noexcept {
  return returned.tag == Returned::Tag::kLost && returned.attempt < retries;
}

}  // namespace muster::detail
