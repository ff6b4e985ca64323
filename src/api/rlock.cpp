// Rare ways through an RLock.

#include <muster/detail/basic_lock.hpp>

#include <cstddef>
#include <unordered_map>

#include "os/os.hpp"

namespace muster::detail {
namespace {

// How often this thread holds which locks beyond what they count themselves. Empty but in very deep recursions.
std::unordered_map<const void*, std::size_t>& beyond() {
  thread_local std::unordered_map<const void*, std::size_t> depths;
  return depths;
}

}  // namespace

std::uint32_t thread_id() noexcept { return static_cast<std::uint32_t>(os::native_thread_id()); }

template <class Word>
bool BasicRLock<Word>::acquire_slow(Nanos deadline) {
  try {
    if (!lock_or_halt(word_, deadline, WaitsFor::kRLock)) return false;
  } catch (const OwnerDied&) {  // which has left it to us
    own();
    throw;
  }
  own();
  return true;
}

// What was kept is forgotten when the bits become full: another lock, destroyed while it was held, may have left it.
template <class Word>
void BasicRLock<Word>::go_deeper(std::uint32_t holder) {
  if ((holder & kMostDepth) == kMostDepth) {
    ++beyond()[this];
  } else {
    beyond().erase(this);
    holder_.store(holder + 1, std::memory_order_relaxed);
  }
}

template <class Word>
void BasicRLock<Word>::release_one(std::uint32_t holder) {
  if (!is_ours(holder)) throw LockError("release() of a lock that this thread does not hold");
  if ((holder & kMostDepth) == kMostDepth) {
    if (const auto deep = beyond().find(this); deep != beyond().end()) {
      if (--deep->second == 0) beyond().erase(deep);
      return;
    }
  }
  holder_.store(holder - 1, std::memory_order_relaxed);
}

template <class Word>
std::size_t BasicRLock<Word>::release_all() {
  const std::uint32_t holder = holder_.load(std::memory_order_relaxed);
  if (!is_ours(holder)) throw LockError("wait() without holding the lock");
  std::size_t depth = holder & kMostDepth;
  if (depth == kMostDepth) {
    if (const auto deep = beyond().find(this); deep != beyond().end()) {
      depth += deep->second;
      beyond().erase(deep);
    }
  }
  note_end<Word>(this);
  holder_.store(0, std::memory_order_relaxed);
  word_.unlock();
  return depth;
}

template <class Word>
void BasicRLock<Word>::acquire_again(std::size_t depth) {
  std::int32_t died = 0;
  try {
    lock_or_halt(word_, kForever, WaitsFor::kRLock);
  } catch (const OwnerDied& owner) {
    died = owner.pid();
  }
  noted<Word>(this, true);
  const std::size_t counted = depth < kMostDepth ? depth : kMostDepth;
  holder_.store(first_of(thread_id()) + static_cast<std::uint32_t>(counted - 1), std::memory_order_relaxed);
  if (depth > counted) beyond()[this] = depth - counted;
  if (died != 0) throw OwnerDied(died);
}

template class BasicRLock<PrivateLock>;
template class BasicRLock<SharedLock>;

}  // namespace muster::detail
