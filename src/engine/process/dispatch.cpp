// Handing out: loops are cut into entries, packed, and put into the rings of workers. All under the engine's lock.

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/process/process_engine.hpp"
#include "parts/wire/code.hpp"

namespace muster::engine::process {

using detail::Returned;

namespace {

// How long an entry should take where its size is ours to decide: long against what handing it out costs.
constexpr double kEntryNanos = 200'000;
// Growth from one entry to the next: the first ones measure.
constexpr std::size_t kGrowth = 64;
// Large inputs wait in shared memory; so few of them at once, and no more than so many bytes ahead of workers that have
// something to do.
constexpr std::size_t kLargeAtOnce = 2;
constexpr std::size_t kLargeAhead = std::size_t{64} << 20U;

}  // namespace

bool ProcessEngine::dispatch() {
  if (terminated_ || paused_) return false;
  bool some = false;
  for (;;) {
    Job* const job = lanes_.front();
    if (job == nullptr) {
      if (!rebalance()) break;
      continue;
    }
    if (!job->has_more()) {
      lanes_.remove(*job);
      left(*job);
      continue;
    }
    Link* const link = pick();
    if (link == nullptr || !hand_out(*job, *link)) break;
    some = true;
    if (!job->has_more()) {
      lanes_.remove(*job);
      left(*job);
    }
  }
  for (auto& link : links_) {
    if (!link) continue;
    link->forget_gone(*shelf_);
    link->flush();
  }
  return some;
}

// Whether what waits in the lanes could go on by now.
bool ProcessEngine::could_dispatch() noexcept {
  return !terminated_ && !paused_ && !lanes_.empty() && pick() != nullptr;
}

// When to try again, though nothing was heard, to hand out what waits.
Nanos ProcessEngine::try_again_at() noexcept {
  Nanos soonest = os::kForever;
  if (paused_ || lanes_.empty()) return soonest;
  for (const auto& link : links_) {
    if (link) soonest = std::min(soonest, link->try_again_at());
  }
  return soonest;
}

// The worker with the fewest entries that can take one more; null if there is none. One that has nothing to do gets
// something, however large all is that the others have: so nothing ever waits for what waits behind it.
Link* ProcessEngine::pick() noexcept {
  Link* best = nullptr;
  std::size_t large = 0;
  for (auto& link : links_) {
    if (!link) continue;
    large += link->large();
    if (!link->takes_entries()) continue;
    if (best == nullptr || link->load() < best->load()) best = link.get();
  }
  return best != nullptr && best->load() > 0 && large >= kLargeAhead ? nullptr : best;
}

// False: the worker's ring or connection was too full after all.
bool ProcessEngine::hand_out(Job& job, Link& link) {
  const Range range = cut(job);
  const detail::LoopCodec& codec = *job.loop->codec;
  packed_.clear();
  std::exception_ptr error;
  try {
    codec.pack(*job.loop, range.begin, range.end, packed_);
    const auto run = job.lands() ? codec.run_in_place : codec.run;
    const wire::CodeId code = wire::code_id(reinterpret_cast<const void*>(run));
    if (!send(job, link, range, code)) {
      job.again.push_back(range);
      return false;
    }
    job.bytes_an_item = range.size() == 1 ? packed_.size() : packed_.size() / range.size();
    return true;
  } catch (...) {
    error = std::current_exception();
  }
  unsent(job, range, error);
  return true;
}

bool ProcessEngine::send_attached(Link& link, const Attached& attached) {
  return std::all_of(attached.begin(), attached.end(), [&link](const std::shared_ptr<detail::Landing>& memory) {
    return link.send_memory(static_cast<const memory::Segment&>(*memory));
  });
}

bool ProcessEngine::send(Job& job, Link& link, const Range& range, std::uint32_t code) {
  const auto* const landing = job.lands() ? static_cast<const memory::Segment*>(job.loop->landing) : nullptr;
  if (landing != nullptr && !link.send_memory(*landing)) return false;
  if (packed_.segment() && !link.send_memory(*packed_.segment())) return false;
  if (!send_attached(link, packed_.attached())) return false;
  if (job.loop->codec->pack_common != nullptr && link.common() != job.common_name()) {
    if (!job.common_packed) pack_common(job);
    if (!send_attached(link, job.common.attached())) return false;
    const std::uint64_t number = landing != nullptr ? landing->number() : 0;
    if (!link.send_common(job.common_name(), number, job.common.bytes())) return false;
  }
  if (!link.send_codes()) return false;
  const Nanos limit = job.terms.time_limit != os::kForever ? std::max<Nanos>(job.terms.time_limit, 1) : 0;
  Entry entry{.job = &job,
              .range = range,
              .limit = limit,
              .stop_at_failure = job.loop->stops_at_failure,
              .prompt = job.loop->prompt && range.size() > 1 && range.size() <= kMostPromptItems,
              .in_place = landing != nullptr,
              .given = &job == awaited_ && link.load() == 0,
              .input = packed_.segment(),
              .attached = packed_.attached()};
  if (!link.send(std::move(entry), code, packed_.bytes())) return false;
  if (!link.attended()) attend(job, link);
  if (packed_.size() > kInlineBytes) link.credit = std::min(link.credit, kLargeAtOnce);
  ++job.entries;
  return true;
}

// Before the worker can answer: else it would wake the supervisor for what its caller takes.
void ProcessEngine::attend(const Job& job, Link& link) noexcept {
  if (&job == awaited_ && link.front()->job == &job) {
    link.attend(job.task, false);
  } else {
    link.unattend();
  }
}

// One of several items that cannot be packed is not the failure of the others.
void ProcessEngine::unsent(Job& job, const Range& range, const std::exception_ptr& error) {
  if (range.size() > 1) {
    const std::size_t middle = range.begin + range.size() / 2;
    job.again.push_back({range.begin, middle, range.attempt});
    job.again.push_back({middle, range.end, range.attempt});
  } else {
    Returned returned;
    returned.tag = Returned::Tag::kUnsent;
    returned.error = error;
    settle(job, range, returned);
  }
}

void ProcessEngine::pack_common(Job& job) {
  job.common.clear();  // of an attempt that failed
  job.loop->codec->pack_common(*job.loop, job.common);
  job.common_packed = true;
}

// What comes back goes first.
Range ProcessEngine::cut(Job& job) {
  if (!job.again.empty()) {
    Range& last = job.again.back();
    if (job.cut_short && last.size() > 1) return {last.begin++, last.begin, last.attempt};
    const Range range = last;
    job.again.pop_back();
    return range;
  }
  const std::size_t begin = job.next;
  job.next += entry_size(job);
  return {begin, job.next, 0};
}

// Small at first; then as many as take long enough, and fewer towards the end, so that all workers end together.
std::size_t ProcessEngine::entry_size(Job& job) const noexcept {
  const std::size_t left = job.loop->size - job.next;
  if (job.loop->chunk > 0) return std::min({left, job.loop->chunk, kMostItems});
  double nanos = job.nanos_an_item;
  if (nanos == 0 && job.loop->pace != nullptr) {
    nanos = static_cast<double>(job.loop->pace->load(std::memory_order_relaxed)) / 1000;
  }
  std::size_t wanted = 1;
  if (nanos > 0) {
    const auto long_enough = static_cast<std::size_t>(std::min(kEntryNanos / nanos + 1, 1e9));
    const std::size_t fair = left / (2 * size()) + 1;
    wanted = std::min({long_enough, fair, job.chunk * kGrowth});
  }
  if (job.bytes_an_item > 0) wanted = std::min<std::size_t>(wanted, kInlineBytes / job.bytes_an_item + 1);
  job.chunk = std::max<std::size_t>(wanted, 1);
  return std::min({left, job.chunk, kMostItems});
}

// `items` of an entry took so long.
void ProcessEngine::learn_pace(Job& job, std::size_t items, std::uint64_t nanos) noexcept {
  const double now = static_cast<double>(nanos) / static_cast<double>(items);
  job.nanos_an_item = job.nanos_an_item == 0 ? now : (job.nanos_an_item + now) / 2;
  if (job.loop->pace != nullptr) {
    job.loop->pace->store(static_cast<std::uint64_t>(std::max(1.0, job.nanos_an_item * 1000)),
                          std::memory_order_relaxed);
  }
}

// Nothing is queued: a worker without work gets some of what others have and have not begun.
bool ProcessEngine::rebalance() {
  Link* richest = nullptr;
  for (auto& link : links_) {
    if (link && (richest == nullptr || link->load() > richest->load())) richest = link.get();
  }
  if (richest == nullptr) return false;
  const std::size_t take = richest->load() / 2;  // never its only one, which it may be about to begin
  const auto idle = [](const auto& link) { return link && link->takes_entries() && link->load() == 0; };
  if (take == 0 || std::none_of(links_.begin(), links_.end(), idle)) return false;
  std::size_t taken = 0;
  auto& entries = richest->entries();
  for (auto entry = entries.rbegin(); entry != entries.rend() && taken < take; ++entry) {
    if (entry->job == nullptr || !richest->revoke(*entry)) continue;
    put_back(*entry);
    ++taken;
  }
  return taken > 0;
}

}  // namespace muster::engine::process
