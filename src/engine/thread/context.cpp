#include "engine/thread/context.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

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

int sharers_here() noexcept {
  const Context* at = innermost_context();
  if (at == nullptr) return 1;
  const std::int64_t sharers = std::int64_t{at->engine->sharers()} * at->engine->workers();
  return static_cast<int>(std::min<std::int64_t>(sharers, std::numeric_limits<int>::max()));
}

}  // namespace muster::engine::thread
