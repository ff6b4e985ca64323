#pragma once
// What the front asks before it waits (none of it touches the awaited task's engine: it may be gone by now), and before
// it makes a pool.

#include <muster/detail/task.hpp>

namespace muster::engine {
class Engine;
}

namespace muster::engine::thread {

// Whether the caller runs inside a task of any pool of threads.
bool inside_any_task() noexcept;
// Whether it runs inside a task of this engine.
bool inside_task_of(const Engine* engine) noexcept;
// In a task, but of no pool of this kind that `task` belongs to: waits for it, and meanwhile lets others have its seat,
// or begins the task itself if a seat of its pool is free (seats.hpp). False when the deadline passed first.
bool wait_elsewhere(detail::Task& task, detail::Nanos deadline) noexcept;

// Among how many tasks the CPUs are divided that this process may use: 1 outside of tasks; in a task as many as its
// pool has workers, times those among which that pool's maker was.
int sharers_here() noexcept;

}  // namespace muster::engine::thread
