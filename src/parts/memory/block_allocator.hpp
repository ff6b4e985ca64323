#pragma once
// Containers whose small blocks come and go without pause, like a queue's.

#include <cstddef>
#include <deque>

#include <muster/detail/blocks.hpp>

namespace muster::memory {

// An allocator that keeps small blocks, as detail::take_block does.
template <class T>
struct BlockAllocator {
  using value_type = T;

  BlockAllocator() = default;
  template <class U>
  explicit(false) BlockAllocator(const BlockAllocator<U>& /*other*/) noexcept {}

  T* allocate(std::size_t count) { return static_cast<T*>(detail::take_block(count * kSize)); }
  void deallocate(T* block, std::size_t count) noexcept {
    detail::give_block(static_cast<void*>(block), count * kSize);
  }
  friend bool operator==(const BlockAllocator&, const BlockAllocator&) = default;

 private:
  static constexpr std::size_t kSize = sizeof(T);  // NOLINT(bugprone-sizeof-expression): a queue has pointers, too
};

template <class T>
using Queue = std::deque<T, BlockAllocator<T>>;

}  // namespace muster::memory
