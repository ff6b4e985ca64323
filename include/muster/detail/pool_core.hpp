#pragma once
// The compiled half of every pool: what the templates of the API call. It chooses the engine, guards the gate, and
// keeps what belongs to the pool as a whole.

#include <cstddef>
#include <exception>
#include <memory>
#include <stop_token>
#include <vector>

#include <muster/detail/landing.hpp>
#include <muster/detail/task.hpp>
#include <muster/detail/wait_word.hpp>
#include <muster/pool_options.hpp>

namespace muster {
struct ProcessOptions;
}

namespace muster::detail {

// A point in time at which something happens unless it is taken back.
struct Watch {
  Nanos deadline = kForever;
  // What is left to do when the watch itself is no longer needed: it may wait for the pool.
  struct Then {
    void (*call)(void*) noexcept = nullptr;
    void* argument = nullptr;
  };
  Then (*expire)(Watch&) noexcept = nullptr;  // on the pool's timer thread, without any lock held
  // The pool's timer's own.
  std::size_t place = 0;
  bool firing = false;
};

class AsyncCore;

// An imap that still takes items from its input.
class MUSTER_EXPORT Feed {
 public:
  virtual ~Feed();
  // The pool is about to end its workers: submit all the rest if its end is known, and nothing more in any case.
  virtual void conclude() noexcept = 0;
};

class MUSTER_EXPORT PoolCore : public std::enable_shared_from_this<PoolCore> {
 public:
  // A pool of threads. Throws ValueError for nonsense, std::system_error when the system gives no thread, and what an
  // initializer threw.
  static std::shared_ptr<PoolCore> of_threads(const PoolOptions& options);
  // A pool of processes. Throws as ProcessPool's constructor does.
  static std::shared_ptr<PoolCore> of_processes(const ProcessOptions& options);
  // What leaving Python's `with` does: terminate, and wait for what has begun; from within one of the pool's own tasks
  // the wait is left to its workers.
  static void end(std::shared_ptr<PoolCore> core) noexcept;

  virtual ~PoolCore();
  PoolCore(const PoolCore&) = delete;
  PoolCore& operator=(const PoolCore&) = delete;

  virtual int processes() const noexcept = 0;
  // The engine, by which tasks and workers tell where they belong.
  engine::Engine* home() const noexcept { return home_; }
  // Whether the caller runs inside a task of this pool.
  virtual bool is_inside() const noexcept = 0;
  // Of the worker processes that live now.
  virtual std::vector<int> worker_pids() const = 0;

  // In a copy of the process that made the pool (fork), what follows throws Error where it hands in or waits for work,
  // and does nothing where it ends the pool.

  // Takes over one reference to `task`, also when it throws: PoolClosed, or why the pool has failed. `follow_up`: part
  // of a call that was accepted earlier.
  virtual void submit(Task& task, const CallOptions& options, bool follow_up) = 0;
  // The same, and waits until it is settled, also where it throws Interrupted: then the task is ended as soon as can
  // be. Who calls keeps the core.
  virtual void submit_and_await(AsyncCore& task, const CallOptions& options) = 0;
  // Waits until `task`, which was submitted here, is settled. Who calls keeps the core. Throws Interrupted.
  virtual void await(Task& task) = 0;
  // The same for a while: returns when it is settled, or when there may be news of it that cannot be waited for so, or
  // on an interrupt. Throws nothing.
  virtual void attend(Task& task) = 0;
  // Runs a loop while the caller waits. Throws as submit does; a loop that was accepted does not throw. Stops it where
  // the caller is to be interrupted.
  virtual void run(Loop& loop, const CallOptions& options) = 0;
  // Why a loop or task was dropped: the failure of the pool, or Cancelled.
  virtual std::exception_ptr why_dropped(const std::exception_ptr& failure) const = 0;

  virtual void close() = 0;
  virtual void terminate() = 0;
  virtual void join() = 0;
  virtual void wait_all() = 0;
  virtual void resize(int workers) = 0;
  virtual void pause() = 0;
  virtual void resume() = 0;
  virtual PoolStats stats() const = 0;

  // Memory in which the workers can leave so many bytes of results. Null where they have ours, or it is not worth it.
  // Throws std::bad_alloc.
  virtual std::shared_ptr<Landing> landing(std::size_t bytes) = 0;

  // Requested by terminate.
  virtual std::stop_token stop_token() const noexcept = 0;
  virtual void watch(Watch& watch) = 0;
  // After it returns the watch neither has to expire nor is expiring. Not from within expire.
  virtual void unwatch(Watch& watch) noexcept = 0;
  // What goes on between the two, after the end of a watch, is part of the work that the pool waits for. The first only
  // from within expire.
  virtual void hold() noexcept = 0;
  virtual void let_go() noexcept = 0;
  // A posted task failed: wait_all will throw the first such failure.
  virtual void report(std::exception_ptr failure) noexcept = 0;
  virtual void add(const std::shared_ptr<Feed>& feed) = 0;
  // Throws as submit would.
  virtual void require_open() const = 0;

 protected:
  explicit PoolCore(engine::Engine* home) noexcept : home_(home) {}

 private:
  engine::Engine* const home_;
};

// Waits until `task` is settled; false when the deadline passed first. A task that waits here helps (Engine::wait).
// Throws Interrupted, and Error where this process is a copy of the one that submitted it, and it was not settled
// before the copy.
MUSTER_EXPORT bool wait_for(Task& task, Nanos deadline);
// Takes `task` back if it has not begun. `begun_too`: also one that runs where it can be killed.
MUSTER_EXPORT bool cancel(Task& task, bool begun_too = false);
// Whether `task` can still become settled here: a copy of the process has nobody who runs it.
MUSTER_EXPORT bool is_of_this_process(const Task& task) noexcept;

// Throws ValueError for a negative count, with its name.
MUSTER_EXPORT int checked_count(int count, const char* name);

// The pace of a loop over a plain function, which its type does not tell from others.
MUSTER_EXPORT Pace& pace_of(const void* function) noexcept;

}  // namespace muster::detail
