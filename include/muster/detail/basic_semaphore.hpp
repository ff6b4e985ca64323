#pragma once
// Semaphore and BoundedSemaphore, for the threads of a process and between processes.

#include <atomic>
#include <cstdint>

#include <muster/detail/export.hpp>
#include <muster/detail/wait_word.hpp>
#include <muster/duration.hpp>
#include <muster/error.hpp>

namespace muster::detail {

// What was written before release() is visible to who acquires the permit.
template <Scope kScope>
class MUSTER_EXPORT BasicSemaphore {
 public:
  // `value` permits to begin with. Throws ValueError for a negative one.
  explicit BasicSemaphore(int value = 1) : word_(checked(value, 0, "a semaphore's value")) {}
  BasicSemaphore(const BasicSemaphore&) = delete;
  BasicSemaphore& operator=(const BasicSemaphore&) = delete;

  // Waits for a permit and takes it. With `blocking` false, or after `timeout`, it gives up; says whether it got one.
  bool acquire(bool blocking = true) { return take() || acquire_slow(blocking ? kForever : kAtOnce); }
  bool acquire(Duration timeout) { return take() || acquire_slow(timeout.deadline()); }
  // Gives `n` permits. Throws ValueError for n < 1, LockError when there would be more than 2^31 - 1.
  void release(int n = 1) { give(checked(n, 1, "the number of permits to release"), kPermits); }

  // With acquire's meaning, so that std::unique_lock holds a permit.
  void lock() { acquire(); }
  bool try_lock() noexcept { return take(); }
  void unlock() { release(); }

 protected:
  MUSTER_EXPORT static std::uint32_t checked(int number, int least, const char* what);
  MUSTER_EXPORT void give(std::uint32_t n, std::uint32_t most);

 private:
  // The word: the permits, and whether somebody may sleep. Who was woken and takes one leaves the mark behind, since
  // there may be others: a needless mark costs one wake call, a missing one strands a sleeper.
  static constexpr std::uint32_t kMark = 1U << 31U;
  static constexpr std::uint32_t kPermits = kMark - 1;

  bool take() noexcept {
    std::uint32_t seen = word_.load(std::memory_order_relaxed);
    while ((seen & kPermits) > 0) {
      if (word_.compare_exchange_weak(seen, seen - 1, std::memory_order_acquire, std::memory_order_relaxed))
        return true;
    }
    return false;
  }
  MUSTER_EXPORT bool acquire_slow(Nanos deadline);
  bool await_permit(Nanos deadline) noexcept;
  bool take_and_mark() noexcept;

  std::atomic<std::uint32_t> word_;
};

extern template class BasicSemaphore<Scope::kPrivate>;
extern template class BasicSemaphore<Scope::kShared>;

// One that has never more permits than at first.
template <Scope kScope>
class BasicBoundedSemaphore : public BasicSemaphore<kScope> {
 public:
  explicit BasicBoundedSemaphore(int value = 1)
      : BasicSemaphore<kScope>(value), most_(static_cast<std::uint32_t>(value)) {}
  // Throws LockError, and gives none, when there would be more permits than at first.
  void release(int n = 1) { this->give(this->checked(n, 1, "the number of permits to release"), most_); }
  void unlock() { release(); }

 private:
  const std::uint32_t most_;
};

}  // namespace muster::detail
