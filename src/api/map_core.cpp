#include <muster/detail/map_core.hpp>

#include <algorithm>
#include <array>
#include <cstdint>

#include "api/interrupt.hpp"

namespace muster::detail {

MapCore::MapCore(PoolCore& core, std::size_t items, const CallOptions& options, const std::type_info& callable)
    : limit_(options.timeout), core_(&core), failed_index_(options.failed_index) {
  size = items;
  chunk = static_cast<std::size_t>(checked_count(options.chunksize, "chunksize"));
  what = &callable;
}

void MapCore::fail(std::size_t at, std::size_t end, const std::exception_ptr& why) noexcept {
  const LockGuard guard(lock_);
  if (at < lowest_) {
    lowest_ = at;
    failure_ = why;
  }
  try {
    holes_.push_back({at, end});
  } catch (...) {
    // Without memory for the note we must take the results from there on for unfinished: leaked, not destroyed twice.
    lost_from_ = std::min(lost_from_, at);
  }
}

void MapCore::run_in_pool(const CallOptions& options) {
  core_->run(*this, options);
  interrupted_ = stopped.load(std::memory_order_relaxed) && os::interrupted();
}

std::exception_ptr MapCore::failure() const {
  if (interrupted_) return api::interruption();
  if (failure_ && failed_index_ != nullptr) *failed_index_ = lowest_;
  if (failure_) return failure_;
  return handed < size ? core_->why_dropped(nullptr) : nullptr;
}

void MapCore::each_done(const std::function<void(std::size_t begin, std::size_t end)>& destroy) {
  std::sort(holes_.begin(), holes_.end(), [](const Hole& a, const Hole& b) { return a.begin < b.begin; });
  const std::size_t known = std::min(handed, lost_from_);
  std::size_t at = 0;
  for (const Hole& hole : holes_) {
    if (hole.begin >= known) break;
    if (at < hole.begin) destroy(at, hole.begin);
    at = hole.end;
  }
  if (at < known) destroy(at, known);
}

// A table by hash, shared by all loops of the program: of two functions that meet in one entry, the last one has it.
Pace& pace_of(const void* function) noexcept {
  struct Entry {
    std::atomic<const void*> function{nullptr};
    Pace pace{0};
  };
  static std::array<Entry, 256> table;
  const auto bits = reinterpret_cast<std::uintptr_t>(function) >> 4U;
  Entry& entry = table[(bits ^ (bits >> 8U)) % table.size()];
  if (entry.function.load(std::memory_order_relaxed) != function) {
    entry.function.store(function, std::memory_order_relaxed);
    entry.pace.store(0, std::memory_order_relaxed);
  }
  return entry.pace;
}

}  // namespace muster::detail
