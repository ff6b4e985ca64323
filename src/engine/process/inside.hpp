#pragma once
// What the front asks about where it is.

#include <cstddef>
#include <cstdint>
#include <memory>

#include <muster/detail/landing.hpp>

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
// In a worker process: the shared memory that came along by this number of the pool's; null if none did. Asked by the
// thread that runs the worker's calls.
std::shared_ptr<detail::Landing> memory_here(std::uint64_t number) noexcept;

}  // namespace muster::engine::process
