// The front's side of the engine: what other threads call.

#include "engine/process/process_engine.hpp"

#include <algorithm>
#include <mutex>
#include <new>
#include <utility>

#include <muster/error.hpp>

#include "engine/process/inside.hpp"
#include "engine/process/worker.hpp"
#include "os/interrupt.hpp"
#include "parts/sync/await.hpp"
#include "parts/sync/spin.hpp"

namespace muster::engine::process {

using detail::LockGuard;

namespace {

// The engine whose supervisor this thread is.
thread_local const Engine* t_supervised = nullptr;

constexpr std::uint32_t kOver = 1;

}  // namespace

bool inside_callback_of(const Engine* engine) noexcept { return engine != nullptr && t_supervised == engine; }

ProcessEngine::ProcessEngine(ProcessSettings settings) : settings_(std::move(settings)) {
  links_.resize(size());
  sync::spinning_cpus();  // asked once, here, and known in all copies
  try {
    // Not before a copy of the program is made: it would have the workers' memory.
    const auto start_workers = [this](start::Template& from) {
      for (std::size_t place = 0; place < links_.size(); ++place) start_worker(place, from);
    };
    template_ = std::make_unique<start::Template>(settings_.method, &work, settings_.pass_fds, start_workers);
    await_ready();
    thread_ = os::Thread([this] {
      t_supervised = this;
      supervise();
      const std::shared_ptr<void> last = std::move(self_);  // an abandoned engine ends here
      if (last) end_workers();
      t_supervised = nullptr;
    });
  } catch (...) {
    kill_all();
    throw;
  }
}

ProcessEngine::~ProcessEngine() {
  if (thread_.joinable()) stop();
}

void ProcessEngine::wake() noexcept {
  // Sequentially consistent, as the supervisor's: it says that it sleeps, then looks; we change something, then ask.
  if (asleep_.load(std::memory_order_seq_cst) && asleep_.exchange(false, std::memory_order_seq_cst)) bell_.ring();
}

// Who finds the lock free hands the work out itself, which saves a worker's wake-up the way over the supervisor. The
// lock is taken first: once the supervisor can have the job, only our hold on a lock keeps the engine.
bool ProcessEngine::accept(Job& job, Seat* seat) {
  if (const std::unique_lock driving(lock_, std::try_to_lock); driving && enter()) {
    drive(job, seat);
    return true;
  }
  const LockGuard guard(inbox_lock_);
  const Gate gate = gate_.load(std::memory_order_relaxed);
  if (gate != Gate::kOpen && (gate == Gate::kTerminated || !(job.terms.follow_up || inside()))) return false;
  inbox_.push_back(&job);
  unsettled_.fetch_add(1, std::memory_order_relaxed);
  inbox_changed_.store(true, std::memory_order_release);
  wake();
  return true;
}

// Under the lock: one more is accepted, where the gate is open.
//
// Sequentially consistent, as close() and drain(): we count the job and then look at the gate, they close it and then
// look at the count. So they wait for it, or we find the gate closed.
bool ProcessEngine::enter() noexcept {
  unsettled_.fetch_add(1, std::memory_order_seq_cst);
  if (gate_.load(std::memory_order_seq_cst) == Gate::kOpen) return true;
  go_out();
  return false;
}

// Under the lock.
void ProcessEngine::go_out() noexcept {
  unsettled_.fetch_sub(1, std::memory_order_acq_rel);
  settled_.ring();
}

// Under the lock, in the thread that submits. `seat`: of who then attends to the job; may be null.
void ProcessEngine::drive(Job& job, Seat* seat) {
  try {
    take_inbox();
    take_in(job);
  } catch (...) {
    go_out();
    throw;
  }
  // It is accepted now: if memory is short the supervisor goes on with it.
  try {
    if (terminated_) drop_all();  // since the gate was open
    awaited_ = seat != nullptr ? &job : nullptr;
    dispatch();
    if (seat != nullptr) *seat = take_seat(*job.task, false);
    if (needs_supervisor()) wake();
  } catch (const std::bad_alloc&) {
    wake();
  }
}

// After a turn that was taken in the supervisor's place. If it sleeps, it is woken again by what comes; and it is
// needed now where something has come already, and for what only it does: to end jobs, and to watch the clock.
bool ProcessEngine::needs_supervisor() noexcept {
  if (in_flight_ == 0 && lanes_.empty()) return !finished_.empty();
  const bool asleep = asleep_.load(std::memory_order_seq_cst);
  if (asleep && !napping_ && !listen()) return true;
  return !finished_.empty() || try_again_at() != os::kForever || unwatched() || hastens();
}

// Whether there are prompt entries of which the supervisor knows nothing, since it sleeps; it will, once it is woken.
bool ProcessEngine::unwatched() noexcept {
  const bool some = std::any_of(links_.begin(), links_.end(),
                                [](const auto& link) { return link && link->hurry_at != os::kForever; });
  return some && !std::exchange(watching_, true);
}

// Whether a time limit ends before the supervisor looks again.
bool ProcessEngine::hastens() const noexcept {
  return std::any_of(links_.begin(), links_.end(),
                     [this](const auto& link) { return link && link->look_at < sleeps_until_; });
}

bool ProcessEngine::submit(Task& task, const Terms& terms) {
  std::unique_ptr<Job> job(new Job);
  job->loop = task.type->loop(task);
  job->task = &task;
  job->terms = terms;
  task.home = this;
  task.job = job.get();
  // Nobody else knows the task yet.
  task.state.store(task.state.load(std::memory_order_relaxed) | Task::kBound, std::memory_order_relaxed);
  const bool attended = terms.attended && !inside();
  Seat seat;
  if (!accept(*job, attended ? &seat : nullptr)) return false;
  static_cast<void>(job.release());
  if (!attended) return true;
  try {
    attend(task, std::move(seat));
  } catch (const std::bad_alloc&) {
    wake();  // the supervisor tells the caller
  }
  return true;
}

bool ProcessEngine::run(Loop& loop, const Terms& terms) {
  std::atomic<std::uint32_t> over{0};
  Job job;
  job.loop = &loop;
  job.terms = terms;
  job.over = &over;
  if (!accept(job, nullptr)) return false;
  if (inside()) {
    while (over.load(std::memory_order_acquire) == 0) {
      if (!turn()) sleep(os::kForever);
    }
  } else {
    await_end(job);
  }
  return true;
}

void ProcessEngine::await_end(Job& job) {
  while (await_bits(*job.over, kOver, job.aborted ? os::kForever : os::next_look(os::kForever),
                    detail::Scope::kPrivate) != detail::Await::kReady) {
    if (!os::interrupted()) continue;
    const LockGuard guard(lock_);
    take_inbox();
    if (!job.won) abort(job);
    wake();
  }
}

Wait ProcessEngine::wait(Task& task, Nanos deadline) {
  while (!task.done()) {
    if (deadline != os::kForever && os::now() >= deadline) return Wait::kTimedOut;
    if (!turn()) sleep(deadline);
  }
  return Wait::kDone;
}

void ProcessEngine::attend(Task& task) {
  if (!inside() && !task.done()) attend(task, look_after(task, {}));
}

// The caller waits for nothing else, so it takes the worker's answer itself: that saves the way over the supervisor.
// Where its call is not the worker's next one to be answered, the supervisor will tell it.
void ProcessEngine::attend(Task& task, Seat seat) {
  while (seat.link) {
    seat.link->await_answer(*seat.watch);
    seat = look_after(task, std::move(seat));
  }
}

// A turn in the supervisor's place. The seat is the one from which the caller has waited so far; if it has waited.
ProcessEngine::Seat ProcessEngine::look_after(Task& task, Seat seat) {
  const bool waited = seat.link != nullptr;
  Job* ended = nullptr;
  {
    const LockGuard guard(lock_);
    if (waited) {
      seat.link->leave(&task);
      is_alone() ? collect() : step();
    }
    ended = take_finished(task);
    seat = ended == nullptr && !task.done() && !os::interrupted() ? take_seat(task, waited) : Seat{};
    if (needs_supervisor()) wake();
  }
  finish_all(ended);
  return seat;
}

// Under the lock: where the caller waits for the task from now on. No link: nowhere, the supervisor has it.
ProcessEngine::Seat ProcessEngine::take_seat(const Task& task, bool sleeps) {
  ++visits_;
  Seat seat{.link = link_of(task), .watch = {}};
  if (seat.link) seat.watch = seat.link->attend(&task, sleeps || seat.link->is_slow());
  return seat;
}

// Whether there is nothing but one call: then all else that is done in a turn would be done for nothing.
bool ProcessEngine::is_alone() const noexcept {
  return in_flight_ <= 1 && lanes_.empty() && !inbox_changed_.load(std::memory_order_relaxed);
}

// The link of the worker whose next answer is the task's; null if there is none.
std::shared_ptr<Link> ProcessEngine::link_of(const Task& task) {
  for (const auto& link : links_) {
    const Entry* const entry = link && !link->unsound() ? link->front() : nullptr;
    if (entry == nullptr || entry->job == nullptr || entry->job->task != &task) continue;
    return entry->job->cut_short ? nullptr : link;  // or else its caller would not hear of what others settle
  }
  return nullptr;
}

// The task's own, and those by whose end no code of the user's is called, one behind the other. The supervisor has the
// others.
Job* ProcessEngine::take_finished(const Task& task) noexcept {
  return finished_.take_out([&](const Job& job) { return job.task == &task || job.loop->quiet; });
}

void ProcessEngine::finish_all(Job* first) {
  std::uint64_t jobs = 0;
  for (Job* job = first; job != nullptr; ++jobs) finish(*std::exchange(job, job->next_finished));
  if (jobs > 0) settled(jobs);
}

// Nobody else can run what belongs to our workers.
void ProcessEngine::lend(Task& task) { static_cast<void>(withdraw(task, false)); }

// Whoever has won the task keeps the engine alive until it has come here: a job that ends meanwhile waits for it.
bool ProcessEngine::withdraw(Task& task, bool begun_too) {
  std::unique_ptr<Job> taken;
  bool aborted = false;
  {
    const LockGuard guard(lock_);
    take_inbox();
    Job& job = *static_cast<Job*>(task.job);
    job.won = true;
    if (job.disputed) {
      finished_.push(job);
    } else if (take_out(job)) {
      taken.reset(&job);
    } else if (begun_too && (job.entries > 0 || job.queued)) {
      abort(job);
      aborted = true;
    }
    wake();
  }
  if (!taken) return aborted;
  task.type->drop(task, nullptr);
  task.release();
  settled(1);
  return true;
}

// The engine may end as soon as nothing is unsettled. Who waits for that says so in the count; then we tell under the
// lock, which the supervisor takes before it ends. Where nobody does, we touch nothing after.
void ProcessEngine::settled(std::uint64_t jobs) {
  std::uint64_t seen = unsettled_.load(std::memory_order_relaxed);
  while ((seen & kAwaited) == 0) {
    if (unsettled_.compare_exchange_weak(seen, seen - jobs, std::memory_order_acq_rel)) return;
  }
  const LockGuard guard(lock_);
  unsettled_.fetch_sub(jobs, std::memory_order_acq_rel);
  settled_.ring();
}

std::uint64_t ProcessEngine::unsettled() const noexcept {
  return unsettled_.load(std::memory_order_seq_cst) & ~kAwaited;
}

void ProcessEngine::close() {
  const LockGuard guard(inbox_lock_);
  Gate open = Gate::kOpen;
  gate_.compare_exchange_strong(open, Gate::kClosed, std::memory_order_seq_cst);
}

void ProcessEngine::terminate() {
  const LockGuard guard(inbox_lock_);
  gate_.store(Gate::kTerminated, std::memory_order_seq_cst);
  inbox_changed_.store(true, std::memory_order_release);
  wake();
}

// Who has waited takes the mark away; others who still wait are rung for, and set it again.
bool ProcessEngine::drain(Nanos deadline) {
  bool done = false;
  for (bool in_time = true; in_time && !done;) {
    const std::uint32_t seen = settled_.seen();
    done = (unsettled_.fetch_or(kAwaited, std::memory_order_seq_cst) & ~kAwaited) == 0;
    if (!done) in_time = settled_.wait(seen, deadline);
  }
  unsettled_.fetch_and(~kAwaited, std::memory_order_seq_cst);
  settled_.ring();
  return done || unsettled() == 0;
}

// The workers are told here, since nothing is left for the supervisor to do before; and waited for here, so that its
// thread ends while they do.
void ProcessEngine::stop() {
  stopping_.store(true, std::memory_order_seq_cst);
  {
    const LockGuard guard(lock_);
    if (unsettled() == 0) dismiss_workers();
  }
  wake();
  if (thread_.joinable()) thread_.join();
  end_workers();
}

void ProcessEngine::abandon(std::shared_ptr<void> self) {
  terminate();
  self_ = std::move(self);
  if (thread_.joinable()) thread_.detach();
  stopping_.store(true, std::memory_order_seq_cst);
  wake();
}

// Small results travel well in the rings.
std::shared_ptr<detail::Landing> ProcessEngine::landing(std::size_t bytes) {
  constexpr std::size_t kWorthwhile = std::size_t{64} << 10U;
  return bytes >= kWorthwhile ? shelf_->take(bytes, memory::Use::kResults) : nullptr;
}

bool ProcessEngine::inside() const noexcept { return inside_callback_of(this); }

std::vector<const std::type_info*> ProcessEngine::running() const {
  const LockGuard guard(lock_);
  std::vector<const std::type_info*> all;
  for (const auto& link : links_) {
    const Entry* const entry = link ? link->front() : nullptr;
    if (entry != nullptr && entry->job != nullptr) all.push_back(entry->job->loop->what);
  }
  return all;
}

std::exception_ptr ProcessEngine::failure() const {
  const LockGuard guard(lock_);
  return failure_;
}

std::vector<int> ProcessEngine::worker_ids() const {
  const LockGuard guard(lock_);
  std::vector<int> ids;
  for (const auto& link : links_) {
    if (link && link->running()) ids.push_back(link->pid());
  }
  return ids;
}

}  // namespace muster::engine::process
