#pragma once
// Raw memory for results. Large blocks come straight from the system in huge pages where it has some: neither zeroed
// nor touched here, so that the workers that write them also bring their pages in.

#include <cstddef>
#include <utility>

#include <muster/detail/export.hpp>

namespace muster::os {
class Mapping;
}

namespace muster::detail {

class MUSTER_EXPORT Storage {
 public:
  Storage() = default;
  // Room for `count` objects of `size` bytes. Throws std::bad_alloc, also when the product overflows.
  Storage(std::size_t count, std::size_t size, std::size_t alignment);
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
    std::swap(mapping_, other.mapping_);
  }

  void* data_ = nullptr;
  std::size_t bytes_ = 0;
  std::size_t alignment_ = 0;
  os::Mapping* mapping_ = nullptr;  // large blocks only; ours
};

}  // namespace muster::detail
