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

// Phase-fair: who comes to read waits behind writers that wait, and those readers that wait when a writer is done go
// before the next one. So neither side can keep the other out. 8 bytes. A standard Lockable, TimedLockable,
// SharedLockable and SharedTimedLockable: std::unique_lock writes, std::shared_lock reads. Not to be taken twice by one
// thread, nor raised from reading to writing: that waits for itself.
class MUSTER_EXPORT RWLock {
 public:
  RWLock() = default;
  RWLock(const RWLock&) = delete;
  RWLock& operator=(const RWLock&) = delete;
#ifdef MUSTER_DEADLOCK
  ~RWLock() { detail::note_gone(this); }
#endif

  // Waits until it may write. With `blocking` false, or after `timeout`, it gives up; says whether it got the lock.
  bool acquire_write(bool blocking = true) noexcept(!detail::kDeadlockChecked) {
    return detail::note_held(this, take_to_write() || (blocking && write_slow(detail::kForever)));
  }
  bool acquire_write(Duration timeout) noexcept(!detail::kDeadlockChecked) {
    return detail::note_held(this, take_to_write() || write_slow(timeout.deadline()));
  }
  // Throws LockError when nobody writes.
  void release_write() { unlock(); }

  // Waits until it may read; otherwise the same.
  bool acquire_read(bool blocking = true) noexcept(!detail::kDeadlockChecked) {
    return detail::note_reads(this, take_to_read() || (blocking && read_slow(detail::kForever)));
  }
  bool acquire_read(Duration timeout) noexcept(!detail::kDeadlockChecked) {
    return detail::note_reads(this, take_to_read() || read_slow(timeout.deadline()));
  }
  // Throws LockError when nobody reads.
  void release_read() { unlock_shared(); }

  void lock() noexcept(!detail::kDeadlockChecked) { acquire_write(); }
  bool try_lock() noexcept { return detail::note_held(this, take_to_write()); }
  void unlock();
  void lock_shared() noexcept(!detail::kDeadlockChecked) { acquire_read(); }
  bool try_lock_shared() noexcept { return detail::note_reads(this, take_to_read()); }
  void unlock_shared();

  template <class Rep, class Period>
  bool try_lock_for(std::chrono::duration<Rep, Period> timeout) {
    return acquire_write(Duration(timeout));
  }
  template <class Clock, class Length>
  bool try_lock_until(std::chrono::time_point<Clock, Length> deadline) {
    return acquire_write(Duration(deadline - Clock::now()));
  }
  template <class Rep, class Period>
  bool try_lock_shared_for(std::chrono::duration<Rep, Period> timeout) {
    return acquire_read(Duration(timeout));
  }
  template <class Clock, class Length>
  bool try_lock_shared_until(std::chrono::time_point<Clock, Length> deadline) {
    return acquire_read(Duration(deadline - Clock::now()));
  }

 private:
  // The state: four numbers, a flag, and whose turn it is. Sleepers compare the lower half, in which all is that they
  // wait for.
  static constexpr unsigned kBits = 15;
  static constexpr std::uint64_t kMost = (1U << kBits) - 1;
  static constexpr std::uint64_t kReader = 1;                      // those that read,
  static constexpr std::uint64_t kAdmittedOne = kReader << kBits;  // those that go before the next writer,
  static constexpr std::uint64_t kWriter = kAdmittedOne << kBits;  // somebody writes,
  static constexpr std::uint64_t kTurn = kWriter << 1U;            // changes when waiting readers are admitted,
  static constexpr std::uint64_t kWaitingReader = kTurn << 1U;     // those that wait to be admitted,
  static constexpr std::uint64_t kWaitingWriter = kWaitingReader << kBits;
  static constexpr std::uint64_t kReaders = kReader * kMost;
  static constexpr std::uint64_t kAdmitted = kAdmittedOne * kMost;
  static constexpr std::uint64_t kWaitingReaders = kWaitingReader * kMost;
  static constexpr std::uint64_t kWaitingWriters = kWaitingWriter * kMost;

  bool take_to_write() noexcept {
    std::uint64_t seen = state_.load(std::memory_order_relaxed);
    while ((seen & (kWriter | kReaders | kAdmitted)) == 0) {
      if (state_.compare_exchange_weak(seen, seen | kWriter, std::memory_order_acquire, std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }
  bool take_to_read() noexcept {
    std::uint64_t seen = state_.load(std::memory_order_relaxed);
    while ((seen & (kWriter | kWaitingWriters)) == 0 && (seen & kReaders) != kReaders) {
      if (state_.compare_exchange_weak(seen, seen + kReader, std::memory_order_acquire, std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }
  static std::uint64_t admit_waiting(std::uint64_t state) noexcept;
  bool write_slow(detail::Nanos deadline) noexcept(!detail::kDeadlockChecked);
  bool read_slow(detail::Nanos deadline) noexcept(!detail::kDeadlockChecked);
  bool leave_as_writer() noexcept;
  bool leave_as_reader(std::uint64_t turn) noexcept;
  std::uint64_t enrol(std::uint64_t one, std::uint64_t all) noexcept;
  void sleep(std::uint64_t seen, detail::Nanos deadline) const noexcept;
  void wake() const noexcept;

  std::atomic<std::uint64_t> state_{0};
};

}  // namespace muster::threading
