#pragma once
// Lock and RLock, for the threads of a process and between processes: what threading and multiprocessing have in
// common.

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <muster/detail/halt.hpp>
#include <muster/detail/lock_word.hpp>
#include <muster/detail/standard_lock.hpp>
#include <muster/detail/thread_id.hpp>
#include <muster/detail/waits.hpp>
#include <muster/duration.hpp>
#include <muster/error.hpp>

namespace muster::detail {

// Who holds a lock of one process is noted where deadlocks are checked (waits.hpp).
template <class Word>
bool noted(const void* lock, bool got) noexcept {
  return Word::kScope == Scope::kPrivate ? note_held(lock, got) : got;
}
template <class Word>
void note_end(const void* lock) noexcept {
  if constexpr (Word::kScope == Scope::kPrivate) note_released(lock);
}

// Held by nobody in particular.
template <class Word>
class MUSTER_EXPORT BasicLock : public StandardLock<BasicLock<Word>> {
 public:
  BasicLock() = default;
  BasicLock(const BasicLock&) = delete;
  BasicLock& operator=(const BasicLock&) = delete;
#ifdef MUSTER_DEADLOCK
  ~BasicLock() { note_gone(this); }
#endif

  // Waits for the lock. With `blocking` false, or after `timeout`, it gives up; says whether it got it.
  bool acquire(bool blocking = true) {
    return noted<Word>(this, word_.try_lock() || lock_or_halt(word_, blocking ? kForever : kAtOnce, WaitsFor::kLock));
  }
  bool acquire(Duration timeout) {
    return noted<Word>(this, word_.try_lock() || lock_or_halt(word_, timeout.deadline(), WaitsFor::kLock));
  }
  // Throws LockError when nobody holds the lock.
  void release() {
    note_end<Word>(this);
    if (!word_.unlock()) throw LockError("release() of a lock that nobody holds");
  }
  // Whether somebody holds it, as of a moment ago.
  bool locked() const noexcept { return word_.locked(); }

 private:
  Word word_;  // first of all: a wait for it is told by its address
};

// Held by a thread, as often as it has taken it.
template <class Word>
class MUSTER_EXPORT BasicRLock : public StandardLock<BasicRLock<Word>> {
 public:
  BasicRLock() = default;
  BasicRLock(const BasicRLock&) = delete;
  BasicRLock& operator=(const BasicRLock&) = delete;
#ifdef MUSTER_DEADLOCK
  ~BasicRLock() { note_gone(this); }
#endif

  // Waits for the lock unless this thread holds it. With `blocking` false, or after `timeout`, it gives up; says
  // whether it got it.
  bool acquire(bool blocking = true) { return again() || try_first() || acquire_slow(blocking ? kForever : kAtOnce); }
  bool acquire(Duration timeout) { return again() || try_first() || acquire_slow(timeout.deadline()); }
  // Throws LockError when this thread does not hold the lock.
  void release() {
    const std::uint32_t holder = holder_.load(std::memory_order_relaxed);
    if (holder == first_of(thread_id()) && is_of_this_process()) {
      note_end<Word>(this);
      holder_.store(0, std::memory_order_relaxed);
      word_.unlock();
    } else {
      release_one(holder);
    }
  }
  // Whether somebody holds it, as of a moment ago.
  bool locked() const noexcept { return word_.locked(); }
  // Whether this thread does.
  bool owned() const noexcept { return is_ours(holder_.load(std::memory_order_relaxed)); }

  // For a wait on a condition: gives the lock up, however deep, and takes it back as deep.
  MUSTER_EXPORT std::size_t release_all();
  MUSTER_EXPORT void acquire_again(std::size_t depth);

 private:
  // holder_: the thread that holds the lock, and how often. Only that thread ever finds its own id there, so it need
  // not be more than relaxed. A process that died may leave the id behind of a thread whose id another one has by now,
  // so between processes the lock's word has to name ours, too. What the depth's bits cannot count is kept by the
  // thread (rlock.cpp).
  static constexpr std::uint32_t kDepthBits = 10;
  static constexpr std::uint32_t kMostDepth = (1U << kDepthBits) - 1;
  static constexpr std::uint32_t first_of(std::uint32_t thread) noexcept { return thread << kDepthBits | 1U; }
  bool is_of_this_process() const noexcept { return Word::kScope == Scope::kPrivate || word_.is_ours(); }
  bool is_ours(std::uint32_t holder) const noexcept {
    return holder >> kDepthBits == thread_id() && is_of_this_process();
  }

  // Takes it once more if this thread holds it.
  bool again() {
    const std::uint32_t holder = holder_.load(std::memory_order_relaxed);
    if (!is_ours(holder)) return false;
    if ((holder & kMostDepth) + 1 < kMostDepth) {
      holder_.store(holder + 1, std::memory_order_relaxed);
    } else {
      go_deeper(holder);
    }
    return true;
  }
  bool try_first() {
    if (!word_.try_lock()) return false;
    own();
    return true;
  }
  void own() noexcept {
    noted<Word>(this, true);
    holder_.store(first_of(thread_id()), std::memory_order_relaxed);
  }
  MUSTER_EXPORT bool acquire_slow(Nanos deadline);
  MUSTER_EXPORT void go_deeper(std::uint32_t holder);
  MUSTER_EXPORT void release_one(std::uint32_t holder);

  Word word_;  // first of all, as above
  std::atomic<std::uint32_t> holder_{0};
};

extern template class BasicRLock<PrivateLock>;
extern template class BasicRLock<SharedLock>;

}  // namespace muster::detail
