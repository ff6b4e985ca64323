#pragma once
// The contract with the kernel: everything muster asks of the operating system, and nothing else. One implementation
// lives in a folder beside this file for each system. Nothing here knows of locks, tasks or pools.

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace muster::os {

// ---- clock ---------------------------------------------------------------------------------------------------------

// Nanoseconds of the monotonic clock; comparable between the processes of one machine.
using Nanos = std::int64_t;

// A point of the monotonic clock that never comes: wait without limit.
inline constexpr Nanos kForever = INT64_MAX;

Nanos now() noexcept;

// CPU time that this process has burned so far, user and system, all threads.
Nanos process_cpu_time() noexcept;

// ---- futex ---------------------------------------------------------------------------------------------------------

// Who may touch the word: the threads of this process, or every process that maps its page.
enum class Scope : std::uint8_t { kPrivate, kShared };

enum class FutexWait : std::uint8_t {
  kWoken,        // woken, or for no reason: look at the word again
  kChanged,      // the word did not hold `expected`
  kTimedOut,     // the deadline passed
  kInterrupted,  // a signal handler ran
};

// Sleepers of one word may be of different kinds, a bit each: a wake reaches those that have a kind in common with it.
inline constexpr std::uint32_t kAnyKind = UINT32_MAX;

// Sleeps while `word` holds `expected`, until a wake, a signal, or `deadline` (monotonic; kForever: no limit). A
// changed word is reported before a deadline that has passed. After a handler installed with SA_RESTART (signal() does
// that) the kernel resumes a sleep without limit: who must notice signals gives a deadline. Leaves errno alone.
FutexWait futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected, Scope scope,
                     Nanos deadline = kForever, std::uint32_t kinds = kAnyKind) noexcept;

// Wakes at most `count` sleepers of `word`, those first that sleep longest, and says how many it woke. The word's
// memory may be gone already: then the call does nothing, or wakes a stranger for no reason. Leaves errno alone.
int futex_wake(const std::atomic<std::uint32_t>& word, int count, Scope scope, std::uint32_t kinds = kAnyKind) noexcept;

inline constexpr int kAll = INT32_MAX;

// ---- threads -------------------------------------------------------------------------------------------------------

// What a new thread does about signals. kBlocked: all are blocked, so that the user's handlers run on the user's
// threads; faults and SIGPROF are not. A program that such a thread starts inherits the mask: clear it between fork and
// exec. kInherited: as in the thread that starts it, for the user's own threads.
enum class Signals : std::uint8_t { kBlocked, kInherited };

// A kernel thread. Movable; must be joined or detached before it is destroyed.
class Thread {
 public:
  Thread() = default;
  // Starts `body` on a new thread. `stack_size` in bytes; 0: the system's default. Throws std::system_error when the
  // system gives no thread (EAGAIN). An exception that leaves `body` ends the program, and so does pthread_exit.
  explicit Thread(std::function<void()> body, std::size_t stack_size = 0, Signals signals = Signals::kBlocked);
  Thread(Thread&& other) noexcept;
  Thread& operator=(Thread&& other) noexcept;
  ~Thread();

  // False in a copy of the process, where the thread is not.
  bool joinable() const noexcept;
  // Both throw std::system_error where the thread is not joinable; join also from the thread itself.
  void join();
  void detach();

 private:
  std::uintptr_t handle_ = 0;
  std::uint32_t generation_ = 0;  // of the process that it is in
  bool joinable_ = false;
};

// The kernel's id of the calling thread, below 2^22; unique on the machine while the thread lives. Quick: asked once a
// thread.
std::int64_t native_thread_id() noexcept;

// Tells the calling thread from all others of this process that live; another thread's once it has ended. Never 0, and
// the same in a copy of the process.
std::uint64_t thread_ident() noexcept;

// Names the calling thread as the kernel shows it; Linux keeps the first 15 bytes, less where that would cut a UTF-8
// character. The main thread's name is the one that ps and killall give the process.
void set_thread_name(std::string_view name) noexcept;
// The same for the thread of this process with that native id; nothing happens where there is none.
void set_thread_name(std::int64_t native_id, std::string_view name) noexcept;
std::string thread_name();

// The CPUs the calling thread may run on, ascending; empty when the system does not say.
std::vector<int> thread_affinity();
// Pins the calling thread to `cpus`. Throws std::system_error.
void set_thread_affinity(const std::vector<int>& cpus);

// The CPU that the calling thread is on at this moment; -1 where the system does not say. Quick.
int current_cpu() noexcept;
// Keeps a thread of this process, by its native id (0: the caller itself, which is on another one when this returns),
// off the caller's CPU, until it calls allow_again with what is written to `before`. False where it may run on no other
// CPU, or the system does not say: nothing has changed then.
struct CpuSet {
  std::array<unsigned long, 16> bits;
};
bool keep_off_this_cpu(std::int64_t native_id, CpuSet& before) noexcept;
void allow_again(const CpuSet& before) noexcept;

// Gives the rest of the calling thread's turn away.
void yield() noexcept;

// Lowest address of the calling thread's stack that may be used, and the stack's size in bytes; zeros when the system
// does not say. Slow on the main thread, whose stack is looked up in a file.
struct Stack {
  std::uintptr_t lowest = 0;
  std::size_t size = 0;
};
Stack thread_stack() noexcept;

// A hint to the core that this is a spin loop.
inline void relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb" ::: "memory");
#endif
}

// Has the cache line of `address` fetched, which another core may have,
inline void fetch(const void* address) noexcept { __builtin_prefetch(address); }
// to be written soon.
inline void fetch_to_write([[maybe_unused]] const void* address) noexcept {
#if defined(__x86_64__)
  asm volatile("prefetchw %0" ::"m"(*static_cast<const char*>(address)));  // a no-op where the core has none
#else
  __builtin_prefetch(address, 1);
#endif
}

// ---- processors ----------------------------------------------------------------------------------------------------

// How many CPUs this process may use: the affinity mask, cut by cgroup v1 and v2 quotas (each rounded up), at least 1.
// The mask is the calling thread's: new threads inherit it. Reads files each time.
int usable_cpus() noexcept;

// The same, with the file system's root given: what a test uses to show a quota. `mask` counts the affinity mask.
int usable_cpus_under(const std::string& root, int mask);

// ---- memory --------------------------------------------------------------------------------------------------------

class Descriptor;

// Pages from the system, unmapped on destruction. Zero-filled on first touch.
class Mapping {
 public:
  Mapping() = default;
  // Private pages of `bytes` (rounded up to whole pages), aligned to `alignment` (a power of two, at least a page
  // where larger). None for 0 bytes, here and below: data() is null. Throws std::bad_alloc.
  static Mapping anonymous(std::size_t bytes, std::size_t alignment = 0);
  // Shared pages of an unnamed file: what several processes can map. Throws std::system_error, or std::bad_alloc when
  // there is no room: all pages are taken here and now, so that no touch can fail later. The file's descriptor is
  // close-on-exec and belongs to the mapping; nobody can make the file shorter or longer. `name` is for debuggers.
  static Mapping memfd(std::size_t bytes, const char* name = "muster");
  // The same with no page taken yet: take_pages before they are touched. The file goes on for `behind` bytes more;
  // whole() maps them, too.
  static Mapping sparse(std::size_t bytes, const char* name = "muster", std::size_t behind = 0);
  // Pages shared with the processes that are forked from here on. Throws std::bad_alloc.
  static Mapping inherited(std::size_t bytes);
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping();

  void* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  int descriptor() const noexcept { return descriptor_; }  // -1: none

  // Asks for huge pages; false when the system has none to give, or the mapping holds no whole aligned one (an
  // answer, not an error).
  bool advise_huge() noexcept;
  // Of a shared file's: takes the pages of a part and maps them, so that no touch of it can fail; as huge pages, those
  // that it has in full, as far as there are such. Dearer than it looks where they are mapped already. Throws
  // std::bad_alloc when there is no room.
  void take_pages(std::size_t offset, std::size_t bytes);
  // The same, but maps none: for what is touched late, or perhaps never.
  void reserve_pages(std::size_t offset, std::size_t bytes);
  // take_pages as an answer.
  bool can_write(std::size_t offset, std::size_t bytes) noexcept;
  // Whether all pages of a part can be read, which are taken if they are not there: else to touch one might end the
  // process.
  bool can_read(std::size_t offset, std::size_t bytes) noexcept;
  // Of a shared file's: once more its first `bytes`, which it must have. Throws std::bad_alloc, std::system_error.
  Mapping whole(std::size_t bytes, bool writable) const;
  // Of private pages: the system may take them when it is short of memory, and what they hold with them, until they are
  // written again. False: it does not know how.
  bool offer() noexcept;
  // Of a view (map_view): forgets what this process has written to it.
  void forget_changes() noexcept;

 private:
  friend Mapping map_shared(Descriptor descriptor, std::size_t bytes, bool writable);  // os/process.hpp
  friend Mapping map_view(Descriptor descriptor, std::size_t bytes);

  void* data_ = nullptr;
  std::size_t size_ = 0;
  int descriptor_ = -1;
};

std::size_t page_size() noexcept;
// The size of a huge page, 0 where there are none. Reads files each time.
std::size_t huge_page_size() noexcept;
// The same of shared files, whose mappings begin at a multiple of it where they are as large. Asks the system once.
std::size_t huge_file_page() noexcept;

}  // namespace muster::os
