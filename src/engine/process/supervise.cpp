// The supervisor's thread: what there is to do, in turns, and its sleep.

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "engine/process/process_engine.hpp"

namespace muster::engine::process {

using detail::LockGuard;

namespace {

// How long callers who take turns may leave what others wait for.
constexpr Nanos kNap = 50'000;

}  // namespace

void ProcessEngine::supervise() {
  os::set_thread_name("muster/super");
  while (!stopping_.load(std::memory_order_seq_cst) || unsettled() > 0) {
    if (!turn()) sleep(os::kForever);
  }
}

// Asking for news is a call into the system; a busy supervisor does it only now and then.
bool ProcessEngine::turn() {
  constexpr Nanos kBetweenNews = 1'000'000;
  bool busy = false;
  {
    const LockGuard guard(lock_);
    if (const Nanos now = os::now(); now - heard_at_ >= kBetweenNews) {
      heard_at_ = now;
      busy = hear_news();
    }
    busy = step() || busy;
  }
  return finish_jobs() || busy;
}

// Under the lock.
bool ProcessEngine::step() {
  bool busy = collect();
  busy = take_inbox() || busy;
  busy = watch_limits() || busy;
  busy = hurry() || busy;
  return dispatch() || busy;
}

bool ProcessEngine::take_inbox() {
  awaited_ = nullptr;
  const bool changed = inbox_changed_.load(std::memory_order_acquire);
  if (changed) open_inbox();
  if (terminated_) drop_all();
  return changed;
}

void ProcessEngine::open_inbox() {
  bool terminated = false;
  {
    const LockGuard guard(inbox_lock_);
    inbox_changed_.store(false, std::memory_order_relaxed);
    taken_.swap(inbox_);
    terminated = gate_.load(std::memory_order_relaxed) == Gate::kTerminated;
  }
  for (Job* job : taken_) take_in(*job);
  taken_.clear();
  if (terminated && !terminated_) {
    terminated_ = true;
    kill_all();
    staffed_.ring();
  }
}

void ProcessEngine::take_in(Job& job) {
  job.number = ++accepted_;
  if (job.has_more()) {
    lanes_.push(job);
  } else {
    left(job);  // nothing is to be done
  }
}

// While callers take turns in our place, nobody else needs to wake us: what others wait for is looked after in a
// moment. Where nobody waits for anything else we sleep on, or we would take the CPU away from a caller or his worker
// each time.
//
// Argument against a lost wake-up: we say that we sleep, here and in each channel, and then look at everything once
// more; who brings something does that first and then asks whether we sleep; all in sequential consistency.
void ProcessEngine::sleep(Nanos deadline) {
  std::vector<int> descriptors;
  {
    const LockGuard guard(lock_);
    asleep_.store(true, std::memory_order_seq_cst);
    napping_ = visits_ != std::exchange(slept_at_, visits_) && others_wait();
    watching_ = std::any_of(links_.begin(), links_.end(),
                            [](const auto& link) { return link && link->hurry_at != os::kForever; });
    if (napping_) deadline = std::min(deadline, os::now() + kNap);
    bool quiet =
        (napping_ || listen()) && finished_.empty() && !stopping_.load(std::memory_order_seq_cst) && !could_dispatch();
    {
      const LockGuard inbox(inbox_lock_);
      quiet = quiet && !inbox_changed_.load(std::memory_order_relaxed);
    }
    if (quiet) {
      descriptors.push_back(bell_.descriptor().number());
      deadline = std::min(deadline, try_again_at());
      if (template_) descriptors.push_back(template_->descriptor());
      for (const auto& link : links_) {
        if (link) deadline = std::min({deadline, link->look_at, link->hurry_at});
      }
    }
    sleeps_until_ = deadline;
  }
  std::array<bool, 2> ready{};
  if (!descriptors.empty()) {
    const os::Idle idle;
    os::wait_readable(descriptors, std::span(ready).first(descriptors.size()), deadline);
  }
  asleep_.store(false, std::memory_order_relaxed);
  if (ready[0]) bell_.silence();
  if (ready[1]) heard_at_ = 0;
}

// Whether something may come of the worker that no caller attends to: an answer, or room for what waits.
bool ProcessEngine::is_ours(Link& link) noexcept {
  return !link.attended() && (!lanes_.empty() || link.front() != nullptr);
}

// Whether anybody waits for what no caller attends to.
bool ProcessEngine::others_wait() noexcept {
  return std::any_of(links_.begin(), links_.end(), [this](const auto& link) { return link && is_ours(*link); });
}

// Has the supervisor woken by what any worker publishes, but those whose caller is. False: somebody has already.
bool ProcessEngine::listen() noexcept {
  bool quiet = true;
  for (const auto& link : links_) {
    if (!link || !is_ours(*link)) continue;
    link->listen(kSupervisor);
    quiet = quiet && (link->silent() || link->unsound());
  }
  return quiet;
}

// One at a time: a callback may wait for the next one, and takes it itself then.
bool ProcessEngine::finish_jobs() {
  bool some = false;
  for (;;) {
    Job* job = nullptr;
    {
      const LockGuard guard(lock_);
      if (finished_.empty()) return some;
      job = finished_.pop();
    }
    finish(*job);
    settled(1);
    some = true;
  }
}

// Outside of the lock: calls the user's callbacks.
void ProcessEngine::finish(Job& job) {
  job.loop->handed = job.next;
  if (job.task != nullptr) {
    const std::unique_ptr<Job> own(&job);
    job.loop->finish(*job.loop);
    job.task->release();
  } else {
    std::atomic<std::uint32_t>& over = *job.over;
    if ((over.exchange(1, std::memory_order_acq_rel) & detail::kSleepers) != 0) wake_all(over, detail::Scope::kPrivate);
  }
}

}  // namespace muster::engine::process
