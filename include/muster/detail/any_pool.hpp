#pragma once
// What all pools are: the calls, and the endings.

#include <memory>
#include <utility>

#include <muster/detail/pool_calls.hpp>
#include <muster/detail/pool_core.hpp>
#include <muster/pool_options.hpp>

namespace muster::detail {

// A pool's calls with options fixed beforehand. Refers to the pool.
template <class Kind>
class CallsWith : public PoolCalls<CallsWith<Kind>, Kind> {
 public:
  CallsWith(PoolCore& core, const CallOptions& options) : core_(&core), options_(options) {}
  PoolCore& core() const noexcept { return *core_; }
  const CallOptions& defaults() const noexcept { return options_; }

 private:
  PoolCore* core_;
  CallOptions options_;
};

template <class Self, class Kind>
class AnyPool : public PoolCalls<Self, Kind> {
 public:
  AnyPool(const AnyPool&) = delete;
  AnyPool& operator=(const AnyPool&) = delete;
  // What leaving Python's `with` does: terminate(), then wait for what has begun. Within a task of the pool it does not
  // wait; the workers end on their own.
  ~AnyPool() { PoolCore::end(std::move(core_)); }

  // How many workers.
  int processes() const noexcept { return core_->processes(); }

  // The same calls with these options: pool.with({.timeout = 1s}).apply(f, x).
  CallsWith<Kind> with(const CallOptions& options) { return CallsWith<Kind>(*core_, options); }

  // Takes no more work; what was accepted is done, with whatever tasks themselves submit.
  void close() { core_->close(); }
  // Takes no more work, drops what has not begun (its outcome is Cancelled), and asks what has begun to stop. Returns
  // without waiting for it. May be called from a task or a callback.
  void terminate() {
    const std::shared_ptr<PoolCore> core = core_;  // a callback of what is dropped may destroy the pool
    core->terminate();
  }
  // Waits until all accepted work is done and the workers are gone; ends a pause, or it would wait for ever. An imap
  // over an input of known size may be read to its end afterwards. Throws ValueError before close() or terminate(),
  // DeadlockError in a task of the pool.
  void join() { core_->join(); }
  // Waits until all work accepted so far is done. Throws the first failure of a post() since the last call.
  // DeadlockError in a task of the pool.
  void wait_all() { core_->wait_all(); }

  // Changes the number of workers, while they work; 0: usable_cpus(). New ones have run their initializer when it
  // returns. Those that are too many end what they have begun and go, with their thread-local objects; nobody waits for
  // that, and what they have not begun is done by others. Also from within a task of a pool of threads, and from a
  // callback. Throws ValueError when negative, PoolClosed after the pool's end has begun (closed is not ended),
  // std::system_error (and the number stays what it was) when the system gives no thread or process; what an
  // initializer throws: the pool has failed then.
  void resize(int processes) { core_->resize(processes); }
  // From now on no call, and no further chunk of a map, begins, until resume(), join() or terminate(). What has begun
  // goes on, with what it waits for; at this moment a worker may just be beginning one more. Calls are accepted
  // meanwhile, and those that wait for their results wait. A process that dies is replaced. May be called again, to no
  // effect.
  void pause() { core_->pause(); }
  void resume() { core_->resume(); }
  PoolStats stats() const { return core_->stats(); }

  PoolCore& core() const noexcept { return *core_; }
  const CallOptions& defaults() const noexcept { return defaults_; }

 protected:
  explicit AnyPool(std::shared_ptr<PoolCore> core) noexcept : core_(std::move(core)) {}

 private:
  std::shared_ptr<PoolCore> core_;
  CallOptions defaults_;
};

}  // namespace muster::detail
