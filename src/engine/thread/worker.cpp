// A worker's life: enter, take up work until there is none, search for some, sleep, leave.

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "engine/thread/context.hpp"
#include "engine/thread/thread_engine.hpp"
#include "parts/sync/spin.hpp"

namespace muster::engine::thread {

using detail::LockGuard;

namespace {

// How many tasks a worker takes from the injector at once. They stay stealable in its deque.
constexpr std::size_t kBatch = 32;
// Every so often what is at the end of the line goes first, or tasks that submit each other would starve all others.
// More than a batch: what one thread submits to one worker is run in order.
constexpr unsigned kFairTurn = 61;
// Loops go before queued tasks, since somebody stands and waits for a loop; but not always.
constexpr unsigned kVisitsBeforeLoops = 8;

}  // namespace

// False when a successor has taken the worker over.
bool ThreadEngine::live(Worker& worker) noexcept {
  if (worker.previous.joinable()) worker.previous.join();
  os::set_thread_name(settings_.name + "/" + std::to_string(worker.number()));
  pin(worker);
  enter(worker);
  bool retired = false;
  {
    const ContextScope scope({this, &worker});
    for (;;) {
      if (worn_out(worker) && retire(worker)) {
        retired = true;
        break;
      }
      if (!has_permit(worker)) {
        if (wait_for_permit(worker)) continue;
        break;
      }
      if (work_once(worker)) continue;
      if (search(worker)) continue;
      if (stopping_.load(std::memory_order_seq_cst)) break;
      rest(worker);
    }
  }
  if (retired) return false;
  end_batch(worker);
  leave(worker);
  return true;
}

void ThreadEngine::begin_batch(Worker& worker) noexcept {
  if (std::exchange(worker.in_batch, true)) return;
  worker.work.begin();
  if (settings_.hooks.batch_begin) settings_.hooks.batch_begin();
}

void ThreadEngine::end_batch(Worker& worker) noexcept {
  if (!std::exchange(worker.in_batch, false)) return;
  worker.work.end();
  if (settings_.hooks.batch_end) settings_.hooks.batch_end();
}

void ThreadEngine::leave(Worker& worker) noexcept {
  if (worker.entered && settings_.hooks.worker_leave) settings_.hooks.worker_leave();
}

void ThreadEngine::enter(Worker& worker) noexcept {
  worker.quota_used = 0;
  worker.entered = true;
  if (!settings_.hooks.worker_enter) return;
  try {
    settings_.hooks.worker_enter();
  } catch (...) {
    worker.entered = false;
    fail(std::current_exception());
  }
  worker.arrived.store(true, std::memory_order_release);
  entered_.fetch_add(1, std::memory_order_release);
  os::futex_wake(entered_, os::kAll, os::Scope::kPrivate);
}

// A CPU may have been taken away since the pool was asked for it: better an unpinned worker than none.
void ThreadEngine::pin(const Worker& worker) const noexcept {
  if (settings_.cpus.empty()) return;
  try {
    os::set_thread_affinity({settings_.cpus[static_cast<std::size_t>(worker.number()) % settings_.cpus.size()]});
  } catch (const std::exception&) {
  }
}

// Whether it may take what nobody has begun.
bool ThreadEngine::has_permit(const Worker& worker) const noexcept {
  return static_cast<std::uint64_t>(worker.number()) < sleep_.permits();
}

// ---- finding work ---------------------------------------------------------------------------------------------------

bool ThreadEngine::work_once(Worker& worker) noexcept {
  Found found;
  ++worker.turn;
  if (++worker.picks % kFairTurn == 0) found = take_fairly(worker);
  if (!found) found.task = take_one(urgent_);
  if (!found) found.task = worker.deque.pop();
  if (!found) found = take_shared(worker);
  if (!found) return false;
  take_up(worker, found);
  return true;
}

// Our own deque is empty.
ThreadEngine::Found ThreadEngine::take_shared(Worker& worker) noexcept {
  worker.turn = 0;
  Found found;
  if (++worker.visits % kVisitsBeforeLoops == 0) found.task = take_injected(worker);
  if (!found) found.slot = join_any(worker);
  if (!found) found.task = take_injected(worker);
  if (!found) found.task = take_one(lowly_);
  return found;
}

// What would starve if only the most urgent and the newest were taken. But what comes from outside, or lies at the far
// end of our deque, is only preferred if it would have to wait: else what one thread submits to one worker stays in
// order.
ThreadEngine::Found ThreadEngine::take_fairly(Worker& worker) noexcept {
  const bool starved = worker.turn >= kFairTurn || !urgent_.empty();
  switch (worker.picks / kFairTurn % 4) {
    case 0:
      return {.task = take_one(lowly_)};
    case 1:
      return {.slot = join_any(worker)};
    case 2:
      return {.task = starved ? take_injected(worker) : nullptr};
    default:
      return {.task = starved ? worker.deque.steal() : nullptr};
  }
}

// A worker that will have nothing to do begins to search before its last task's end is known: else who hands in the
// next one, in answer to that, would find nobody searching and wake a second worker for it. What the worker does before
// it looks must be ours alone: others rely on it to come and look. That the pool is quiet is told by search() or
// rest().
void ThreadEngine::settling(const Task& task) noexcept {
  const Context* here = innermost_context();
  if (!task.type->plain || here == nullptr || here->engine != this || here->worker == nullptr) return;
  const Frames& frames = here->worker->frames;
  // Its own frame: what is dropped within a chunk of a loop ends nothing for the worker.
  if (frames.shown() == 1 && frames[0].awaited.load(std::memory_order_relaxed) == &task.state) {
    begin_search_early(*here->worker);
  }
}

void ThreadEngine::begin_search_early(Worker& worker) noexcept {
  if (!worker.searching && worker.deque.empty() && injector_.empty()) come_to_search(worker);
}

// False when enough others search. The hatch comes last: who hands something in relies on a searcher.
bool ThreadEngine::come_to_search(Worker& worker) noexcept {
  if (!worker.searching) worker.searching = sleep_.begin_search();
  if (!worker.searching) return false;
  if (!worker.at_hatch) {
    const Hatch::Mark mark = injector_.mark_if_empty();
    worker.at_hatch = mark != 0 && hatch_.open(mark);
  }
  if (worker.at_hatch && !worker.offers_seat) worker.offers_seat = partner_.offer_seat();
  return true;
}

bool ThreadEngine::search(Worker& worker) noexcept {
  if (!come_to_search(worker)) return false;
  tell_if_quiet();
  Found found;
  const auto look = [&] {
    if (worker.at_hatch) {
      if (hatch_.full()) return true;
      if (worker.offers_seat) partner_.fetch();
    }
    found.task = take_one(urgent_);
    if (!found) found.slot = join_any(worker);
    if (!found) found.task = take_injected(worker);
    if (!found) found.task = steal(worker);
    if (!found) found.task = take_one(lowly_);
    return static_cast<bool>(found) || stopping_.load(std::memory_order_relaxed);
  };
  // What comes at once finds the batch still open: two looks at the clock would hold it up.
  if (!sync::poll_until(look)) {
    end_batch(worker);
    sync::spin_until(look, worker.spin.nanos());
  }
  if (found) {
    take_up(worker, found);
    return true;
  }
  if (worker.at_hatch) {
    if (const auto half = hatch_.half()) {
      run_half(worker, *half);
      return true;
    }
  }
  if (take_handed(worker)) return true;
  // What is there and cannot be had stands in the hands of a thread that has lost its core: give it ours.
  if (!pending()) return false;
  os::yield();
  return !stopping_.load(std::memory_order_relaxed);
}

// Closes the hatch, and takes up what was handed in, if anything was.
bool ThreadEngine::take_handed(Worker& worker) noexcept {
  if (!worker.at_hatch) return false;
  Task* const task = close_hatch(worker);
  if (task != nullptr) take_up(worker, {.task = task});
  return task != nullptr;
}

Task* ThreadEngine::close_hatch(Worker& worker) noexcept {
  worker.at_hatch = false;
  Task* const task = hatch_.close();
  if (std::exchange(worker.offers_seat, false) && partner_.withdraw_seat()) give_permit_back();
  return task;
}

void ThreadEngine::rest(Worker& worker) noexcept {
  end_batch(worker);
  const Nanos from = os::now() - (worker.searching ? worker.spin.nanos() : 0);
  const Nanos called = sleep_.sleep(worker.bed, std::exchange(worker.searching, true), [this, &worker] {
    // stop() or resize() may have woken everybody just before we lay down.
    if (stopping_.load(std::memory_order_seq_cst) || worker.number() >= size_.load(std::memory_order_seq_cst))
      sleep_.wake_everybody();
    tell_if_quiet();
    return pending();
  });
  if (called > from) worker.spin.learn(called - from, os::now() - called);
}

// Looks at everything that can hold work, in the order of all sequentially consistent operations.
bool ThreadEngine::pending() const noexcept {
  return !urgent_.empty() || !injector_.empty() || !lowly_.empty() || !board_.empty() ||
         std::ranges::any_of(workers_.now(), [](const Worker* worker) { return !worker->deque.empty(); });
}

Task* ThreadEngine::take_one(Lane& lane) noexcept {
  Task* task = nullptr;
  return !lane.empty() && lane.take(&task, 1) == 1 ? task : nullptr;
}

Task* ThreadEngine::take_injected(Worker& worker) noexcept {
  std::array<Task*, kBatch> taken;
  const bool one = special_ || !worker.deque.empty();
  const std::size_t count = injector_.take(taken.data(), one ? 1 : taken.size());
  if (count == 0) return nullptr;
  // The rest goes into the deque so that it comes out at our end in the order of submission.
  std::array<Task*, kBatch> rest;
  for (std::size_t i = 1; i < count; ++i) {
    rest[count - 1 - i] = taken[i];
    os::fetch(taken[i]);
  }
  if (count > 1) {
    worker.deque.push_all({rest.data(), count - 1});
    // While they were in our hand they were nowhere, and somebody may have gone to sleep over that.
    sleep_.notify();
  }
  return taken[0];
}

Task* ThreadEngine::steal(const Worker& thief) noexcept {
  const std::span<Worker* const> workers = workers_.now();
  const std::size_t count = workers.size();
  for (std::size_t step = 1; step < count; ++step) {
    Worker& victim = *workers[(static_cast<std::size_t>(thief.number()) + step) % count];
    if (Task* task = victim.deque.steal()) return task;
  }
  return nullptr;
}

Slot* ThreadEngine::join_any(const Worker& worker) noexcept {
  if (board_.empty()) return nullptr;
  sleep_.fetch();  // who joins changes its counts next
  return board_.find(static_cast<unsigned>(worker.number()), [](Slot& slot) { return slot.join(); });
}

// ---- doing it -------------------------------------------------------------------------------------------------------

void ThreadEngine::take_up(Worker& worker, Found found) noexcept {
  // What was handed in was so before what we have found was pushed: it goes first.
  while (worker.at_hatch) {
    Task* const handed = close_hatch(worker);
    if (handed == nullptr) break;
    if (put_back(worker, found)) {
      found = {.task = handed};
    } else {
      take_up(worker, {.task = handed});
    }
  }
  if (worker.searching) {
    worker.searching = false;
    // While we searched, others relied on us to find what they published: what is left we must announce.
    if (sleep_.end_search()) announce_pending();
  }
  // Asked once more, with the work in hand: what was submitted after a pause is not begun. But who has forked a call
  // waits for it, and has begun.
  if (!has_permit(worker) && (found.task == nullptr || !found.task->type->part) && put_back(worker, found)) return;
  begin_batch(worker);
  run_found(found, &worker);
}

// Where it will be the next to be taken; this worker does not look for work now. False: there is no memory for that.
bool ThreadEngine::put_back(Worker& worker, Found found) noexcept {
  if (found.slot != nullptr) leave(*found.slot, &worker);
  if (found.task != nullptr) {
    try {
      worker.deque.push(found.task);
    } catch (const std::bad_alloc&) {
      return false;
    }
    sleep_.notify();
  }
  return true;
}

bool ThreadEngine::worn_out(const Worker& worker) const noexcept {
  return settings_.tasks_per_worker > 0 && worker.quota_used >= static_cast<std::uint64_t>(settings_.tasks_per_worker);
}

// Takes a task from a queue, with the queue's reference. Whoever waited for it may have been faster.
void ThreadEngine::receive(Task& task, Worker* worker) noexcept {
  if (!task.type->claimable || task.begin()) execute(task, worker);
  task.release();
}

void ThreadEngine::execute(Task& task, Worker* worker) noexcept {
  if (terminated()) {
    drop(task, worker);
    return;
  }
  if (task.type->loop != nullptr) {
    begin_loop(task, worker);
    return;
  }
  if (worker != nullptr) ++worker->quota_used;
  {
    const FrameScope frame({this, worker}, &task.state, task.type->what);
    task.type->run(task);
  }
  settled(worker);
}

}  // namespace muster::engine::thread
