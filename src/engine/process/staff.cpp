// How many workers there are, and whether they begin anything: resize, pause and resume; and what they do.

#include <algorithm>
#include <exception>
#include <utility>
#include <vector>

#include "engine/process/process_engine.hpp"

namespace muster::engine::process {

using detail::LockGuard;

// Waits until `done` holds, which is asked under the lock. False: the engine ends before.
template <class Done>
bool ProcessEngine::await_staff(const Done& done) {
  for (;;) {
    const std::uint32_t seen = staffed_.seen();
    {
      const LockGuard guard(lock_);
      if (is_ending()) return false;
      if (done()) return true;
    }
    if (!inside()) {
      staffed_.wait(seen, os::kForever);
    } else if (!turn()) {
      sleep(os::kForever);
    }
  }
}

bool ProcessEngine::is_ending() noexcept {
  const LockGuard inbox(inbox_lock_);
  return ending_ || terminated_ || gate_.load(std::memory_order_relaxed) == Gate::kTerminated;
}

// ---- how many -------------------------------------------------------------------------------------------------------

// One after the other: what one has added is not taken away because another one's could not be had.
bool ProcessEngine::resize(int workers) {
  Growth growth;
  const auto begin = [&] {
    if (growth_ != nullptr) return false;
    staff(static_cast<std::size_t>(workers), growth);
    return true;
  };
  if (!await_staff(begin)) return false;
  if (!await_staff([&growth] { return growth.over; })) {
    const LockGuard guard(lock_);
    if (growth_ == &growth) end_growth(nullptr);
    return false;
  }
  if (growth.why) std::rethrow_exception(growth.why);
  return true;
}

void ProcessEngine::staff(std::size_t count, Growth& growth) {
  growth.before = size();
  growth.arrived = std::min(count, growth.before);
  links_.resize(std::max(links_.size(), count));
  set_size(count);
  try {
    for (std::size_t place = growth.before; place < count; ++place) employ(place);
  } catch (...) {
    set_size(growth.before);
    dismiss_surplus();
    go_on();
    throw;
  }
  dismiss_surplus();
  growth_ = &growth;
  count_arrivals();
  go_on();
}

void ProcessEngine::set_size(std::size_t count) noexcept {
  size_.store(static_cast<int>(count), std::memory_order_relaxed);
}

// Who leaves already is replaced when it is gone.
void ProcessEngine::employ(std::size_t place) {
  if (!links_[place]) {
    start_worker(place, *template_);
  } else {
    links_[place]->keep();
  }
}

// Each ends what it has begun, then itself. Who is not born yet runs its initializer before, as the others did.
void ProcessEngine::dismiss_surplus() {
  for (std::size_t place = size(); place < links_.size(); ++place) {
    if (links_[place]) links_[place]->discharge();
  }
  take_back(size());
}

// Workers come and go, so each place needs to be filled at one moment only.
void ProcessEngine::count_arrivals() noexcept {
  if (growth_ == nullptr) return;
  const auto filled = [this](std::size_t place) {
    const auto& link = links_[place];
    return link && link->running() && link->ready && !link->discharged();
  };
  while (growth_->arrived < size() && filled(growth_->arrived)) ++growth_->arrived;
  if (growth_->arrived >= size()) end_growth(nullptr);
}

void ProcessEngine::end_growth(std::exception_ptr why) noexcept {
  growth_->why = std::move(why);
  growth_->over = true;
  growth_ = nullptr;
  staffed_.ring();
}

// ---- pauses ---------------------------------------------------------------------------------------------------------

// Nothing is handed out, and what no worker has claimed is taken back.
void ProcessEngine::pause() {
  const LockGuard guard(lock_);
  if (paused_ || terminated_) return;
  paused_ = true;
  take_back(0);
}

void ProcessEngine::resume() {
  const LockGuard guard(lock_);
  if (std::exchange(paused_, false)) go_on();
}

// Something can be handed out that could not before, by workers that could not. The supervisor may be asleep, and the
// clock is its business.
void ProcessEngine::go_on() {
  take_inbox();
  dispatch();
  wake();
}

// What the workers of these places have not claimed goes back to where it came from, in the order in which it came.
void ProcessEngine::take_back(std::size_t first_place) {
  std::vector<Entry*> taken;
  std::size_t most = 0;
  for (std::size_t place = first_place; place < links_.size(); ++place)
    most += links_[place] ? links_[place]->load() : 0;
  taken.reserve(most);
  for (std::size_t place = first_place; place < links_.size(); ++place) {
    if (!links_[place]) continue;
    for (Entry& entry : links_[place]->entries()) {
      if (entry.job != nullptr && links_[place]->revoke(entry)) taken.push_back(&entry);
    }
    // A caller may sleep until what was taken from this worker is answered.
    if (links_[place]->attended()) links_[place]->listen(kNobody);
  }
  std::sort(taken.begin(), taken.end(), [](const Entry* a, const Entry* b) {
    return a->job->number != b->job->number ? a->job->number > b->job->number : a->range.begin > b->range.begin;
  });
  for (Entry* entry : taken) put_back(*entry);
}

// ---- what they do ---------------------------------------------------------------------------------------------------

Load ProcessEngine::load() const {
  const LockGuard guard(lock_);
  Load load{.workers = workers(), .working = worked_};
  const Nanos now = os::now();
  for (const auto& link : links_) {
    if (!link) continue;
    load.running += link->is_busy() ? 1 : 0;
    load.working += link->worked(now);
  }
  const LockGuard inbox(inbox_lock_);
  load.accepted = accepted_ + inbox_.size();
  load.settled = load.accepted - unsettled();
  return load;
}

}  // namespace muster::engine::process
