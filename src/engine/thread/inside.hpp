#pragma once
// What the front asks before a task waits. None of it touches an engine: it may be gone by now.

#include <muster/detail/task.hpp>

namespace muster::engine {
class Engine;
}

namespace muster::engine::thread {

// Whether the caller runs inside a task of any pool of threads.
bool inside_any_task() noexcept;
// Whether it runs inside a task of this engine.
bool inside_task_of(const Engine* engine) noexcept;
// Whether a task of this engine cannot go on before the caller does: because it waits, perhaps over tasks of other
// engines, for what the caller runs. Then the engine is alive, and the caller may do its work in that task's stead.
bool holds_up(const Engine* engine) noexcept;
// Lets holds_up know that the task which the caller runs waits for `task`. Only for waits that end with `task`.
void announce_wait(detail::Task& task) noexcept;

}  // namespace muster::engine::thread
