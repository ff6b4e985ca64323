// Workers: how they come, what is heard of them, what is done when they are gone, and their end. All under the engine's
// lock but that, which waits.

#include <algorithm>
#include <system_error>
#include <utility>

#include <muster/error.hpp>

#include "engine/process/process_engine.hpp"
#include "engine/process/worker.hpp"
#include "os/surroundings.hpp"
#include "parts/sync/spin.hpp"
#include "parts/wire/code.hpp"

namespace muster::engine::process {

namespace {

// All that spin, in all workers, leave one CPU to whoever has work for them.
int spinners(std::size_t place, int workers) {
  const int most = sync::spinning_cpus() - 1;
  return most <= 0 ? 0 : most / workers + (static_cast<int>(place) < most % workers ? 1 : 0);
}

// What all workers together may keep for large values that they send, but some for each.
std::size_t arena(int workers) {
  constexpr std::size_t kMostKept = std::size_t{256} << 20U;
  constexpr std::size_t kLeast = std::size_t{4} << 20U;
  return std::max(kMostKept / static_cast<std::size_t>(workers) / os::page_size() * os::page_size(), kLeast);
}

}  // namespace

void ProcessEngine::start_worker(std::size_t place, start::Template& from) {
  const auto tasks = static_cast<std::uint32_t>(settings_.tasks_per_worker);
  // The initializer is an entry, and no task.
  auto link = std::make_shared<Link>(tasks > 0 && settings_.initializer != nullptr ? tasks + 1 : tasks,
                                     spinners(place, workers()), arena(workers()), &in_flight_);
  const auto descriptors = link->descriptors(bell_);
  from.request(static_cast<std::uint32_t>(place), descriptors);  // where it is gone, the news will say so
  link->ready = settings_.initializer == nullptr;
  if (!link->ready) {
    const wire::CodeId code = wire::code_id(reinterpret_cast<const void*>(settings_.initializer));
    link->send_codes();
    Entry entry;
    entry.range = {0, 1, 0};
    static_cast<void>(link->send(std::move(entry), code, settings_.initializer_input));  // a fresh one has room
    link->flush();
  }
  links_[place] = std::move(link);
}

// In the constructor, without a supervisor yet.
void ProcessEngine::await_ready() {
  const auto waiting = [this] {
    for (const auto& link : links_) {
      if (!link || !link->running() || !link->ready) return true;
    }
    return false;
  };
  for (;;) {
    {
      const detail::LockGuard guard(lock_);
      hear_news();
      step();
      if (failure_) std::rethrow_exception(failure_);
      starting_ = waiting();
      if (!starting_) return;
    }
    sleep(os::kForever);
  }
}

bool ProcessEngine::hear_news() {
  bool some = false;
  while (template_) {
    auto news = template_->news();
    if (!news) break;
    some = true;
    hear(std::move(*news));
  }
  return some;
}

void ProcessEngine::hear(start::News news) {
  using What = start::News::What;
  switch (news.what) {
    case What::kStarted:
      links_[news.place]->born(std::move(news.process));
      if (terminated_) links_[news.place]->kill();
      count_arrivals();
      break;
    case What::kRefused:
      vacate(news.place);
      refused(news.place, std::make_exception_ptr(
                              std::system_error(news.error, std::generic_category(), "cannot start a worker process")));
      break;
    case What::kEnded:
      bury(news.place, news.end);
      break;
    case What::kClosed:
      template_died();
      break;
  }
}

// The workers died with their template. A template of the server, or of the program executed anew, can be had again; a
// copy of the program as it was when the pool was made cannot.
void ProcessEngine::template_died() {
  template_.reset();
  shelf_->renew();  // its workers are being killed; until they are gone they may write
  const bool again = !ending_ && !terminated_ && settings_.method != start::Method::kFork;
  if (again) {
    try {
      template_ = std::make_unique<start::Template>(settings_.method, &work, settings_.pass_fds);
    } catch (...) {
      fail(std::current_exception());
    }
  } else if (!ending_ && !terminated_) {
    fail(std::make_exception_ptr(Error("the process that starts this pool's workers was killed, and they with it")));
  }
  for (std::size_t place = 0; place < links_.size(); ++place) {
    if (links_[place]) bury(place, {.signal = os::kKill, .code = 0});
  }
}

// What the dead worker had: outcomes that it published or finished, perhaps one item begun, and items not begun.
void ProcessEngine::bury(std::size_t place, const os::End& end) {
  Link& link = *links_[place];
  collect(link);
  if (const auto last = link.unpublished()) take(link, *last);
  const bool initializing = !link.ready;
  bool lost_one = false;
  if (Entry* const entry = link.front(); entry != nullptr && entry->job != nullptr && link.has_begun(*entry)) {
    lose(link, *entry, end);
    lost_one = true;
  }
  while (Entry* const entry = link.front()) {
    if (entry->job != nullptr) give_back(*entry);
    end_entry(link);
  }
  const int pid = link.pid();
  const bool in_order = (link.spent() || link.discharged()) && end.signal == 0;
  link.dismiss();
  vacate(place);
  if (ending_ || terminated_ || place >= size()) return;
  const bool killed = end.signal == os::kKill;
  if (initializing && (starting_ || !killed)) {
    return fail(std::make_exception_ptr(WorkerLost(0, pid, end.signal, end.code, end.peak_memory)));
  }
  // Who is killed from outside is perhaps one of many that somebody kills: it says little about the next one. But an
  // initializer may be what runs out of memory.
  constexpr int kOfItself = 30;
  barren_deaths_ = lost_one || in_order ? 0 : barren_deaths_ + (killed && !initializing ? 1 : kOfItself);
  replace(place);
}

// A worker that dies with nothing begun costs nothing; but where that is all that workers do, a new one will not help.
void ProcessEngine::replace(std::size_t place) {
  constexpr int kMostBarrenDeaths = 1000;
  if (barren_deaths_ > kMostBarrenDeaths) {
    return fail(std::make_exception_ptr(Error("the workers of this pool die before they begin anything")));
  }
  try {
    start_worker(place, *template_);
  } catch (...) {
    refused(place, std::current_exception());
  }
}

// Of places that nobody needs, the last ones go, so that nobody looks there any more.
void ProcessEngine::vacate(std::size_t place) {
  worked_ += links_[place]->worked(os::now());
  links_[place].reset();
  while (links_.size() > size() && !links_.back()) links_.pop_back();
}

// There is nobody for this place. Where it is one of those that are being added, the pool stays as large as it was.
void ProcessEngine::refused(std::size_t place, std::exception_ptr why) {
  if (place >= size()) return;
  if (growth_ == nullptr || place < growth_->before) return fail(std::move(why));
  set_size(growth_->before);
  dismiss_surplus();
  end_growth(std::move(why));
}

// The front entry's next item was begun and will have no outcome of its own.
void ProcessEngine::lose(Link& link, Entry& entry, const os::End& end) {
  detail::Returned returned;
  const bool too_long = settings_.limits_cpu_time && end.signal == os::kTookTooMuchTime;
  returned.tag = too_long ? detail::Returned::Tag::kCpuTime : detail::Returned::Tag::kLost;
  if (link.was_condemned(entry)) returned.tag = detail::Returned::Tag::kTimeout;
  if (terminated_) {
    returned.tag = detail::Returned::Tag::kDropped;
    returned.error = failure_;
  }
  returned.pid = link.pid();
  returned.signal = end.signal;
  returned.exit_code = end.code;
  returned.peak_memory = end.peak_memory;
  settle(entry, 1, returned);
}

void ProcessEngine::kill_all() noexcept {
  for (auto& link : links_) {
    if (link) link->kill();
  }
}

// No worker can be had any more: what is accepted gets `why`, and so does who submits.
void ProcessEngine::fail(std::exception_ptr why) {
  if (!failure_) failure_ = std::move(why);
  {
    const detail::LockGuard guard(inbox_lock_);
    gate_.store(Gate::kTerminated, std::memory_order_seq_cst);
    inbox_changed_.store(true, std::memory_order_release);
  }
  terminated_ = true;
  kill_all();
  drop_all();
  staffed_.ring();
}

bool ProcessEngine::watch_limits() {
  bool some = false;
  Nanos now = 0;
  for (auto& link : links_) {
    if (!link || link->look_at == os::kForever) continue;
    if (now == 0) now = os::now();
    if (link->look_at > now) continue;
    some = true;
    if (link->judge(now) == Link::Judgement::kCondemned) link->kill();
  }
  return some;
}

// ---- the end --------------------------------------------------------------------------------------------------------

// Under the lock: the workers have nothing any more, and are told so.
void ProcessEngine::dismiss_workers() {
  if (std::exchange(ending_, true)) return;
  for (auto& link : links_) {
    if (link) link->discharge();
  }
  if (template_) template_->end_with_workers();
  staffed_.ring();
}

// Each ends by itself, with its streams flushed; who takes too long is killed.
void ProcessEngine::end_workers() {
  {
    const detail::LockGuard guard(lock_);
    dismiss_workers();
  }
  const Nanos deadline = os::now() + kFarewell;
  const auto some_live = [this] {
    return std::any_of(links_.begin(), links_.end(), [](const auto& link) { return link && link->running(); });
  };
  for (;;) {
    int descriptor = -1;
    {
      const detail::LockGuard guard(lock_);
      hear_news();
      if (!some_live() || !template_ || os::now() >= deadline) break;
      descriptor = template_->descriptor();
    }
    bool ready = false;
    os::wait_readable({&descriptor, 1}, {&ready, 1}, deadline);
  }
  const detail::LockGuard guard(lock_);
  template_.reset();  // with whoever is left
  for (const auto& link : links_) worked_ += link ? link->worked(os::now()) : 0;
  links_.clear();
}

}  // namespace muster::engine::process
