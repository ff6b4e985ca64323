#pragma once
// Parts of an engine that may be touched when it is gone. They are never freed, only used again by a later engine.

#include <memory>

#include <muster/detail/lock_word.hpp>

namespace muster::engine::thread {

// `T` has a member `T* next_unused`. Who still holds one that has a new owner does there what it would do to the old:
// T must bear that.
template <class T>
class Lasting {
 public:
  struct Retire {
    void operator()(T* part) const noexcept {
      const detail::LockGuard guard(g_lock);
      part->next_unused = g_unused;
      g_unused = part;
    }
  };
  using Owned = std::unique_ptr<T, Retire>;

  static Owned acquire() {
    {
      const detail::LockGuard guard(g_lock);
      if (T* const part = g_unused) {
        g_unused = part->next_unused;
        return Owned(part);
      }
    }
    return Owned(new T);
  }

 private:
  static inline constinit detail::PrivateLock g_lock;
  static inline constinit T* g_unused = nullptr;  // under the lock
};

}  // namespace muster::engine::thread
