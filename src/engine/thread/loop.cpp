// Loops: announced on the board, worked on by whoever joins, ended by the last to leave.

#include "engine/thread/stride.hpp"
#include "engine/thread/thread_engine.hpp"
#include "parts/sync/await.hpp"

namespace muster::engine::thread {

using detail::kForever;

namespace {

// A loop that takes less than this is not worth a wake-up.
constexpr Nanos kTiny = 20'000;

}  // namespace

// The caller owns the loop and stays until its last chunk has ended.
bool ThreadEngine::run(Loop& loop, const Terms& terms) {
  const Context* here = context();
  if (!accept(here, terms.follow_up)) return false;
  const LeaveOfAbsence absence(this);
  if (here != nullptr) {
    run_owned(loop, here->worker, may_run_here(here) ? Part::kWorks : Part::kWaits);
    settled(here->worker);
  } else {
    const Visit visit(*this);
    run_from_outside(loop);
    settled(nullptr);
  }
  return true;
}

// A thread from outside may work on its loop too if a permit is free, so that no more tasks run at a time than there
// are workers. A task of another pool lets others have its seat meanwhile, and takes one of ours if there is one free.
void ThreadEngine::run_from_outside(Loop& loop) noexcept {
  if (!special_ && sleep_.enter()) {
    run_owned(loop, nullptr, Part::kGuest);
  } else {
    run_owned(loop, nullptr, innermost_context() == nullptr ? Part::kWaits : Part::kSeeksSeat);
  }
}

// Whether the caller takes chunks, and whether by a permit: that goes back before it waits for others, who may wait for
// work that needs it.
void ThreadEngine::run_owned(Loop& loop, Worker* worker, Part part) noexcept {
  const bool works = part == Part::kWorks || part == Part::kGuest;
  std::size_t from = 0;
  if (works && loop.chunk == 0 && Stride::expected(loop) < kTiny) from = run_alone(loop, 0, kTiny, worker);
  loop.handed = from;
  Slot* slot = nullptr;
  if (from < loop.size && may_go_on(loop)) {
    slot = works ? board_.take() : &board_.take_waiting();
    if (slot != nullptr) {
      announce(*slot, loop, from, nullptr, worker);
      if (works) work_on(*slot, worker);
    } else {
      loop.handed = run_alone(loop, from, kForever, worker);
    }
  }
  if (part == Part::kGuest) give_permit_back();
  if (slot == nullptr) return;
  await_crew(*slot, worker, part);
  // Once more, for who does not work on it: a worker may have joined and closed it before we had announced it.
  board_.close(*slot);
  loop.handed = slot->cursor.load(std::memory_order_relaxed);
  board_.give_back(*slot);
}

void ThreadEngine::give_permit_back() noexcept {
  sleep_.leave();
  if (pending()) sleep_.notify();
}

// A task that is a loop: its begin is the announcement, and whoever is last to leave settles it. The thread that began
// it may leave early, when its worker is worn out.
void ThreadEngine::begin_loop(Task& task, Worker* worker) noexcept {
  Loop& loop = *task.type->loop(task);
  task.retain();
  if (Slot* slot = board_.take()) {
    announce(*slot, loop, 0, &task, worker);
    work_on(*slot, worker);
    leave(*slot, worker);
    return;
  }
  loop.handed = run_alone(loop, 0, kForever, worker);
  finish(loop, task, worker);
}

// The loop's task is settled in a frame, since callbacks are work too.
void ThreadEngine::finish(Loop& loop, Task& task, Worker* worker) noexcept {
  {
    const FrameScope frame({this, worker}, &task.state, loop.what);
    loop.finish(loop);
  }
  settled(worker);
  task.release();
}

void ThreadEngine::announce(Slot& slot, Loop& loop, std::size_t from, Task* task, Worker* worker) noexcept {
  slot.loop = &loop;
  slot.task = task;
  slot.awaited.store(task != nullptr ? &task->state : &slot.crew, std::memory_order_relaxed);
  slot.owner.store(task != nullptr ? nullptr : worker, std::memory_order_relaxed);
  slot.depth.store(worker != nullptr ? worker->frames.shown() : 0, std::memory_order_relaxed);
  slot.cursor.store(from, std::memory_order_relaxed);
  // Of a loop that is a task, whoever announces it is a member; an owner is not, it waits for the members.
  board_.open(slot, task != nullptr ? 1 : 0);
  sleep_.notify();
  if (worker != nullptr) nudge(*worker);
  // Who waits for the loop itself may have gone to sleep before there was anything to join, and no frame shows it yet.
  if (task != nullptr && helpless_.load(std::memory_order_seq_cst) != 0) stir(task->state);
}

// False when the loop must hand out no more chunks; says so in the loop when it is the engine that wants it.
bool ThreadEngine::may_go_on(Loop& loop) const noexcept {
  if (terminated()) loop.stopped.store(true, std::memory_order_relaxed);
  return !loop.stopped.load(std::memory_order_relaxed);
}

// Runs items from `from` on in this thread until all are done or `patience` is over, and says where it stopped.
std::size_t ThreadEngine::run_alone(Loop& loop, std::size_t from, Nanos patience, Worker* worker) noexcept {
  const FrameScope frame({this, worker}, nullptr, loop.what);
  Stride stride(loop, 1, 1);  // one item at first: only its pace tells whether others are needed
  Nanos began = os::now();
  const Nanos end_of_patience = patience == kForever ? kForever : began + patience;
  while (from < loop.size && may_go_on(loop)) {
    const std::size_t end = stride.end_of(from);
    if (worker != nullptr) ++worker->quota_used;
    if (!loop.run(loop, from, end)) loop.stopped.store(true, std::memory_order_relaxed);
    const Nanos ended = os::now();
    stride.ran(end - from, ended - began);
    began = ended;
    from = end;
    if (ended >= end_of_patience) break;
  }
  return from;
}

void ThreadEngine::work_on(Slot& slot, Worker* worker) noexcept {
  Loop& loop = *slot.loop;
  const FrameScope frame({this, worker}, slot.awaited.load(std::memory_order_relaxed), loop.what);
  Stride stride(loop, workers(), Stride::first(loop));
  Nanos began = os::now();
  std::size_t begin = slot.cursor.load(std::memory_order_relaxed);
  while (begin < loop.size && may_go_on(loop)) {
    // A worker at its top level may go when it is worn out, and the slot stays open for others.
    if (worker != nullptr && worker->frames.shown() == 1 && worn_out(*worker)) return;
    const std::size_t end = stride.end_of(begin);
    if (!slot.cursor.compare_exchange_weak(begin, end, std::memory_order_relaxed, std::memory_order_relaxed)) continue;
    if (worker != nullptr) ++worker->quota_used;
    if (!loop.run(loop, begin, end)) loop.stopped.store(true, std::memory_order_relaxed);
    const Nanos ended = os::now();
    stride.ran(end - begin, ended - began);
    began = ended;
    begin = slot.cursor.load(std::memory_order_relaxed);
  }
  board_.close(slot);
}

// What the slot holds must be read before leaving: it may be another loop's a moment later.
void ThreadEngine::leave(Slot& slot, Worker* worker) noexcept {
  Loop& loop = *slot.loop;
  Task* const task = slot.task;
  bool owner_sleeps = false;
  if (!slot.leave(owner_sleeps)) return;
  if (task == nullptr) {
    if (owner_sleeps) os::futex_wake(slot.crew, os::kAll, os::Scope::kPrivate);
    return;
  }
  loop.handed = slot.cursor.load(std::memory_order_relaxed);
  board_.give_back(slot);
  finish(loop, *task, worker);
}

// For a waiter that has joined a loop which it does not await after all: the slot's loop changed between its look and
// its joining. If that makes it the last one in, the loop must be finished, but not on top of the task that waits.
void ThreadEngine::pass_by(Slot& slot) noexcept {
  Loop& loop = *slot.loop;
  Task* const task = slot.task;
  bool owner_sleeps = false;
  if (!slot.leave(owner_sleeps)) return;
  if (task == nullptr) {
    if (owner_sleeps) os::futex_wake(slot.crew, os::kAll, os::Scope::kPrivate);
    return;
  }
  loop.handed = slot.cursor.load(std::memory_order_relaxed);
  board_.give_back(slot);
  visitors_.fetch_add(1, std::memory_order_relaxed);
  const auto settle = [this, &loop, task] {
    finish(loop, *task, nullptr);
    visitors_.fetch_sub(1, std::memory_order_release);
  };
  try {
    os::Thread(settle).detach();
  } catch (const std::exception&) {
    settle();
  }
}

void ThreadEngine::await_crew(Slot& slot, Worker* worker, Part part) noexcept {
  constexpr std::uint32_t kCrew = Slot::kOpen | Slot::kCount;
  const auto deserted = [](std::uint32_t crew) { return (crew & kCrew) == 0; };
  if (part == Part::kWorks) {
    wait_helping(slot.crew, {kCrew, 0}, kForever, worker);
  } else if (part == Part::kSeeksSeat && !special_) {
    await_crew_or_seat(slot);
  } else {
    sync::await(slot.crew, deserted, kForever, os::Scope::kPrivate);
  }
}

// Whoever finds a seat free while the loop is open works on it, and goes on waiting when it is closed.
void ThreadEngine::await_crew_or_seat(Slot& slot) noexcept {
  const SeatListener listener(*seats_, slot.crew);
  for (;;) {
    std::uint32_t crew = slot.crew.fetch_or(detail::kSleepers, std::memory_order_seq_cst) | detail::kSleepers;
    if ((crew & (Slot::kOpen | Slot::kCount)) == 0) return;
    if ((crew & Slot::kOpen) != 0 && seats_->take()) {
      if (slot.join()) {
        work_on(slot, nullptr);
        leave(slot, nullptr);
      }
      seats_->offer();
    } else {
      os::futex_wait(slot.crew, crew, os::Scope::kPrivate);
    }
  }
}

}  // namespace muster::engine::thread
