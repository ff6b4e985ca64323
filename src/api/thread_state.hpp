#pragma once
// What is known of one thread, and of all. Shared by its handles, by the list of all, and by the thread itself.
//
// A fork leaves the copy with one thread. It takes the lock first, so that all that the lock guards is whole in the
// copy; there the other threads are marked as ended, and the one that called fork is the main thread.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <muster/detail/lock_word.hpp>
#include <muster/detail/thread_body.hpp>
#include <muster/detail/wait_word.hpp>

#include "os/os.hpp"

namespace muster::detail {

struct ThreadState : std::enable_shared_from_this<ThreadState> {
  // A stranger was not made by us, and has asked who it is.
  enum class Kind : std::uint8_t { kMade, kMain, kStranger };

  // Bits of `word`. kStarted: start() was called. kBegun: its ids are known. kEnded: nothing of it can be seen any more
  // but the kernel's thread, which is about to go.
  static constexpr std::uint32_t kStarted = 1;
  static constexpr std::uint32_t kBegun = 2;
  static constexpr std::uint32_t kEnded = 4;

  ThreadState(Kind what, std::string called) : kind(what), name(std::move(called)) {}
  ~ThreadState();
  ThreadState(const ThreadState&) = delete;
  ThreadState& operator=(const ThreadState&) = delete;

  bool has(std::uint32_t bit) const noexcept { return (word.load(std::memory_order_acquire) & bit) != 0; }
  void set(std::uint32_t bits) noexcept;
  void clear(std::uint32_t bits) noexcept;
  // Waits until one of `bits` is set, or a start has failed. False when `deadline` passed first.
  bool await(std::uint32_t bits, Nanos deadline) noexcept;
  // To the thread itself, which looks from inside, it is over as soon as what it ran has returned.
  bool is_over() const noexcept;

  const Kind kind;
  std::atomic<std::uint32_t> word{0};
  std::atomic<std::uint64_t> ident{0};
  std::atomic<std::int64_t> native_id{0};
  std::stop_source stop;
  std::unique_ptr<ThreadBody> body;  // the thread's own from its start on
  bool needs_object = false;         // it does what a derived class's run() says; known from the start on
  bool has_run = false;              // the thread's own: what it ran has returned

  // Guarded by Threads::lock.
  std::string name;
  bool daemon = false;  // stays as it is from the start on
  bool listed = false;
  os::Thread kernel;  // none: not started, or somebody joins it
};

// All threads that are known. One for the process, and never destroyed: threads may outlive main.
struct Threads {
  PrivateLock lock;  // guards all this, and whatever is said elsewhere to be guarded by it; held at forks
  std::vector<std::shared_ptr<ThreadState>> listed;
  std::shared_ptr<ThreadState> main;
  unsigned long named = 0;
  std::size_t stack_size = 0;

  // To be called with the lock held.
  void list(const std::shared_ptr<ThreadState>& state);
  void unlist(const ThreadState& state) noexcept;
};
Threads& threads();

// Throws ValueError where a thread could not live on it; 0 stands for the default.
std::size_t checked_stack_size(std::size_t bytes);

// "Thread-7" for the prefix "Thread".
std::string numbered(const char* prefix);

// ---- the calling thread ---------------------------------------------------------------------------------------------

// A stranger becomes known by this, to the list as well.
std::shared_ptr<ThreadState> own_state();
// Null for a stranger that is not known.
ThreadState* known_state() noexcept;
// It is `state` from now on, until it ends.
void become(const std::shared_ptr<ThreadState>& state) noexcept;
// Its end has been dealt with. What still runs on it (destructors of the C library's thread-specific data) is nobody.
bool is_past_end() noexcept;
// From now on its end destroys its values of Locals.
void watch_end() noexcept;
// Destroys them; in local_values.cpp.
void end_locals() noexcept;

// ---- life -----------------------------------------------------------------------------------------------------------

// Starts a thread that will be `state` to itself, call `code`, and tell the excepthook of what that throws. `code` may
// need the Thread, or leave it alone. Throws ThreadError if it has been started, and std::system_error.
void launch(const std::shared_ptr<ThreadState>& state, std::function<void()> code, bool needs_object);
// Waits for the end, and for the kernel's thread unless somebody else does. False when `deadline` passed first.
bool join(ThreadState& state, Nanos deadline);
// At the program's end: waits for all threads that are no daemons, and stops the daemons.
void end_threads() noexcept;
// Whether the caller is the thread in which the process began, or was forked.
bool runs_main() noexcept;

}  // namespace muster::detail
