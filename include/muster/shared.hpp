#pragma once
// Memory that processes share.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include <muster/detail/export.hpp>

namespace muster::detail {

// Pages that this process shares with its copies.
class MUSTER_EXPORT SharedPages {
 public:
  // Throws std::bad_alloc.
  explicit SharedPages(std::size_t bytes);

  void* data() const noexcept { return data_.get(); }  // null when moved from
  // Whether this process has made them, and is not a copy of the one that has.
  bool is_ours() const noexcept;

 private:
  std::shared_ptr<void> data_;
  std::uint64_t maker_;
};

}  // namespace muster::detail

namespace muster::multiprocessing {

// A T in memory of its own, which this process shares with the processes that are forked while it is there: with the
// workers of a Pool whose start method is fork, too. T must not point at anything outside of itself; locks, atomics and
// structs of them do not. The process that made it destroys the T; others only let go of the memory. Movable.
template <class T>
class Shared {
 public:
  // Makes the T of `args`. Throws std::bad_alloc, and what T's constructor throws.
  template <class... Args>
  explicit Shared(Args&&... args) : pages_(sizeof(T)) {
    static_assert(alignof(T) <= 4096, "pages are not aligned more strictly");
    ::new (pages_.data()) T(std::forward<Args>(args)...);
  }
  ~Shared() {
    if (pages_.data() != nullptr && pages_.is_ours()) get()->~T();
  }
  Shared(Shared&&) noexcept = default;
  Shared& operator=(Shared&&) = delete;

  // Null when it was moved from.
  T* get() const noexcept { return static_cast<T*>(pages_.data()); }
  T& operator*() const noexcept { return *get(); }
  T* operator->() const noexcept { return get(); }

 private:
  detail::SharedPages pages_;
};

}  // namespace muster::multiprocessing
