// Copies of this process, and the threads that would be torn by one.
//
// A thread of ours that sleeps with nothing in its hands says so by an Idle. Whoever wants to copy the process holds a
// Stillness, and counts. Argument that no thread counted as idle does anything until the Stillness ends: it leaves by
// clearing its mark and then looking for a Stillness; a Stillness is announced first and looks at the marks then; all
// four sequentially consistent. So if the mark was seen set, its clearing comes after our look, hence after our
// announcement, and the leaver finds it: it marks itself again, and waits. What it runs in between is only the few
// instructions of ~Idle. A thread that marks itself idle has finished all that it did before (release, acquire), locks
// of malloc included.
//
// Threads of others are never idle. How many there are is asked of the kernel after the idle ones were counted: idle
// ones cannot go away, and only a thread that is not idle can start one, so if the sums agree then, they agreed all the
// while.

#include "os/linux/copies.hpp"

#include <pthread.h>
#include <sys/single_threaded.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/process.hpp"

namespace muster::os {
namespace {

using Word = std::atomic<std::uint32_t>;

#ifdef MUSTER_WATCHED_THREADS
constexpr bool kWatched = true;
#else
constexpr bool kWatched = false;
#endif

// The plainest of locks: a copy must be able to make it free, whoever holds it in the original.
class TableLock {
 public:
  void lock() noexcept {
    std::uint32_t found = kFree;
    if (word_.compare_exchange_strong(found, kHeld, std::memory_order_acquire)) return;
    while (word_.exchange(kAwaited, std::memory_order_acquire) != kFree) {
      futex_wait(word_, kAwaited, Scope::kPrivate);
    }
  }
  void unlock() noexcept {
    if (word_.exchange(kFree, std::memory_order_release) == kAwaited) futex_wake(word_, 1, Scope::kPrivate);
  }
  void reset() noexcept { word_.store(kFree, std::memory_order_relaxed); }

 private:
  static constexpr std::uint32_t kFree = 0;
  static constexpr std::uint32_t kHeld = 1;
  static constexpr std::uint32_t kAwaited = 2;  // held, and somebody may sleep
  Word word_{kFree};
};

constinit TableLock g_table_lock;           // guards the list
constinit ThreadRecord* g_first = nullptr;  // all threads of ours
constinit TableLock g_stillness_lock;       // held by the thread that holds a Stillness
constinit Word g_still{0};                  // 1: there is a Stillness
constinit std::atomic<std::uint32_t> g_generation{0};
constinit std::atomic<std::uint64_t> g_copies{0};
constinit thread_local ThreadRecord* t_own = nullptr;
constinit thread_local int t_stillnesses = 0;  // of this thread, one within the other
constinit thread_local std::int64_t t_id = 0;  // the kernel's; 0: not asked yet

// Threads of this process. One call, so that none can come or go while we count.
long count_threads() noexcept {
  struct stat folder = {};
  constexpr long kLinksOfEveryFolder = 2;
  const bool told = stat("/proc/self/task", &folder) == 0;
  const long count = told ? static_cast<long>(folder.st_nlink) - kLinksOfEveryFolder : 0;
  if (count <= 0) return __libc_single_threaded != 0 ? 1 : 2;  // no /proc: 2 stands for "perhaps some"
  // ThreadSanitizer has a thread of its own from the program's first one on. It looks after itself at forks.
  return kWatched && count > 1 ? count - 1 : count;
}

extern "C" void muster_begin_copy() noexcept { begin_copy(); }
extern "C" void muster_count_copy() noexcept { count_copy(); }

// First of all that is done in a copy: the rest may ask who it is.
void register_begin_copy() noexcept {
  [[maybe_unused]] static const int kRegistered =
      pthread_atfork(&muster_count_copy, &muster_count_copy, &muster_begin_copy);
}

[[maybe_unused]] const bool kBeforeMain = (register_begin_copy(), true);

}  // namespace

std::int64_t native_thread_id() noexcept {
  if (t_id == 0) t_id = syscall(SYS_gettid);
  return t_id;
}

std::uint32_t generation() noexcept { return g_generation.load(std::memory_order_relaxed); }

// Counted before the copy, so that the copy knows, and after it, for what was done in between.
void count_copy() noexcept { g_copies.fetch_add(1, std::memory_order_seq_cst); }
std::uint64_t copies_made() noexcept { return g_copies.load(std::memory_order_seq_cst); }

void at_forks(void (*before)(), void (*after)(), void (*in_copy)()) noexcept {
  register_begin_copy();
  pthread_atfork(before, after, in_copy);
}

// The thread that forked is the only one that came along; the others are neither in the table nor in their locks.
void begin_copy() noexcept {
  g_generation.fetch_add(1, std::memory_order_relaxed);
  forget_process_mark();
  g_table_lock.reset();
  g_stillness_lock.reset();
  g_still.store(0, std::memory_order_relaxed);
  t_stillnesses = 0;
  t_id = 0;
  g_first = t_own;
  if (t_own != nullptr) t_own->next_ = t_own->previous_ = nullptr;
}

// ---- the table ------------------------------------------------------------------------------------------------------

ThreadRecord::ThreadRecord() noexcept : previous_(nullptr) {
  g_table_lock.lock();
  next_ = g_first;
  if (next_ != nullptr) next_->previous_ = this;
  g_first = this;
  g_table_lock.unlock();
  t_own = this;
}

ThreadRecord::~ThreadRecord() {
  t_own = nullptr;
  g_table_lock.lock();
  (previous_ != nullptr ? previous_->next_ : g_first) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
  g_table_lock.unlock();
}

// ---- idle and still -------------------------------------------------------------------------------------------------

// One within another one says nothing new.
Idle::Idle() noexcept {
  if (t_own != nullptr && !t_own->idle.load(std::memory_order_relaxed)) {
    record_ = t_own;
    record_->idle.store(true, std::memory_order_seq_cst);
  }
}

Idle::~Idle() {
  if (record_ == nullptr) return;
  record_->idle.store(false, std::memory_order_seq_cst);
  while (g_still.load(std::memory_order_seq_cst) != 0) {
    record_->idle.store(true, std::memory_order_seq_cst);
    futex_wait(g_still, 1, Scope::kPrivate);
    record_->idle.store(false, std::memory_order_seq_cst);
  }
}

Stillness::Stillness() noexcept {
  if (t_stillnesses++ > 0) return;
  g_stillness_lock.lock();
  g_still.store(1, std::memory_order_seq_cst);
}

Stillness::~Stillness() {
  // In a copy that was made meanwhile nothing is left to be undone.
  if (t_stillnesses == 0) return;
  if (--t_stillnesses > 0) return;
  g_still.store(0, std::memory_order_seq_cst);
  futex_wake(g_still, kAll, Scope::kPrivate);
  g_stillness_lock.unlock();
}

int Stillness::count_in_the_way() noexcept {
  long idle = 0;
  g_table_lock.lock();
  for (const ThreadRecord* record = g_first; record != nullptr; record = record->next_) {
    if (record->idle.load(std::memory_order_seq_cst)) ++idle;
  }
  g_table_lock.unlock();
  return static_cast<int>(count_threads() - 1 - idle);
}

int Stillness::threads_in_the_way() const noexcept {
  constexpr Nanos kPatience = 100'000'000;
  constexpr Nanos kStep = 200'000;
  constexpr int kQuickLooks = 20;
  int count = count_in_the_way();
  if (count == 0) return 0;
  const Nanos end = now() + kPatience;
  for (int look = 0; count != 0 && now() < end; ++look) {
    if (look < kQuickLooks) {
      yield();
    } else {
      const Word nobody_changes_this{0};
      futex_wait(nobody_changes_this, 0, Scope::kPrivate, now() + kStep);
    }
    count = count_in_the_way();
  }
  return count;
}

}  // namespace muster::os
