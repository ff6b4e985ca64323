// Waiting inside tasks: a task that waits never keeps its pool from going on, and never runs what it does not await.

#include <algorithm>
#include <utility>

#include "engine/thread/inside.hpp"
#include "engine/thread/thread_engine.hpp"
#include "parts/sync/await.hpp"

namespace muster::engine::thread {

using detail::kForever;
using detail::kNudge;
using detail::kSleepers;

namespace {

// Whether what is left of the stack is too little to put one more task on it.
bool stack_is_low() noexcept {
  thread_local const os::Stack kStack = os::thread_stack();
  constexpr std::size_t kMost = 256 * 1024;
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  return here - kStack.lowest < std::min(kMost, kStack.size / 4);
}

}  // namespace

// The innermost step of this thread into this engine, also from within a task of another.
const Context* ThreadEngine::context() const noexcept {
  const Context* at = innermost_context();
  while (at != nullptr && at->engine != this) at = at->outer;
  return at;
}

Wait ThreadEngine::wait(Task& task, Nanos deadline) {
  if (task.done()) return Wait::kDone;
  // Who asks for no wait helps nobody.
  if (deadline != kForever && deadline <= os::now()) return Wait::kTimedOut;
  const Context* here = context();
  const LeaveOfAbsence absence(this);
  if (may_run_here(here)) {
    if (task.type->claimable && task.begin()) {
      unqueue(task, here);
      run_here(task, here);
    }
    wait_helping(task.state, {Task::kDone, Task::kDone}, deadline, here->worker);
  } else {
    detail::await_bits(task.state, Task::kDone, deadline, detail::Scope::kPrivate);
  }
  return task.done() ? Wait::kDone : Wait::kTimedOut;
}

bool wait_elsewhere(Task& task, Nanos deadline) noexcept { return ThreadEngine::wait_elsewhere(task, deadline); }

// The task is marked before the seats are looked at, and whoever offers one does that before it looks for marks.
bool ThreadEngine::wait_elsewhere(Task& task, Nanos deadline) noexcept {
  if (sync::spin_until([&] { return task.done(); }, sync::kSpin)) return true;
  if (deadline != kForever && deadline <= os::now()) return false;
  const LeaveOfAbsence absence(nullptr);
  // Engines of another kind have no seats: nobody but their own workers can do their work.
  if (task.seats == nullptr) {
    return detail::await_bits(task.state, Task::kDone, deadline, detail::Scope::kPrivate) == detail::Await::kReady;
  }
  auto& theirs = *static_cast<Seats*>(task.seats);
  const SeatListener listener(theirs, task.state);
  const bool lends = task.type->claimable && (task.state.load(std::memory_order_relaxed) & Task::kBound) == 0;
  for (;;) {
    const std::uint32_t state = task.state.fetch_or(kSleepers, std::memory_order_seq_cst) | kSleepers;
    if ((state & Task::kDone) != 0) return true;
    if (lends && (state & Task::kBegun) == 0 && theirs.take()) {
      // Won, it keeps its engine alive until it is settled.
      if (task.begin()) task.home->lend(task);
      theirs.offer();
    } else if (os::futex_wait(task.state, state, os::Scope::kPrivate, deadline) == os::FutexWait::kTimedOut) {
      return task.done();
    }
  }
}

void ThreadEngine::lend(Task& task) { run_here(task, context()); }

// Takes a task that this thread has won out of its deque, if it was pushed last; sweep() finds the others. What lies
// below the innermost frame's base stays, or what this frame pushes next would not be known as its own.
void ThreadEngine::unqueue(Task& task, const Context* here) noexcept {
  if (here == nullptr || here->worker == nullptr) return;
  Worker& worker = *here->worker;
  if (worker.deque.newest() != &task || worker.deque.bottom() <= worker.frames.innermost_base()) return;
  if (worker.deque.pop() != nullptr) task.release();  // else a thief has it, and finds it dead
}

// Runs a task that this thread has won, on top of what it runs already.
void ThreadEngine::run_here(Task& task, const Context* here) noexcept {
  if (stack_is_low()) {
    run_on_fresh_stack(task, here);
  } else if (here != nullptr) {
    execute(task, here->worker);
  } else {
    const Visit visit(*this);
    execute(task, nullptr);
  }
}

// A long chain of tasks that wait for each other would overflow the stack; a thread of its own continues the chain
// as this worker, while this thread only waits for it.
void ThreadEngine::run_on_fresh_stack(Task& task, const Context* here) noexcept {
  const Visit visit(*this);
  Worker* const worker = here != nullptr ? here->worker : nullptr;
  const auto body = [this, &task, worker, outer = innermost_context()] {
    innermost_context() = outer;
    execute(task, worker);
    innermost_context() = nullptr;
  };
  try {
    os::Thread(body).join();
  } catch (const std::exception&) {
    execute(task, worker);  // no thread to be had: what is left of this stack may do
  }
}

// Runs what belongs to the awaited thing, and sleeps when there is nothing, until `done` holds of `word` or the
// deadline passes. Argument against lost wake-ups: we count ourselves in helpless_, mark the word, and then look for
// work; who pushes a descendant, or announces one, does that first and looks at helpless_ then; all sequentially
// consistent. So either we find it, or it finds us and changes the word by kNudge before it wakes us.
void ThreadEngine::wait_helping(std::atomic<std::uint32_t>& word, Goal goal, Nanos deadline, Worker* worker) noexcept {
  const auto done = [goal](std::uint32_t value) { return (value & goal.mask) == goal.value; };
  constexpr unsigned kPollsPerLookAround = 16;  // others' frames lie in others' caches
  Found found;
  unsigned polls = 0;
  const auto look = [&] {
    if (done(word.load(std::memory_order_acquire))) return true;
    if (polls++ % kPollsPerLookAround == 0) found = find_descendant(word, worker);
    return static_cast<bool>(found);
  };
  for (;;) {
    if (!sync::spin_until(look, sync::kSpin)) {
      helpless_.fetch_add(1, std::memory_order_seq_cst);
      const std::uint32_t marked = word.fetch_or(kSleepers, std::memory_order_seq_cst) | kSleepers;
      if (!done(marked)) found = find_descendant(word, worker);
      if (!done(marked) && !found) {
        // Whoever sleeps offers its seat, unless it did so when it left this engine for another: a seat that is used
        // twice must be made good when one of the two sleeps.
        const LeaveOfAbsence absence(innermost_context()->engine == this ? nullptr : innermost_context()->engine);
        os::futex_wait(word, marked, os::Scope::kPrivate, deadline);
      }
      helpless_.fetch_sub(1, std::memory_order_relaxed);
    }
    if (found) run_found(std::exchange(found, {}), worker);
    if (done(word.load(std::memory_order_acquire)) || (deadline != kForever && os::now() >= deadline)) return;
  }
}

// Something that whoever waits on `word` awaits: the loop itself, or what a worker that runs it has pushed or announced
// since it began.
ThreadEngine::Found ThreadEngine::find_descendant(const std::atomic<std::uint32_t>& word, const Worker* self) noexcept {
  const auto joined = [&](auto belongs) {
    if (board_.empty()) return static_cast<Slot*>(nullptr);
    return board_.find(0, [&](Slot& slot) {
      if (!belongs(slot) || !slot.join()) return false;
      if (belongs(slot)) return true;
      pass_by(slot);
      return false;
    });
  };
  const auto is_it = [&](const Slot& slot) { return slot.awaited.load(std::memory_order_relaxed) == &word; };
  if (Slot* slot = joined(is_it)) return {.slot = slot};
  for (Worker* worker : workers_.now()) {
    if (worker == self) continue;
    // Before the frames: in the order of sequentially consistent operations, who pushed before we went to sleep is seen
    // here, and with what it pushed, the frames it had.
    const bool pushed = !worker->deque.empty();
    const Frames& frames = worker->frames;
    const int at = frames.find(&word);
    if (at < 0) continue;
    const auto runs_it = [&] {
      return frames.shown() > at && frames[at].awaited.load(std::memory_order_acquire) == &word;
    };
    // Asked after the item was read: if the frame is there now, at or below the item's position, then it was there
    // when the item was pushed. Positions below its base were pushed before it began.
    const auto above_base = [&](std::int64_t position) {
      return runs_it() && position >= frames[at].base.load(std::memory_order_acquire);
    };
    if (Task* task = pushed ? worker->deque.steal_if(above_base) : nullptr) {
      if (task->type->claimable) return {.task = task};
      // Nobody can wait for this one, so it should not be run on top of one who waits.
      try {
        injector_.push(*task);
      } catch (const std::bad_alloc&) {
        return {.task = task};
      }
      sleep_.notify();
    }
    // As long as we are in the slot, its owner waits for us, and its frames stand still.
    const auto is_below = [&](const Slot& slot) {
      return slot.owner.load(std::memory_order_relaxed) == worker && slot.depth.load(std::memory_order_relaxed) > at &&
             runs_it();
    };
    if (Slot* slot = joined(is_below)) return {.slot = slot};
  }
  return {};
}

void ThreadEngine::run_found(Found found, Worker* worker) noexcept {
  if (found.slot != nullptr) {
    work_on(*found.slot, worker);
    leave(*found.slot, worker);
  } else if (found.task != nullptr) {
    receive(*found.task, worker);
  }
}

// Stirs those who wait for what this worker runs: it has just pushed or announced something.
void ThreadEngine::nudge(const Worker& worker) noexcept {
  if (helpless_.load(std::memory_order_seq_cst) == 0) return;
  const int shown = worker.frames.shown();
  for (int at = 0; at < shown; ++at) {
    std::atomic<std::uint32_t>* word = worker.frames[at].awaited.load(std::memory_order_relaxed);
    if (word != nullptr) stir(*word);
  }
}

}  // namespace muster::engine::thread
