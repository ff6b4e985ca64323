#pragma once
// A thread as others see it: what it is called, whether it lives, the wait for its end.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include <muster/detail/export.hpp>
#include <muster/duration.hpp>

namespace muster::detail {
struct ThreadState;
}

namespace muster::threading {

// What current_thread() and enumerate() give. Shares what is known of the thread with all other handles of it: cheap to
// copy, and valid when the Thread and the thread itself are gone. Handles of the same thread are equal. All calls may
// be made by any thread at any time.
class MUSTER_EXPORT ThreadHandle {
 public:
  // Copied where others are moved: no handle is ever empty.
  ThreadHandle(const ThreadHandle&) = default;
  ThreadHandle& operator=(const ThreadHandle&) = default;
  ~ThreadHandle() = default;

  std::string name() const;
  // Need not be unique. A thread that runs is shown by the kernel under the new name, too (of which Linux keeps 15
  // bytes); for the main thread that is the process's name in ps and killall.
  void set_name(std::string name);

  // From start() on, until nothing of the thread is left that could be seen: its thread-local objects are gone, too. To
  // the thread itself it is over as soon as its callable has returned.
  bool is_alive() const;

  // Waits until the thread has ended. Throws ThreadError before its start, and for the thread itself.
  void join() const;
  // The same, at most for `timeout`; says whether it has ended. (Python has one join() and asks is_alive() afterwards.)
  bool join(Duration timeout) const;

  // Python's ident: tells threads apart while they live, and may be given anew then. 0 before the start.
  std::uint64_t ident() const;
  // The kernel's id, as ps -L and gdb show it. 0 before the start.
  std::int64_t native_id() const;

  // The program's end waits for threads that are no daemons. Daemon threads stop then: they do not come back from their
  // next call into muster. By default a thread is a daemon if a daemon made it.
  bool daemon() const;
  // Throws ThreadError after the start.
  void set_daemon(bool daemon);

  // What a callable is given that takes a std::stop_token first.
  std::stop_token stop_token() const;
  // False if that was asked before. Only asks: the callable has to look.
  bool request_stop();

  friend bool operator==(const ThreadHandle&, const ThreadHandle&) = default;

  // For muster itself.
  explicit ThreadHandle(std::shared_ptr<detail::ThreadState> state) noexcept : state_(std::move(state)) {}

 private:
  friend class Thread;
  detail::ThreadState& state() const;

  std::shared_ptr<detail::ThreadState> state_;
};

// The thread that calls. One that muster has not made is taken up into enumerate() by asking: as a daemon called
// Dummy-N, until it ends.
MUSTER_EXPORT ThreadHandle current_thread();
// The thread that runs main; in a forked copy of the process the one that called fork.
MUSTER_EXPORT ThreadHandle main_thread();
// All threads that live, in the order of their start: the main thread, those made as Thread, and strangers that have
// asked for current_thread(). Workers of muster's pools are strangers.
MUSTER_EXPORT std::vector<ThreadHandle> enumerate();
// How many enumerate() gives.
MUSTER_EXPORT std::size_t active_count();

// current_thread().ident() and .native_id(), without becoming known.
MUSTER_EXPORT std::uint64_t get_ident() noexcept;
MUSTER_EXPORT std::int64_t get_native_id() noexcept;

}  // namespace muster::threading
