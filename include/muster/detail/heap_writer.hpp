#pragma once
// Bytes in ordinary memory.

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>

#include <muster/detail/bytes.hpp>

namespace muster::detail {

// Bytes in ordinary memory, as many as it takes.
class HeapWriter : public Writer {
 public:
  HeapWriter() = default;
  virtual ~HeapWriter() = default;

  std::span<const std::byte> bytes() const noexcept { return {begin_, size()}; }
  // Forgets what was written; keeps the memory, unless it is large.
  void clear() noexcept {
    constexpr std::size_t kKept = 1U << 20U;
    if (static_cast<std::size_t>(end_ - begin_) > kKept) {
      memory_.reset();
      begin_ = end_ = nullptr;
    }
    at_ = begin_;
  }

 private:
  void more(std::size_t wanted) override {
    const std::size_t used = size();
    const auto capacity = static_cast<std::size_t>(end_ - begin_);
    if (wanted > SIZE_MAX / 2 - used) throw std::bad_alloc();
    const std::size_t grown = std::max({used + wanted, capacity * 2, std::size_t{256}});
    auto memory = std::make_unique_for_overwrite<std::byte[]>(grown);
    if (used > 0) std::memcpy(memory.get(), begin_, used);
    memory_ = std::move(memory);
    begin_ = memory_.get();
    at_ = begin_ + used;
    end_ = begin_ + grown;
  }

  std::unique_ptr<std::byte[]> memory_;
};

}  // namespace muster::detail
