#include "engine/thread/context.hpp"

#include "engine/thread/inside.hpp"
#include "engine/thread/thread_engine.hpp"

namespace muster::engine::thread {
const Context*& innermost_context() noexcept {
  thread_local const Context* innermost = nullptr;
  return innermost;
}

bool inside_any_task() noexcept { return innermost_context() != nullptr; }

bool inside_task_of(const Engine* engine) noexcept {
  const Context* at = innermost_context();
  while (at != nullptr && at->engine != engine) at = at->outer;
  return at != nullptr;
}

}  // namespace muster::engine::thread
