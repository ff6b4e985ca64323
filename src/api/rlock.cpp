// Rare ways through an RLock.

#include <muster/rlock.hpp>

#include <cstddef>
#include <unordered_map>

#include "os/os.hpp"

namespace muster {

std::uint32_t detail::thread_id() noexcept { return static_cast<std::uint32_t>(os::native_thread_id()); }

namespace threading {
namespace {

// How often this thread holds which locks beyond what they count themselves. Empty but in very deep recursions.
std::unordered_map<const RLock*, std::size_t>& beyond() {
  thread_local std::unordered_map<const RLock*, std::size_t> depths;
  return depths;
}

}  // namespace

void RLock::add_depth(std::size_t more) {
  if (more > 0) beyond()[this] += more;
}

void RLock::release_one(std::uint32_t holder) {
  if (!is_by(holder, detail::thread_id())) throw LockError("release() of a lock that this thread does not hold");
  if ((holder & kMostDepth) == kMostDepth) {
    if (const auto deep = beyond().find(this); deep != beyond().end()) {
      if (--deep->second == 0) beyond().erase(deep);
      return;
    }
  }
  holder_.store(holder - 1, std::memory_order_relaxed);
}

std::size_t RLock::release_all() {
  const std::uint32_t holder = holder_.load(std::memory_order_relaxed);
  if (!is_by(holder, detail::thread_id())) throw LockError("wait() without holding the lock");
  std::size_t depth = holder & kMostDepth;
  if (depth == kMostDepth) {
    if (const auto deep = beyond().find(this); deep != beyond().end()) {
      depth += deep->second;
      beyond().erase(deep);
    }
  }
  detail::note_released(this);
  holder_.store(0, std::memory_order_relaxed);
  word_.unlock();
  return depth;
}

void RLock::acquire_again(std::size_t depth) {
  detail::lock_or_halt(word_, detail::kForever, detail::WaitsFor::kRLock);
  detail::note_held(this);
  const std::size_t counted = depth < kMostDepth ? depth : kMostDepth;
  holder_.store(first_of(detail::thread_id()) + static_cast<std::uint32_t>(counted - 1), std::memory_order_relaxed);
  add_depth(depth - counted);
}

}  // namespace threading
}  // namespace muster
