// Loops: announced on the board, worked on by whoever joins, ended by the last to leave.

#include "engine/thread/thread_engine.hpp"
#include "os/interrupt.hpp"
#include "parts/sync/await.hpp"

namespace muster::engine::thread {

using detail::kForever;

namespace {

// A loop that is expected to take less is not worth sharing, whoever stands by.
constexpr Nanos kSharing = 1'500;

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
// are workers. One that hears interrupts only waits for items that listen: within one it could not tell them. A task of
// another pool lets others have its seat meanwhile, and takes one of ours if there is one free.
void ThreadEngine::run_from_outside(Loop& loop) noexcept {
  const bool listens = loop.halt != nullptr && os::hears_interrupts();
  if (!special_ && !listens) {
    if (Guest guest(*this); guest) return run_owned(loop, nullptr, Part::kGuest, &guest);
  }
  run_owned(loop, nullptr, innermost_context() == nullptr ? Part::kWaits : Part::kSeeksSeat);
}

// Whether the caller takes chunks, and whether by a permit: that goes back before it waits for others, who may wait for
// work that needs it.
void ThreadEngine::run_owned(Loop& loop, Worker* worker, Part part, Guest* guest) noexcept {
  const bool works = part == Part::kWorks || part == Part::kGuest;
  const Nanos expected = loop.chunk == 0 ? Stride::expected(loop) : kForever;
  const bool tiny = expected < Stride::kTiny;
  const Nanos began = tiny ? os::now() : 0;
  const std::size_t from = tiny && works ? begin_tiny(loop, expected, began, worker, guest) : 0;
  loop.handed = from;
  Slot* slot = nullptr;
  if (from < loop.size && may_go_on(loop)) {
    const Chunk first{from, works ? Stride::first_end(loop, from, workers()) : from};
    // What one chunk covers is nobody else's business.
    if (first.end < loop.size) slot = works ? board_.take() : &board_.take_waiting();
    if (slot != nullptr) {
      announce(*slot, loop, first.end, nullptr, worker);
      if (works) work_on(*slot, worker, first);
    } else {
      loop.handed = run_alone(loop, from, os::now(), kForever, worker);
    }
  }
  if (guest != nullptr) guest->leave();
  if (slot == nullptr) return;
  await_crew(*slot, worker, part);
  if (tiny && from == 0) was_shared(loop, began, expected, workers(), works);
  board_.withdraw(*slot);
  loop.handed = slot->cursor.load(std::memory_order_relaxed);
  board_.give_back(*slot);
}

void ThreadEngine::give_permit_back() noexcept {
  sleep_.leave();
  announce_pending();
}

// A task that is a loop: its begin is the announcement, and whoever is last to leave settles it. The thread that began
// it may leave early, when its worker is worn out.
void ThreadEngine::begin_loop(Task& task, Worker* worker) noexcept {
  Loop& loop = *task.type->loop(task);
  task.retain();
  if (Slot* slot = board_.take()) {
    const Chunk first{0, may_go_on(loop) ? Stride::first_end(loop, 0, workers()) : 0};
    announce(*slot, loop, first.end, &task, worker);
    work_on(*slot, worker, first);
    leave(*slot, worker);
    return;
  }
  loop.handed = run_alone(loop, 0, os::now(), kForever, worker);
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

// False when the loop must hand out no more chunks; says so in the loop when it is the engine that wants it. (Whoever
// terminates a pool asks the items to stop itself.)
bool ThreadEngine::may_go_on(Loop& loop) const noexcept {
  if (terminated()) loop.stopped.store(true, std::memory_order_relaxed);
  if (os::interrupted()) {
    loop.stopped.store(true, std::memory_order_relaxed);
    if (loop.halt != nullptr) loop.halt(loop);
  }
  return !loop.stopped.load(std::memory_order_relaxed);
}

// Whether who works on a loop takes no more of it, since it is worn out or has no permit any more: a worker at its top
// level, or a guest. What is part of a task that has begun goes on.
bool ThreadEngine::must_leave(const Worker* worker) const noexcept {
  if (worker == nullptr) return innermost_context()->outer == nullptr && sleep_.permits() == 0;
  return worker->frames.shown() == 1 && (worn_out(*worker) || !has_permit(*worker));
}

// Of a loop that is expected to be tiny: runs it with a partner, or alone where it is not worth sharing; or its first
// items, if it lasts. How many are done; 0: it is to be shared like all others.
std::size_t ThreadEngine::begin_tiny(Loop& loop, Nanos expected, Nanos began, Worker* worker, Guest* guest) noexcept {
  if (expected >= kSharing) {
    const bool has_seat = guest != nullptr && guest->has_seat();
    const TinyLoops::Advice advice = tiny_loops_.advise(began, has_seat || sleep_.anybody_searches());
    if (advice == TinyLoops::Advice::kShare) {
      if (guest == nullptr || expected >= Stride::kTiniest) return 0;
      if (!has_seat && sleep_.permits() > 1) partner_.want_seat();
      const std::size_t done = has_seat ? run_with_partner(loop, *guest) : 0;
      if (done == loop.size) was_shared(loop, began, expected, 2, true);
      return done;
    }
    if (advice == TinyLoops::Advice::kAloneAndInvite) sleep_.notify();
  }
  const std::size_t done = run_alone(loop, 0, began, Stride::kTiny, worker);
  if (expected >= kSharing) {
    const Nanos ended = os::now();
    tiny_loops_.ran(false, ended - began, expected, ended);
  }
  return done;
}

// Of a tiny loop that others had a part in, and its caller, if it is told.
void ThreadEngine::was_shared(const Loop& loop, Nanos began, Nanos expected, int sharers, bool with_caller) noexcept {
  const Nanos ended = os::now();
  if (with_caller) tiny_loops_.ran(true, ended - began, expected, ended);
  Stride::correct(loop, ended - began, sharers, expected);
}

// Runs items from `from` on in this thread until all are done or `patience` is over, and says where it stopped.
std::size_t ThreadEngine::run_alone(Loop& loop, std::size_t from, Nanos began, Nanos patience,
                                    Worker* worker) noexcept {
  const FrameScope frame({this, worker}, nullptr, loop.what);
  Stride stride = Stride::alone(loop, workers());
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

// `chunk`: what the caller has taken already.
void ThreadEngine::work_on(Slot& slot, Worker* worker, Chunk chunk) noexcept {
  Loop& loop = *slot.loop;
  const FrameScope frame({this, worker}, slot.awaited.load(std::memory_order_relaxed), loop.what);
  Stride stride = Stride::shared(loop, workers());
  Nanos began = os::now();
  while (chunk.begin < chunk.end || take_chunk(slot, stride, worker, chunk)) {
    if (worker != nullptr) ++worker->quota_used;
    if (!loop.run(loop, chunk.begin, chunk.end)) loop.stopped.store(true, std::memory_order_relaxed);
    const Nanos ended = os::now();
    stride.ran(chunk.end - chunk.begin, ended - began);
    began = ended;
    chunk = {};
  }
  // Else the slot stays open for others.
  if (slot.cursor.load(std::memory_order_relaxed) >= loop.size || !may_go_on(loop)) board_.close(slot);
}

bool ThreadEngine::take_chunk(Slot& slot, const Stride& stride, const Worker* worker, Chunk& chunk) noexcept {
  Loop& loop = *slot.loop;
  chunk.begin = slot.cursor.load(std::memory_order_relaxed);
  while (chunk.begin < loop.size && may_go_on(loop) && !must_leave(worker)) {
    chunk.end = stride.end_of(chunk.begin);
    if (slot.cursor.compare_exchange_weak(chunk.begin, chunk.end, std::memory_order_relaxed, std::memory_order_relaxed))
      return true;
  }
  return false;
}

// What the slot holds must be read before leaving: it may be another loop's a moment later.
void ThreadEngine::leave(Slot& slot, Worker* worker) noexcept {
  Loop& loop = *slot.loop;
  Task* const task = slot.task;
  // The owner may begin the next loop as soon as we have left this one. (See settling().)
  if (task == nullptr && worker != nullptr && worker->frames.shown() == 0) begin_search_early(*worker);
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
  if (part == Part::kSeeksSeat && !special_) return await_crew_or_seat(slot);
  const auto wait = [&](Nanos until) {
    if (part == Part::kWorks) {
      wait_helping(slot.crew, {kCrew, 0}, until, worker);
    } else {
      sync::await(slot.crew, deserted, until, os::Scope::kPrivate);
    }
    return deserted(slot.crew.load(std::memory_order_acquire));
  };
  while (!wait(os::next_look(kForever))) {
    if (!may_go_on(*slot.loop)) board_.close(slot);
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
