#pragma once
// What a process knows of its own threads and of having been forked. Kept by thread.cpp and process.cpp.

#include <atomic>
#include <cstdint>

// Defined under ThreadSanitizer, which has a thread of its own and locks that a fork must look after.
#if defined(__SANITIZE_THREAD__)
#define MUSTER_WATCHED_THREADS 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MUSTER_WATCHED_THREADS 1
#endif
#endif

namespace muster::os {

// One thread of ours, in the table of them while it lives. Stands on that thread's stack.
class ThreadRecord {
 public:
  ThreadRecord() noexcept;
  ~ThreadRecord();
  ThreadRecord(const ThreadRecord&) = delete;
  ThreadRecord& operator=(const ThreadRecord&) = delete;

  std::atomic<bool> idle{false};

 private:
  friend class Stillness;
  friend void begin_copy() noexcept;
  ThreadRecord* next_;
  ThreadRecord* previous_;
};

// To be called first of all in a copy of the process, by its only thread. fork() does it by itself.
void begin_copy() noexcept;
// To be called in the original right before and right after a copy is made. fork() does it by itself.
void count_copy() noexcept;
// A part of begin_copy: the copy is another process.
void forget_process_mark() noexcept;

}  // namespace muster::os
