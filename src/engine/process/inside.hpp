#pragma once
// What the front asks about where it is.

#include <cstddef>
#include <cstdint>

namespace muster::engine {
class Engine;
}

namespace muster::engine::process {

// Whether the caller is the thread that settles `engine`'s tasks, in a callback. Asked before a wait: does not touch
// the engine, which may be gone by now.
bool inside_callback_of(const Engine* engine) noexcept;

// In a worker process: the place that it has among its pool's workers; one that replaces another has the same.
std::size_t worker_here() noexcept;
// In a worker process: a number for the item that runs, another one for each; 0 between items. For signal handlers,
// too.
std::uint64_t item_here() noexcept;

}  // namespace muster::engine::process
