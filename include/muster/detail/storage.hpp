#pragma once
// Raw memory for results. Large blocks come straight from the system in huge pages where it has some: neither zeroed
// nor touched here, so that the workers that write them also bring their pages in.

#include <cstddef>
#include <memory>
#include <utility>

#include <muster/detail/export.hpp>
#include <muster/detail/landing.hpp>

namespace muster::detail {

class MUSTER_EXPORT Storage {
 public:
  Storage() = default;
  // Room for `count` objects of `size` bytes. Throws std::bad_alloc, also when the product overflows.
  Storage(std::size_t count, std::size_t size, std::size_t alignment);
  // Memory in which results have landed already.
  explicit Storage(std::shared_ptr<Landing> landing) noexcept : data_(landing->data), keeper_(std::move(landing)) {}
  Storage(Storage&& other) noexcept { swap(other); }
  Storage& operator=(Storage&& other) noexcept {
    Storage(std::move(other)).swap(*this);
    return *this;
  }
  ~Storage();

  void* data() const noexcept { return data_; }
  // How many objects of `size` bytes one page of this memory holds, if the pages are huge; else 0.
  std::size_t objects_a_page(std::size_t size) const noexcept;

 private:
  void swap(Storage& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    std::swap(alignment_, other.alignment_);
    std::swap(keeper_, other.keeper_);
    std::swap(huge_, other.huge_);
  }

  void* data_ = nullptr;
  std::size_t bytes_ = 0;
  std::size_t alignment_ = 0;
  std::shared_ptr<void> keeper_;  // of memory that is not simply the heap's
  bool huge_ = false;
};

}  // namespace muster::detail
