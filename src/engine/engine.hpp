#pragma once
// The contract between the pools' common front (src/api) and what runs their work. An engine knows tasks and loops by
// muster/detail/task.hpp and nothing of their types; results, order, windows, callbacks, retries and what counts as a
// failure live above it, once for all engines. It is crossed once a task or a loop, never once an item.
//
// Written for four kinds of engine: threads of this process; worker processes; worker processes that run another
// language under a lock of its own; workers on other machines. Hence nothing here promises shared memory.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include <muster/detail/landing.hpp>
#include <muster/detail/loop_codec.hpp>
#include <muster/detail/task.hpp>

namespace muster::engine {

using detail::Loop;
using detail::Nanos;
using detail::Task;

// Asked for, never guessed.
struct Capabilities {
  bool shares_memory =
      false;              // tasks run in this process: `run` is called, codecs are not; if not, all tasks are loops
  bool can_kill = false;  // a time limit ends the task itself, not only the wait for it
};

// What an engine is told of a task beyond the task itself.
struct Terms {
  bool follow_up = false;               // part of a call that was accepted earlier: a closed gate lets it pass
  int priority = 0;                     // larger goes first, where the engine has lanes
  Nanos time_limit = detail::kForever;  // from its begin; only engines that can kill look at it
  bool attended = false;                // who submits it calls attend() next, whatever happens
};

// Calls into the front, on the worker's side.
struct Hooks {
  std::function<void()> worker_enter;  // before a worker's first task; may throw: the engine has failed then
  std::function<void()> worker_leave;  // after its last one
  std::function<void()> batch_begin;   // before a worker takes up work, after having had none
  std::function<void()> batch_end;     // when it has none any more
  std::function<void()> before_fork;   // engines that fork
  std::function<void()> after_fork;
  std::vector<std::string> command;  // engines that start programs: the command that starts a worker
};

struct Settings {
  int workers = 1;
  int tasks_per_worker = 0;    // a worker is replaced after so many tasks (a chunk counts as one); 0: never
  int sharers = 1;             // how many tasks share the CPUs with the one that makes the engine, itself counted
  std::string name;            // of the workers, as the system shows them
  std::size_t stack_size = 0;  // of a worker's thread, in bytes; 0: the system's default
  std::vector<int> cpus;       // where workers run, each on one, in turn; empty: anywhere
  Hooks hooks;
};

// What an engine is doing, and has done since it began. While work goes on the counts are of slightly different
// moments.
struct Load {
  int workers = 0;
  int running = 0;             // workers that run something
  std::uint64_t accepted = 0;  // tasks, and loops
  std::uint64_t settled = 0;   // of these
  Nanos working = 0;           // how long workers had work, summed over all of them
};

// How a wait ended.
enum class Wait : std::uint8_t { kDone, kTimedOut };

class Engine {
 public:
  Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  virtual ~Engine() = default;

  virtual Capabilities capabilities() const noexcept = 0;
  virtual int workers() const noexcept = 0;

  // Takes over one reference to `task`. False when the engine is closed to the caller: nothing was taken then.
  // Callable from any thread, tasks included; blocks only where a bounded channel is full.
  virtual bool submit(Task& task, const Terms& terms) = 0;

  // Runs `loop` and returns when every chunk that was begun has ended. False when the engine is closed to the caller.
  // Where the caller hears an interrupt (os::interrupted) it stops the loop, and kills what runs of it if it can.
  // The caller's thread may run chunks too, where workers are not special.
  virtual bool run(Loop& loop, const Terms& terms) = 0;

  // Only in a task of this engine: waits until `task` of this engine is settled. Such a wait never keeps the engine
  // from going on: if nobody has begun what it awaits, it does that itself; meanwhile it runs nothing but what it
  // awaits and the descendants of that.
  virtual Wait wait(Task& task, Nanos deadline) = 0;

  // For a caller that waits for `task` and nothing else, while the engine is kept alive: may bring its end about sooner
  // than waiting for its state would. May return before that, and does on an interrupt. Terms::attended tells of it in
  // advance.
  virtual void attend(Task& /*task*/) {}

  // For a task that the caller has won by Task::begin, from wherever; until it is settled the engine stays alive.
  // Runs it here and now.
  virtual void lend(Task& task) = 0;
  // Settles it by its type's drop. False where it turns out to have begun elsewhere: it goes on. `begun_too`: where the
  // engine can kill, it does so, and what has begun is dropped, too, in a moment.
  virtual bool withdraw(Task& task, bool begun_too) = 0;

  // The caller is about to tell that `task` is done, as the last thing that the task does: whoever waits for it may
  // hand in the next one at once.
  virtual void settling(const Task& /*task*/) noexcept {}

  // No more work from outside; what tasks themselves submit is part of what was accepted.
  virtual void close() = 0;
  // Closes, and drops what has not begun; nothing at all is accepted any more. Returns at once.
  virtual void terminate() = 0;
  // Between the two, something goes on that belongs to a task that may be settled meanwhile: nothing is drained before
  // its end. The first only while such a task is unsettled, and only in engines whose workers are threads.
  virtual void hold() noexcept {}
  virtual void let_go() noexcept {}
  // Waits until nothing accepted is unsettled, and nothing held. False when `deadline` passed first.
  virtual bool drain(Nanos deadline) = 0;
  // The same when stop() comes next: the workers may end by themselves as soon as all is settled, which saves waking
  // them for that. Only when closed.
  virtual bool drain_to_stop(Nanos deadline) { return drain(deadline); }
  // After drain: ends the workers. Returns when they are gone.
  virtual void stop() = 0;
  // Ends the workers without waiting for them: for whoever runs on one. `self` is kept until the last is gone.
  virtual void abandon(std::shared_ptr<void> self) = 0;

  // Changes the number of workers: at least 1. Those that are too many end what they have begun, and go. False where
  // the engine takes no more work. Throws what starting a worker throws, and leaves all as it was then.
  virtual bool resize(int workers) = 0;
  // Until resume (or terminate), nobody begins what was not begun before, but for what that waits for.
  virtual void pause() = 0;
  virtual void resume() = 0;

  // Memory in which workers elsewhere can leave so many bytes of a loop's results; null: there is none to be had, or it
  // is not worth it. Throws std::bad_alloc.
  virtual std::shared_ptr<detail::Landing> landing(std::size_t /*bytes*/) { return nullptr; }

  // True when the caller runs inside a task of this engine.
  virtual bool inside() const noexcept = 0;
  // What each busy worker is doing, for reports.
  virtual std::vector<const std::type_info*> running() const = 0;
  virtual Load load() const = 0;
  // The processes that work for this engine now; empty where the workers are threads.
  virtual std::vector<int> worker_ids() const { return {}; }
  // Why no worker can start any more: the exception of a worker_enter hook; else null.
  virtual std::exception_ptr failure() const = 0;
};

}  // namespace muster::engine
