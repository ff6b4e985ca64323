#include "api/holders.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include <muster/error.hpp>

#include "api/telling.hpp"

namespace muster::detail {
namespace {

struct Holder {
  const WaitRecord* thread;  // null: one that has ended
  bool reads;
};

// Guarded by WaitRecords::lock. Never destroyed: locks are used until the very end.
std::unordered_map<const void*, std::vector<Holder>>& held() {
  static auto* const all = new std::unordered_map<const void*, std::vector<Holder>>();
  return *all;
}

const WaitRecord* self() noexcept {
  const WaitRecord& own = own_waits();
  return own.is_gone ? nullptr : &own;
}

// ---- circles --------------------------------------------------------------------------------------------------------

using Records = std::vector<const WaitRecord*>;

template <class Takes>
Records records_that(const Takes& takes) {
  Records found;
  for (const WaitRecord* record = g_waits.first; record != nullptr; record = record->next) {
    if (takes(*record)) found.push_back(record);
  }
  return found;
}

template <class Takes>
Records holders_that(const void* lock, const Takes& takes) {
  Records found;
  const auto entry = held().find(lock);
  if (entry == held().end()) return found;
  for (const Holder& holder : entry->second) {
    if (holder.thread != nullptr && takes(holder)) found.push_back(holder.thread);
  }
  return found;
}

// A reader waits for the writer, if there is one. It waits behind writers that wait, too; but those may be about to go
// after it, or to give up, which is not noted. What is certain is that none of them gets the lock as long as this
// thread itself reads, and that it does not get the lock again before them.
Records blockers_of_reader(const WaitRecord& reader) {
  const void* const lock = reader.needs.which;
  Records writers = holders_that(lock, [](const Holder& holder) { return !holder.reads; });
  const auto is_itself = [&](const Holder& holder) { return holder.thread == &reader; };
  if (!writers.empty() || holders_that(lock, is_itself).empty()) return writers;
  return records_that([&](const WaitRecord& other) { return other.needs == Wait{WaitsFor::kWrite, lock}; });
}

// Those that must all do something before this thread goes on.
Records blockers_of(const WaitRecord& waiter) {
  switch (waiter.needs.what) {
    case WaitsFor::kLock:
    case WaitsFor::kRLock:
    case WaitsFor::kWrite:
      return holders_that(waiter.needs.which, [](const Holder&) { return true; });
    case WaitsFor::kRead:
      return blockers_of_reader(waiter);
    case WaitsFor::kThread:
      return records_that([&](const WaitRecord& other) { return other.state == waiter.needs.which; });
    default:
      return {};
  }
}

// The threads of a shortest circle through `start`, from it on; none if there is no circle.
Records circle_through(const WaitRecord& start) {
  std::unordered_map<const WaitRecord*, const WaitRecord*> came_from;
  Records reached{&start};
  for (std::size_t next = 0; next < reached.size() && !came_from.contains(&start); ++next) {
    for (const WaitRecord* blocker : blockers_of(*reached[next])) {
      if (came_from.try_emplace(blocker, reached[next]).second) reached.push_back(blocker);
    }
  }
  if (!came_from.contains(&start)) return {};
  Records circle;
  for (const WaitRecord* record = came_from[&start]; record != &start; record = came_from[record]) {
    circle.push_back(record);
  }
  circle.push_back(&start);
  std::ranges::reverse(circle);
  return circle;
}

std::vector<Told> tell(const Records& circle) {
  std::vector<Told> told;
  for (const WaitRecord* record : circle) told.push_back({someone(*record), record->told(), record->needs, {}});
  return told;
}

bool can_be_held(WaitsFor what) noexcept {
  switch (what) {
    case WaitsFor::kLock:
    case WaitsFor::kRLock:
    case WaitsFor::kRead:
    case WaitsFor::kWrite:
    case WaitsFor::kThread:
      return true;
    default:
      return false;
  }
}

// To be without memory ends the program: half a note would accuse somebody.
std::vector<Told> note_wait(WaitRecord& own, Wait wait) noexcept {
  const LockGuard guard(g_waits.lock);
  own.needs = wait;
  std::vector<Told> circle = tell(circle_through(own));
  if (!circle.empty()) own.needs = {};
  return circle;
}

}  // namespace

// Only the thread itself writes what it needs, so it may look without the lock.
bool check_wait(WaitRecord& own, Wait wait) {
  if (own.is_gone || !can_be_held(wait.what) || own.needs.what != WaitsFor::kNothing) return false;
  const std::vector<Told> circle = note_wait(own, wait);
  if (!circle.empty()) throw DeadlockError(Telling().circle(circle));
  return true;
}

void end_need(WaitRecord& own) noexcept {
  const LockGuard guard(g_waits.lock);
  own.needs = {};
}

Needing::Needing(WaitsFor what, const void* lock) noexcept {
  WaitRecord& own = own_waits();
  if (own.is_gone || own.needs.what != WaitsFor::kNothing) return;
  const LockGuard guard(g_waits.lock);
  own.needs = {what, lock};
  is_checked_ = true;
}

Needing::~Needing() {
  if (is_checked_) end_need(own_waits());
}

// ---- holders --------------------------------------------------------------------------------------------------------

void note_holder(const void* lock) noexcept {
  const WaitRecord* const own = self();
  const LockGuard guard(g_waits.lock);
  held()[lock] = {{own, false}};
}

void note_reader(const void* lock) noexcept {
  const WaitRecord* const own = self();
  const LockGuard guard(g_waits.lock);
  held()[lock].push_back({own, true});
}

void note_released(const void* lock) noexcept { note_gone(lock); }

// One that has not read itself ends the reading of another, and nobody knows whose: none of them is accused any more.
void note_read(const void* lock) noexcept {
  const WaitRecord* const own = self();
  const LockGuard guard(g_waits.lock);
  const auto entry = held().find(lock);
  if (entry == held().end()) return;
  std::vector<Holder>& readers = entry->second;
  const auto found = std::ranges::find(readers, own, &Holder::thread);
  if (readers.size() == 1 || found == readers.end()) {
    held().erase(entry);
  } else {
    readers.erase(found);
  }
}

void note_gone(const void* lock) noexcept {
  const LockGuard guard(g_waits.lock);
  held().erase(lock);
}

void abandon_held(const WaitRecord& record) noexcept {
  for (auto& [lock, holders] : held()) {
    for (Holder& holder : holders) {
      if (holder.thread == &record) holder.thread = nullptr;
    }
  }
}

void keep_own_held(const WaitRecord& own) noexcept {
  for (auto& [lock, holders] : held()) {
    for (Holder& holder : holders) {
      if (holder.thread != &own) holder.thread = nullptr;
    }
  }
}

std::vector<Someone> holders_of(Wait wait) {
  std::vector<Someone> found;
  if (!can_be_held(wait.what)) return found;
  const auto entry = held().find(wait.which);
  if (entry == held().end()) return found;
  for (const Holder& holder : entry->second) {
    found.push_back(holder.thread != nullptr ? someone(*holder.thread) : Someone());
  }
  return found;
}

}  // namespace muster::detail
