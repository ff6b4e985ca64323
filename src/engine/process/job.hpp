#pragma once
// What the pool's side knows of a loop on its way, and in which order loops are served.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include <muster/detail/blocks.hpp>
#include <muster/detail/loop_codec.hpp>
#include <muster/detail/task.hpp>

#include <muster/detail/heap_writer.hpp>
#include "engine/engine.hpp"
#include "engine/process/attached.hpp"
#include "os/os.hpp"
#include "parts/memory/block_allocator.hpp"

namespace muster::engine::process {

// Items [begin, end) of a loop that were begun `attempt` times before.
struct Range {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::uint32_t attempt = 0;

  std::size_t size() const noexcept { return end - begin; }
};

// What the items of a loop share, as it travels.
class CommonBytes final : public detail::HeapWriter {
 public:
  const Attached& attached() const noexcept { return attached_; }
  void attach(std::shared_ptr<detail::Landing> memory) override { process::attach(attached_, std::move(memory)); }
  void clear() noexcept {
    attached_.clear();
    HeapWriter::clear();
  }

 private:
  Attached attached_;
};

// A loop that was accepted and is not finished. Guarded by the engine's lock.
struct Job {
  static void* operator new(std::size_t bytes) { return detail::take_block(bytes); }
  static void operator delete(void* job, std::size_t bytes) noexcept { detail::give_block(job, bytes); }

  detail::Loop* loop = nullptr;
  detail::Task* task = nullptr;                // the loop's own; null where somebody waits in run()
  std::atomic<std::uint32_t>* over = nullptr;  // who waits in run() sleeps on it
  Terms terms;
  std::uint64_t number = 0;  // tells loops apart, also when memory is used again

  std::size_t next = 0;               // items from here on were never handed out
  std::vector<Range> again;           // handed out, and come back not begun, or to be begun once more
  std::size_t entries = 0;            // on their way to workers or there
  std::size_t stop_after = SIZE_MAX;  // no item above needs to begin
  bool queued = false;
  bool begun = false;            // some item has an outcome
  bool won = false;              // its task's end is ours
  bool aborted = false;          // nobody wants it any more: what has begun is killed, and what comes is dropped
  bool cut_short = false;        // one of its items takes long: what is handed out again goes item by item
  bool ended = false;            // nothing more comes of it
  bool disputed = false;         // over, but somebody has won the task and is about to come and withdraw it
  Job* next_finished = nullptr;  // see FinishedJobs

  bool common_packed = false;
  CommonBytes common;

  std::size_t chunk = 1;            // items of the next entry, where the engine decides
  std::uint64_t bytes_an_item = 0;  // of packed input, as far as known
  double nanos_an_item = 0;         // as far as known

  // What the workers know its common bytes by.
  std::uint64_t common_name() const noexcept {
    constexpr std::uint64_t kOwn = std::uint64_t{1} << 63U;
    return loop->common != 0 ? loop->common : number | kOwn;
  }
  // Whether its values are left in shared memory. Items with a time limit are told one by one.
  bool lands() const noexcept {
    return loop->landing != nullptr && loop->codec->run_in_place != nullptr && terms.time_limit == os::kForever;
  }
  bool has_more() const noexcept {
    return !again.empty() || (next < loop->size && !loop->stopped.load(std::memory_order_relaxed));
  }
};

// Jobs that have ended, of which somebody is to be told, in that order.
class FinishedJobs {
 public:
  FinishedJobs() = default;
  FinishedJobs(const FinishedJobs&) = delete;
  FinishedJobs& operator=(const FinishedJobs&) = delete;

  bool empty() const noexcept { return first_ == nullptr; }
  void push(Job& job) noexcept {
    job.next_finished = nullptr;
    *last_ = &job;
    last_ = &job.next_finished;
  }
  // The first one. There must be one.
  Job* pop() noexcept {
    Job* const job = first_;
    first_ = job->next_finished;
    if (first_ == nullptr) last_ = &first_;
    return job;
  }
  // Those that are wanted, the first of a chain; null if there is none.
  template <class Wanted>
  Job* take_out(const Wanted& wanted) noexcept {
    FinishedJobs taken;
    FinishedJobs left;
    while (!empty()) {
      Job& job = *pop();
      (wanted(job) ? taken : left).push(job);
    }
    if (!left.empty()) {
      first_ = left.first_;
      last_ = left.last_;
    }
    return taken.first_;
  }

 private:
  Job* first_ = nullptr;
  Job** last_ = &first_;
};

// Jobs that have items to be handed out, by priority. High ones go first, but every so often a low one does.
class Lanes {
 public:
  void push(Job& job) { put(job, false); }
  // For what was handed out once already.
  void push_first(Job& job) { put(job, true); }

  // The job to be served next; null if there is none. It stays where it is.
  Job* front() noexcept {
    const bool low_first = ++served_ % kLowEvery == 0;
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      auto& lane = lanes_[low_first ? lanes_.size() - 1 - i : i];
      if (!lane.empty()) return lane.front();
    }
    return nullptr;
  }
  bool empty() const noexcept {
    for (const auto& lane : lanes_) {
      if (!lane.empty()) return false;
    }
    return true;
  }
  void remove(Job& job) noexcept {
    if (!job.queued) return;
    auto& lane = lanes_[lane_of(job)];
    if (lane.front() == &job) {  // nearly always
      lane.pop_front();
    } else {
      lane.erase(std::find(lane.begin(), lane.end(), &job));
    }
    job.queued = false;
  }
  Job* pop() noexcept {
    for (auto& lane : lanes_) {
      if (lane.empty()) continue;
      Job* const job = lane.front();
      lane.pop_front();
      job->queued = false;
      return job;
    }
    return nullptr;
  }

 private:
  static constexpr unsigned kLowEvery = 64;

  static std::size_t lane_of(const Job& job) noexcept {
    if (job.terms.priority > 0) return 0;
    return job.terms.priority == 0 ? 1 : 2;
  }
  void put(Job& job, bool first) {
    if (job.queued) return;
    auto& lane = lanes_[lane_of(job)];
    first ? lane.push_front(&job) : lane.push_back(&job);
    job.queued = true;
  }

  std::array<memory::Queue<Job*>, 3> lanes_;
  unsigned served_ = 0;
};

}  // namespace muster::engine::process
