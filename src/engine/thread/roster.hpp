#pragma once
// The workers of an engine. Their number may grow while anybody walks along them; none is ever taken away, since a task
// may lie in the deque of one that has gone, and its place is filled again first.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace muster::engine::thread {

template <class Worker>
class Roster {
 public:
  // All there are now. By any thread.
  std::span<Worker* const> now() const noexcept {
    // The number first: a table holds at least as many as were counted before it was seen.
    const std::size_t count = count_.load(std::memory_order_acquire);
    return {table_.load(std::memory_order_acquire), count};
  }

  // The rest is for one thread at a time.

  // Room for so many: adding them does not throw.
  void reserve(std::size_t most) {
    if (most <= room_) return;
    const std::size_t room = std::max(most, 2 * room_);
    owned_.reserve(room);
    tables_.reserve(tables_.size() + 1);
    auto larger = std::make_unique<Worker*[]>(room);
    const std::span<Worker* const> all = now();
    std::copy(all.begin(), all.end(), larger.get());
    table_.store(larger.get(), std::memory_order_release);
    tables_.push_back(std::move(larger));  // older ones stay: somebody may be reading
    room_ = room;
  }
  void add(std::unique_ptr<Worker> worker) noexcept {
    const std::size_t count = owned_.size();
    tables_.back()[count] = worker.get();
    owned_.push_back(std::move(worker));
    count_.store(count + 1, std::memory_order_release);
  }

 private:
  std::atomic<Worker**> table_{nullptr};
  std::atomic<std::size_t> count_{0};
  std::vector<std::unique_ptr<Worker>> owned_;
  std::vector<std::unique_ptr<Worker*[]>> tables_;
  std::size_t room_ = 0;
};

}  // namespace muster::engine::thread
