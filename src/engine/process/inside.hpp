#pragma once
// What the front asks before it waits. Does not touch the engine: it may be gone by now.

namespace muster::engine {
class Engine;
}

namespace muster::engine::process {

// Whether the caller is the thread that settles `engine`'s tasks, in a callback.
bool inside_callback_of(const Engine* engine) noexcept;

}  // namespace muster::engine::process
