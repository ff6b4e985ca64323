#pragma once
// A lock that many may hold to read, or one to write. Python's standard library has none.

#include <atomic>
#include <chrono>
#include <cstdint>

#include <muster/detail/export.hpp>
#include <muster/detail/wait_word.hpp>
#include <muster/detail/waits.hpp>
#include <muster/duration.hpp>
#include <muster/error.hpp>

namespace muster::threading {

// Short sections go by as they come, since handing the lock to a thread that still sleeps would leave it idle
// meanwhile. But the readers that wait when a writer is done go before the next one; and once a writer was passed over
// for a millisecond, no new reader passes it, nor any writer that came after. So neither side can keep the other out.
// 8 bytes. A standard Lockable, TimedLockable, SharedLockable and SharedTimedLockable: std::unique_lock writes,
// std::shared_lock reads. Not to be taken twice by one thread, nor raised from reading to writing: that waits for
// itself.
class MUSTER_EXPORT RWLock {
 public:
  RWLock() = default;
  RWLock(const RWLock&) = delete;
  RWLock& operator=(const RWLock&) = delete;
#ifdef MUSTER_DEADLOCK
  ~RWLock() { detail::note_gone(this); }
#endif

  // Waits until it may write. With `blocking` false, or after `timeout`, it gives up; says whether it got the lock.
  bool acquire_write(bool blocking = true) {
    return detail::note_held(this, take_to_write() || (blocking && write_slow(detail::kForever)));
  }
  bool acquire_write(Duration timeout) {
    return detail::note_held(this, take_to_write() || write_slow(timeout.deadline()));
  }
  // Throws LockError when nobody writes.
  void release_write() { unlock(); }

  // Waits until it may read; otherwise the same.
  bool acquire_read(bool blocking = true) {
    return detail::note_reads(this, take_to_read() || (blocking && read_slow(detail::kForever)));
  }
  bool acquire_read(Duration timeout) {
    return detail::note_reads(this, take_to_read() || read_slow(timeout.deadline()));
  }
  // Throws LockError when nobody reads.
  void release_read() { unlock_shared(); }

  void lock() { acquire_write(); }
  bool try_lock() noexcept { return detail::note_held(this, take_to_write()); }
  void unlock();
  void lock_shared() { acquire_read(); }
  bool try_lock_shared() noexcept { return detail::note_reads(this, take_to_read()); }
  void unlock_shared();

  template <class Rep, class Period>
  bool try_lock_for(std::chrono::duration<Rep, Period> timeout) {
    return acquire_write(Duration(timeout));
  }
  template <class Clock, class Length>
  bool try_lock_until(std::chrono::time_point<Clock, Length> deadline) {
    return acquire_write(Duration(deadline));
  }
  template <class Rep, class Period>
  bool try_lock_shared_for(std::chrono::duration<Rep, Period> timeout) {
    return acquire_read(Duration(timeout));
  }
  template <class Clock, class Length>
  bool try_lock_shared_until(std::chrono::time_point<Clock, Length> deadline) {
    return acquire_read(Duration(deadline));
  }

 private:
  // The state. Sleepers compare its lower half, in which is what changes whenever one of them may go on.
  static constexpr std::uint64_t kWriter = 1;  // somebody writes
  static constexpr std::uint64_t kComing = 2;  // a waiting writer is awake and about to look: no need to wake one
  static constexpr std::uint64_t kTurn = 4;    // changes when waiting readers are let in
  static constexpr std::uint64_t kStarvingWriter = 8;  // bits 3 to 16 count the waiting writers that starve,
  static constexpr std::uint64_t kWaitingWriter = kStarvingWriter << 14U;  // 17 to 30 all writers that wait,
  static constexpr std::uint64_t kReader = 1ULL << 32U;                    // 32 to 47 those that read,
  static constexpr std::uint64_t kWaitingReader = kReader << 16U;          // 48 to 63 those that wait to read.
  static constexpr std::uint64_t kStarvingWriters = kWaitingWriter - kStarvingWriter;
  static constexpr std::uint64_t kWaitingWriters = kStarvingWriters << 14U;
  static constexpr std::uint64_t kReaders = kWaitingReader - kReader;
  static constexpr std::uint64_t kWaitingReaders = kReaders << 16U;
  static constexpr std::uint64_t kHeld = kWriter | kReaders;

  bool take_to_write() noexcept {
    std::uint64_t seen = state_.load(std::memory_order_relaxed);
    while ((seen & (kWriter | kReaders | kStarvingWriters)) == 0) {
      if (state_.compare_exchange_weak(seen, seen | kWriter, std::memory_order_acquire, std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }
  bool take_to_read() noexcept {
    std::uint64_t seen = state_.load(std::memory_order_relaxed);
    while ((seen & (kWriter | kStarvingWriters)) == 0 && (seen & kReaders) != kReaders) {
      if (state_.compare_exchange_weak(seen, seen + kReader, std::memory_order_acquire, std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }
  static bool is_for_writer(std::uint64_t seen, std::uint64_t share) noexcept;
  static std::uint64_t pass_on(std::uint64_t freed) noexcept;
  void wake_next(std::uint64_t seen) const noexcept;
  void wake_readers(std::uint64_t turn) const noexcept;
  std::uint64_t enrol(std::uint64_t one, std::uint64_t all) noexcept;
  bool write_slow(detail::Nanos deadline);
  bool await_as_writer(detail::Nanos deadline) noexcept;
  void sleep_as_writer(std::uint64_t seen, std::uint64_t share, detail::Nanos until) noexcept;
  bool leave_as_writer(std::uint64_t share) noexcept;
  bool read_slow(detail::Nanos deadline);
  bool await_as_reader(detail::Nanos deadline) noexcept;
  bool leave_as_reader(std::uint64_t turn) noexcept;

  std::atomic<std::uint64_t> state_{0};
};

}  // namespace muster::threading
