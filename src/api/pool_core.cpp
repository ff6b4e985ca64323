// The pool behind every kind of pool: an engine, the gate's errors, the timer, posted failures, the endings.

#include <muster/detail/pool_core.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <muster/detail/async_core.hpp>
#include <muster/detail/exceptions.hpp>
#include <muster/error.hpp>
#include <muster/process_options.hpp>
#include <muster/thread.hpp>

#include "api/interrupt.hpp"
#include "api/surroundings.hpp"
#include "api/thread_state.hpp"
#include "api/timer.hpp"
#include "api/type_name.hpp"
#include "engine/engine.hpp"
#include "engine/process/process_engine.hpp"
#include "engine/thread/inside.hpp"
#include "engine/thread/thread_engine.hpp"
#include "os/os.hpp"
#include "os/process.hpp"
#include "parts/start/template.hpp"

namespace muster::detail {

Feed::~Feed() = default;
PoolCore::~PoolCore() = default;

namespace {

// How long until a pool that waits for begun tasks names them again.
constexpr Nanos kReminder = 30'000'000'000;

class Pool final : public PoolCore {
 public:
  // One whose end is not ours, in a copy of the process that made it, is left as it is: its threads are not there to be
  // joined, and somebody else's locks may be held for ever.
  static std::shared_ptr<Pool> make(std::unique_ptr<engine::Engine> engine, Duration grace) {
    return {new Pool(std::move(engine), grace), [](Pool* pool) {
              if (pool->is_ours()) delete pool;
            }};
  }
  ~Pool() override { tell_unreported(); }

  int processes() const noexcept override { return engine_->workers(); }
  bool is_inside() const noexcept override { return engine_->inside(); }
  std::vector<int> worker_pids() const override { return engine_->worker_ids(); }
  void submit(Task& task, const CallOptions& options, bool follow_up) override;
  void submit_and_await(AsyncCore& task, const CallOptions& options) override;
  void await(Task& task) override;
  void attend(Task& task) override {
    if (is_ours()) engine_->attend(task);
  }
  void run(Loop& loop, const CallOptions& options) override;
  std::exception_ptr why_dropped(const std::exception_ptr& failure) const override;

  void close() override;
  void terminate() override;
  void join() override;
  void wait_all() override;
  void resize(int workers) override;
  void pause() override {
    if (is_ours()) engine_->pause();
  }
  void resume() override {
    if (is_ours()) engine_->resume();
  }
  PoolStats stats() const override;

  std::shared_ptr<Landing> landing(std::size_t bytes) override {
    return is_ours() ? engine_->landing(bytes) : nullptr;  // in a copy the call is about to be refused
  }

  std::stop_token stop_token() const noexcept override { return stop_.get_token(); }
  void watch(Watch& watch) override { timer_.add(watch); }
  void unwatch(Watch& watch) noexcept override { timer_.remove(watch); }
  void hold() noexcept override { engine_->hold(); }
  void let_go() noexcept override { engine_->let_go(); }
  void report(std::exception_ptr failure) noexcept override;
  void add(const std::shared_ptr<Feed>& feed) override;
  void require_open() const override {
    require_ours();
    if (closed_.load(std::memory_order_relaxed) && !inside()) refuse();
  }

  bool is_ours() const noexcept { return generation_ == os::generation(); }
  bool inside() const noexcept { return engine_->inside() || timer_.inside(); }
  void abandon(std::shared_ptr<PoolCore> self);

 private:
  Pool(std::unique_ptr<engine::Engine> engine, Duration grace)
      : PoolCore(engine.get()), engine_(std::move(engine)), grace_(grace) {}

  void require_ours() const {
    if (!is_ours())
      throw Error("this pool belongs to the process that made it, and this process is a copy of that one");
  }
  engine::Terms terms_of(const CallOptions& options, bool follow_up) const;
  void hand_in(Task& task, const CallOptions& options, bool follow_up, bool attended);
  [[noreturn]] void refuse() const;
  void conclude_feeds() noexcept;
  void drain_with_patience();
  bool drain_until(Nanos deadline);
  void name_running() const;
  void tell_unreported() noexcept;

  const std::uint32_t generation_ = os::generation();
  std::unique_ptr<engine::Engine> engine_;
  const Duration grace_;
  std::stop_source stop_;
  std::atomic<bool> closed_{false};
  std::atomic<bool> terminated_{false};
  PrivateLock joining_;
  bool joined_ = false;  // under joining_

  mutable PrivateLock lock_;  // guards what follows
  std::exception_ptr posted_failure_;
  std::size_t posted_failures_ = 0;
  std::vector<std::weak_ptr<Feed>> feeds_;

  api::Timer timer_;  // the last to be made: its thread calls into what is above
};

// A callback of an expiry is as much inside of the pool as one that a worker runs.
engine::Terms Pool::terms_of(const CallOptions& options, bool follow_up) const {
  checked_count(options.retries, "retries");
  return {.follow_up = follow_up || timer_.inside(),
          .priority = options.priority,
          .time_limit = options.timeout.limited() ? options.timeout.nanoseconds().count() : kForever};
}

void Pool::submit(Task& task, const CallOptions& options, bool follow_up) { hand_in(task, options, follow_up, false); }

// A call that has begun may use what is its caller's, so an interrupt does not leave it behind.
void Pool::submit_and_await(AsyncCore& task, const CallOptions& options) {
  hand_in(task, options, false, true);
  try {
    await(task);
  } catch (const Interrupted&) {
    const os::InterruptsHeld held;
    if (!cancel(task, true)) task.stop.request_stop();
    wait_for(task, kForever);
    throw;
  }
}

void Pool::hand_in(Task& task, const CallOptions& options, bool follow_up, bool attended) {
  bool accepted = false;
  try {
    require_ours();
    task.generation = generation_;
    engine::Terms terms = terms_of(options, follow_up);
    terms.attended = attended;
    accepted = engine_->submit(task, terms);
  } catch (...) {
    task.release();
    throw;
  }
  if (accepted) return;
  task.release();
  refuse();
}

void Pool::await(Task& task) {
  attend(task);
  wait_for(task, kForever);
}

void Pool::run(Loop& loop, const CallOptions& options) {
  require_ours();
  if (!engine_->run(loop, terms_of(options, false))) refuse();
}

void Pool::refuse() const {
  if (const std::exception_ptr why = engine_->failure()) std::rethrow_exception(why);
  throw PoolClosed("the pool takes no more work: it was closed, terminated or joined");
}

std::exception_ptr Pool::why_dropped(const std::exception_ptr& failure) const {
  if (failure) return failure;
  if (const std::exception_ptr why = engine_->failure()) return why;
  return std::make_exception_ptr(Cancelled("dropped before it began: it was cancelled, or its pool ended"));
}

void Pool::close() {
  if (!is_ours()) return;
  closed_.store(true, std::memory_order_relaxed);
  engine_->close();
}

void Pool::terminate() {
  if (!is_ours()) return;
  closed_.store(true, std::memory_order_relaxed);
  terminated_.store(true, std::memory_order_relaxed);
  // The gate first: a task that obeys its token must not make room for another.
  engine_->terminate();
  stop_.request_stop();
}

void Pool::join() {
  if (!is_ours()) return;
  if (inside()) throw DeadlockError("join() in a task or callback of the same pool would wait for itself");
  if (!closed_.load(std::memory_order_relaxed)) throw ValueError("join() before close() or terminate()");
  const LockGuard guard(joining_);
  if (joined_) return;
  engine_->resume();
  conclude_feeds();
  drain_with_patience();
  engine_->stop();
  joined_ = true;
}

void Pool::drain_with_patience() {
  if (!terminated_.load(std::memory_order_relaxed)) {
    // Work may take as long as it takes; but somebody may terminate meanwhile, and then patience is short.
    while (!drain_until(os::now() + 100'000'000)) {
      if (terminated_.load(std::memory_order_relaxed)) break;
    }
  }
  if (drain_until(grace_.deadline())) return;
  do name_running();
  while (!drain_until(os::now() + kReminder));
}

bool Pool::drain_until(Nanos deadline) {
  return api::interruptibly(deadline, [this](Nanos until) { return engine_->drain_to_stop(until); });
}

void Pool::name_running() const {
  std::string names;
  for (const std::type_info* what : engine_->running()) names += (names.empty() ? "" : ", ") + api::type_name(*what);
  std::fprintf(stderr, "muster: a terminated pool waits for %s, which has begun and cannot be killed\n",
               names.empty() ? "a task" : names.c_str());
}

void Pool::wait_all() {
  require_ours();
  if (inside()) throw DeadlockError("wait_all() in a task or callback of the same pool would wait for itself");
  api::interruptibly(kForever, [this](Nanos until) { return engine_->drain(until); });
  std::exception_ptr failure;
  {
    const LockGuard guard(lock_);
    failure = std::exchange(posted_failure_, nullptr);
    posted_failures_ = 0;
  }
  if (failure) std::rethrow_exception(failure);
}

void Pool::report(std::exception_ptr failure) noexcept {
  const LockGuard guard(lock_);
  if (posted_failures_++ == 0) posted_failure_ = std::move(failure);
}

// Nothing is lost in silence.
void Pool::tell_unreported() noexcept {
  if (posted_failures_ == 0) return;
  const auto tell = [this](const char* what) {
    std::fprintf(stderr, "muster: %zu posted tasks failed and no wait_all() was there to say so; the first: %s\n",
                 posted_failures_, what);
  };
  try {
    std::rethrow_exception(posted_failure_);
  } catch (const std::exception& error) {
    tell(error.what());
  } catch (...) {
    tell("not a std::exception");
  }
}

void Pool::add(const std::shared_ptr<Feed>& feed) {
  const LockGuard guard(lock_);
  std::erase_if(feeds_, [](const auto& known) { return known.expired(); });
  feeds_.push_back(feed);
}

void Pool::conclude_feeds() noexcept {
  std::vector<std::weak_ptr<Feed>> feeds;
  {
    const LockGuard guard(lock_);
    feeds.swap(feeds_);
  }
  for (const auto& known : feeds) {
    if (const std::shared_ptr<Feed> feed = known.lock()) feed->conclude();
  }
}

void Pool::abandon(std::shared_ptr<PoolCore> self) {
  terminate();
  conclude_feeds();
  engine_->abandon(std::move(self));
}

// How many threads may be in a pool: far more than a system gives, and few enough for the engine's counters.
constexpr int kMostWorkers = 1 << 15;

// 0: as many as there are CPUs for one of so many `sharers`.
int checked_workers(int processes, int sharers = 1) {
  if (checked_count(processes, "processes") > kMostWorkers) {
    throw ValueError("processes is " + std::to_string(processes) + ", and at most " + std::to_string(kMostWorkers));
  }
  return processes == 0 ? std::max(1, os::usable_cpus() / sharers) : processes;
}

std::vector<int> checked_cpus(const std::vector<int>& cpus) {
  if (cpus.empty()) return {};
  const std::vector<int> usable = os::thread_affinity();
  for (const int cpu : cpus) {
    if (std::ranges::find(usable, cpu) == usable.end())
      throw ValueError("cpus: " + std::to_string(cpu) + " is not the number of a CPU that this thread may use");
  }
  return cpus;
}

void Pool::resize(int workers) {
  require_ours();
  if (!engine_->resize(checked_workers(workers))) refuse();
}

PoolStats Pool::stats() const {
  require_ours();
  const engine::Load load = engine_->load();
  return {.workers = load.workers,
          .running = load.running,
          .submitted = load.accepted,
          .finished = load.settled,
          .working = std::chrono::nanoseconds(load.working)};
}

std::string next_name() {
  static std::atomic<unsigned> count{0};
  return "pool-" + std::to_string(count.fetch_add(1, std::memory_order_relaxed) + 1);
}

}  // namespace

int checked_count(int count, const char* name) {
  if (count < 0) throw ValueError(std::string(name) + " must not be negative, and is " + std::to_string(count));
  return count;
}

std::shared_ptr<PoolCore> PoolCore::of_threads(const PoolOptions& options) {
  engine::Settings settings;
  settings.sharers = engine::thread::sharers_here();
  settings.workers = checked_workers(options.processes, settings.sharers);
  settings.tasks_per_worker = checked_count(options.maxtasksperchild, "maxtasksperchild");
  settings.name = options.name.empty() ? next_name() : options.name;
  settings.stack_size = options.stack_size == 0 ? threading::stack_size() : checked_stack_size(options.stack_size);
  settings.cpus = checked_cpus(options.cpus);
  settings.hooks.worker_enter = options.initializer;
  return Pool::make(std::make_unique<engine::thread::ThreadEngine>(std::move(settings)), options.grace);
}

namespace {

start::Method method_of(StartMethod method) {
  switch (method) {
    case StartMethod::default_:
      return start::serving() ? start::Method::kForkserver : start::Method::kFork;
    case StartMethod::fork:
      return start::Method::kFork;
    case StartMethod::forkserver:
      return start::Method::kForkserver;
    case StartMethod::spawn:
      return start::Method::kSpawn;
  }
  throw ValueError("start_method: there is no such one");
}

std::vector<int> open_ones(const std::vector<int>& numbers) {
  for (const int number : numbers) {
    if (!os::is_open(number)) {
      throw ValueError("pass_fds: " + std::to_string(number) + " is not the number of an open descriptor");
    }
  }
  return numbers;
}

std::exception_ptr read_failure(std::span<const std::byte> bytes) {
  Reader from(bytes);
  return read_exception(from);
}

}  // namespace

std::shared_ptr<PoolCore> PoolCore::of_processes(const ProcessOptions& options) {
  engine::process::ProcessSettings settings;
  settings.workers = checked_workers(options.processes);
  settings.tasks_per_worker = checked_count(options.maxtasksperchild, "maxtasksperchild");
  settings.method = method_of(options.start_method);
  static_cast<void>(checked_cpus(options.cpus));
  api::set_beginning(settings, options);
  settings.read_exception = &read_failure;
  settings.pass_fds = open_ones(options.pass_fds);
  return Pool::make(std::make_unique<engine::process::ProcessEngine>(std::move(settings)), Duration());
}

void PoolCore::end(std::shared_ptr<PoolCore> core) noexcept {
  const os::InterruptsHeld held;
  auto& pool = static_cast<Pool&>(*core);
  if (pool.inside()) {
    pool.abandon(std::move(core));
  } else {
    pool.terminate();
    pool.join();
  }
}

}  // namespace muster::detail
