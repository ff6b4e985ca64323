#include "engine/thread/context.hpp"

#include "engine/thread/inside.hpp"
#include "engine/thread/thread_engine.hpp"

namespace muster::engine::thread {
namespace {

// Walks outwards, and over to whoever waits for a step. What stands behind a step's awaiter cannot go on before the step
// ends, so it can be read. `left` bounds the walk: a missed connection costs a chance to help, nothing else.
bool reaches(const Context* from, const Engine* engine, int& left) noexcept {
  for (const Context* at = from; at != nullptr && left > 0; at = at->outer) {
    --left;
    if (at->engine == engine) return true;
    const void* waiting = at->awaiter != nullptr ? at->awaiter->load(std::memory_order_acquire) : nullptr;
    if (waiting != nullptr && reaches(static_cast<const Context*>(waiting), engine, left)) return true;
  }
  return false;
}

}  // namespace

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

bool holds_up(const Engine* engine) noexcept {
  int steps = 256;
  return reaches(innermost_context(), engine, steps);
}

void announce_wait(detail::Task& task) noexcept {
  const void* nobody = nullptr;  // one who waits is enough to know of
  task.awaiter.compare_exchange_strong(nobody, innermost_context(), std::memory_order_acq_rel);
}

}  // namespace muster::engine::thread
