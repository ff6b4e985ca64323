#pragma once
// Where a thread stands: inside which tasks of which engines, and who waits for them.

#include "engine/thread/worker.hpp"

namespace muster::engine::thread {

class ThreadEngine;

// A step into an engine's work, on this thread. Steps nest: a task of one pool may run a task of another.
struct Context {
  ThreadEngine* engine;
  Worker* worker;  // null: a thread from outside that runs its own loop, or what it waits for
  const Context* outer = nullptr;
};

const Context*& innermost_context() noexcept;

class ContextScope {
 public:
  explicit ContextScope(Context context) noexcept : context_(context) {
    context_.outer = innermost_context();
    innermost_context() = &context_;
  }
  ~ContextScope() { innermost_context() = context_.outer; }
  ContextScope(const ContextScope&) = delete;
  ContextScope& operator=(const ContextScope&) = delete;

 private:
  Context context_;
};

// A task or loop being run, while the scope lives: a step, and a frame where a worker runs it. (Threads from outside
// have no frames, since nobody can steal from them.)
class FrameScope {
 public:
  FrameScope(Context context, std::atomic<std::uint32_t>* awaited, const std::type_info* what) noexcept
      : scope_(context), worker_(context.worker), forks_(context.worker != nullptr ? &context.worker->forks : nullptr) {
    if (worker_ != nullptr) worker_->frames.push(awaited, worker_->deque.bottom(), what);
  }
  ~FrameScope() {
    if (worker_ != nullptr) worker_->frames.pop();
  }
  FrameScope(const FrameScope&) = delete;
  FrameScope& operator=(const FrameScope&) = delete;

 private:
  ContextScope scope_;
  Worker* worker_;
  const WorkerForks::Scope forks_;  // none outside of tasks: a worker's successor may have begun when its thread ends
};

}  // namespace muster::engine::thread
