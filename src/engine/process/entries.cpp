// Entries on their way back: outcomes are settled, and items without one are handed on. All under the engine's lock.

#include <algorithm>
#include <new>
#include <utility>

#include "engine/process/process_engine.hpp"

namespace muster::engine::process {

using detail::Returned;
using detail::WhatNext;

namespace {

// How many entries a worker may have at hand at most.
constexpr std::size_t kMostCredit = 128;

}  // namespace

bool ProcessEngine::collect() {
  bool some = false;
  for (auto& link : links_) {
    if (link) some = collect(*link) || some;
  }
  return some;
}

// A caller who sleeps until there is something sleeps on; else each turn would wake him, and he leave us one more.
bool ProcessEngine::collect(Link& link) {
  if (link.attended() && link.silent()) return false;
  return collect_all(link);
}

bool ProcessEngine::collect_all(Link& link) {
  link.listen(kNobody);
  std::size_t ended = 0;
  bool some = false;
  while (const auto arrival = link.next()) {
    const std::size_t before = link.load();
    take(link, *arrival);
    ended += before - std::min(before, link.load());
    some = true;
  }
  if (some) link.release();
  // Who wrote nonsense must not go on: its end is heard, and what it had is handed on then.
  if (link.unsound()) link.kill();
  // How much a worker does between two looks says how much it should have at hand.
  if (2 * ended >= link.credit) {
    link.credit = std::min<std::size_t>(2 * link.credit, kMostCredit);
  } else if (ended > 0 && 8 * ended < link.credit) {
    link.credit /= 2;
  }
  return some;
}

void ProcessEngine::take(Link& link, const Arrival& arrival) {
  Entry& entry = *link.front();
  barren_deaths_ = 0;
  if (entry.job == nullptr) return initialized(link, arrival);
  if (arrival.kind == Up::kHandedBack) {
    entry.job->cut_short = true;
    give_back(entry);
    return end_entry(link);
  }
  Returned returned;
  returned.bytes = arrival.bytes;
  if (arrival.kind == Up::kLanded) returned.tag = Returned::Tag::kLanded;
  if (arrival.kind == Up::kException) returned.tag = Returned::Tag::kException;
  if (arrival.kind == Up::kOverMemory) returned.tag = Returned::Tag::kMemory;
  if (arrival.nanos > 0) learn_pace(*entry.job, entry.done + arrival.count, arrival.nanos);
  settle(entry, arrival.count, returned);
  const bool failed = arrival.kind == Up::kException || arrival.kind == Up::kOverMemory;
  if (failed && entry.stop_at_failure) drop_rest(entry);
  if (entry.left() == 0) end_entry(link);
}

void ProcessEngine::initialized(Link& link, const Arrival& arrival) {
  end_entry(link);
  if (arrival.kind == Up::kValues) {
    link.initialized();
    count_arrivals();
  } else if (arrival.kind == Up::kException) {
    fail(settings_.read_exception(arrival.bytes));
  } else {
    fail(std::make_exception_ptr(std::bad_alloc()));
  }
}

// Has what is done of prompt entries settled, and what is behind an item that takes long begun elsewhere.
bool ProcessEngine::hurry() {
  bool some = false;
  Nanos now = 0;
  for (auto& link : links_) {
    if (!link || !link->is_watched()) continue;
    if (now == 0) now = os::now();
    if (Entry* const entry = link->lingering(now)) {
      cut_short(*link, *entry);
      some = true;
    }
  }
  return some;
}

// Of the link's front entry, which was claimed.
void ProcessEngine::cut_short(Link& link, Entry& entry) {
  const std::uint32_t sequence = entry.sequence;
  collect_all(link);  // or the entry's head might be gone
  const auto at_it = [&] {
    const Entry* const front = link.front();
    return front != nullptr && front->sequence == sequence && !link.unsound();
  };
  if (!at_it()) return;
  Job& job = *entry.job;
  const std::size_t taken = link.cut_short(entry);
  const std::size_t end = std::exchange(entry.range.end, entry.range.begin + taken);
  job.cut_short = true;
  if (taken < end - entry.range.begin) job.again.push_back({entry.range.end, end, entry.range.attempt});
  // What the worker had done when it was told is to be seen by now; the item that it is at comes as ever.
  do {
    collect_all(link);
    if (!at_it()) break;
    if (const auto done = link.unpublished()) take(link, *done);
  } while (!link.silent());
  if (at_it() && entry.left() == 0) return end_entry(link);
  left(job);
}

// The next `count` items of the entry have this outcome.
void ProcessEngine::settle(Entry& entry, std::size_t count, Returned returned) {
  Job& job = *entry.job;
  job.begun = true;
  const std::size_t begin = entry.range.begin + entry.done;
  entry.done += count;
  returned.attempt = entry.range.attempt;
  settle(job, {begin, begin + count, entry.range.attempt}, returned);
}

void ProcessEngine::settle(Job& job, Range range, const Returned& returned) {
  if (job.aborted && returned.tag != Returned::Tag::kDropped) return drop(job, range);
  switch (job.loop->codec->settle(*job.loop, range.begin, range.end, returned)) {
    case WhatNext::kGoOn:
      break;
    case WhatNext::kStop:
      stop_above(job, range.begin);
      break;
    case WhatNext::kAgain:
      job.again.push_back({range.begin, range.end, range.attempt + 1});
      break;
  }
}

// After a failure the items above it need not run, those below must: who wants the lowest failure finds it.
void ProcessEngine::stop_above(Job& job, std::size_t item) {
  if (item >= job.stop_after) return;
  job.stop_after = item;
  job.loop->stopped.store(true, std::memory_order_relaxed);
  revoke(job, item + 1);
  std::vector<Range> below;
  for (const Range& range : std::exchange(job.again, {})) {
    if (range.begin <= item) {
      below.push_back(range);
    } else {
      drop(job, range);
    }
  }
  job.again.insert(job.again.end(), below.begin(), below.end());
}

// Takes back what no worker has claimed of the job's items from `first` on.
void ProcessEngine::revoke(Job& job, std::size_t first) {
  for (auto& link : links_) {
    if (!link) continue;
    for (Entry& entry : link->entries()) {
      if (entry.job != &job || entry.range.begin < first || !link->revoke(entry)) continue;
      --job.entries;
      job.again.push_back({entry.range.begin, entry.range.end, entry.range.attempt});
    }
  }
}

void ProcessEngine::drop(Job& job, const Range& range) {
  Returned returned;
  returned.tag = Returned::Tag::kDropped;
  returned.error = failure_;
  settle(job, range, returned);
}

void ProcessEngine::drop_rest(Entry& entry) {
  if (entry.left() == 0) return;
  const std::size_t begin = entry.range.begin + entry.done;
  entry.done = entry.range.size();
  drop(*entry.job, {begin, entry.range.end, entry.range.attempt});
}

// Of a worker that is gone: what it did not begin is begun elsewhere, for free.
void ProcessEngine::give_back(Entry& entry) {
  Job& job = *entry.job;
  if (entry.left() == 0) return;
  if (terminated_ || job.aborted || entry.range.begin > job.stop_after) return drop_rest(entry);
  job.again.push_back({entry.range.begin + entry.done, entry.range.end, entry.range.attempt});
}

// The front entry is over.
void ProcessEngine::end_entry(Link& link) {
  Job* const job = link.front()->job;
  link.pop_front();
  if (job == nullptr) return;
  --job->entries;
  left(*job);
}

// Something of the job has ended. Queues it where it has more to be handed out, ends it where it has nothing left.
void ProcessEngine::left(Job& job) {
  drop_unwanted(job);
  if (job.has_more()) return lanes_.push_first(job);
  if (job.entries > 0) return;
  lanes_.remove(job);
  if (std::exchange(job.ended, true)) return;
  // Who wins the task here has its end; who won it before, to withdraw it, will come and find it disputed.
  job.won = job.won || job.task == nullptr || !job.task->type->claimable || job.task->begin();
  if (job.won) {
    finished_.push(job);
  } else {
    job.disputed = true;
  }
}

// Of a loop that was stopped from outside, what came back is not handed out again.
void ProcessEngine::drop_unwanted(Job& job) {
  if (job.stop_after != SIZE_MAX || !job.loop->stopped.load(std::memory_order_relaxed)) return;
  for (const Range& range : std::exchange(job.again, {})) drop(job, range);
}

// Whether the job was taken back as a whole, before any of it has begun.
bool ProcessEngine::take_out(Job& job) {
  if (job.loop->prompt) return leave(job);
  if (!job.begun) revoke(job, 0);
  if (!job.begun && job.entries == 0) {
    lanes_.remove(job);
    return true;
  }
  left(job);
  return false;
}

// The same of a prompt one: what has not begun of it never does.
bool ProcessEngine::leave(Job& job) {
  job.loop->stopped.store(true, std::memory_order_relaxed);
  collect();
  revoke(job, 0);
  for (auto& link : links_) {
    Entry* const front = link ? link->front() : nullptr;
    if (front != nullptr && front->job == &job && front->taken != nullptr) cut_short(*link, *front);
  }
  // All of it has come back meanwhile, begun or not: its end is among those that are to be told.
  if (job.ended) return false;
  if (!job.begun && job.entries == 0) {
    lanes_.remove(job);
    return true;
  }
  left(job);
  return false;
}

// What has not begun of the job never does, and the workers that are at it are killed.
void ProcessEngine::abort(Job& job) {
  job.aborted = true;
  job.loop->stopped.store(true, std::memory_order_relaxed);
  revoke(job, 0);
  for (const Range& range : std::exchange(job.again, {})) drop(job, range);
  for (auto& link : links_) {
    if (link && holds_only(*link, job)) link->kill();
  }
  left(job);
}

// Whether the worker is at an entry of the job, and at no other's. A worker claims its entries in order, one when it is
// done with the last; so if all others can be taken back from it, it has not gone on, and cannot any more.
bool ProcessEngine::holds_only(Link& link, const Job& job) {
  const Entry* const front = link.front();
  if (front == nullptr || front->job != &job) return false;
  bool only = true;
  for (Entry& entry : link.entries()) {
    if (entry.revoked || entry.job == &job) continue;
    if (link.revoke(entry)) {
      put_back(entry);
    } else {
      only = false;
    }
  }
  return only;
}

// An entry that was revoked is handed out again.
void ProcessEngine::put_back(Entry& entry) {
  Job& job = *entry.job;
  --job.entries;
  job.again.push_back({entry.range.begin, entry.range.end, entry.range.attempt});
  lanes_.push_first(job);
}

void ProcessEngine::drop_all() {
  while (Job* const job = lanes_.pop()) {
    job->loop->stopped.store(true, std::memory_order_relaxed);
    for (const Range& range : std::exchange(job->again, {})) drop(*job, range);
    left(*job);
  }
}

}  // namespace muster::engine::process
