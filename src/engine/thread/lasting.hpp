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
      const detail::LockGuard guard(lock_);
      part->next_unused = unused_;
      unused_ = part;
    }
  };
  using Owned = std::unique_ptr<T, Retire>;

  static Owned acquire() {
    {
      const detail::LockGuard guard(lock_);
      if (T* const part = unused_) {
        unused_ = part->next_unused;
        return Owned(part);
      }
    }
    return Owned(new T);
  }

 private:
  static inline constinit detail::PrivateLock lock_;
  static inline constinit T* unused_ = nullptr;  // under the lock
};

}  // namespace muster::engine::thread
