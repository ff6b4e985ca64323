#pragma once
// Arrays that worker processes see where they are.

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <iterator>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include <muster/detail/export.hpp>
#include <muster/detail/landing.hpp>
#include <muster/detail/plain.hpp>

namespace muster {

namespace detail {

// Zeros. Null for none. Throws std::bad_alloc, std::system_error.
MUSTER_EXPORT std::shared_ptr<Landing> make_shared_memory(std::size_t count, std::size_t size);

struct ArrayAccess;

}  // namespace detail

// `size()` objects in memory that this process shares with the workers of its ProcessPools: given to a call, as an
// argument or as the range of a map, it is not copied; the workers read and write the objects that the caller sees. As
// the `out` of map_into it has its results without a copy, too.
//
//   muster::SharedArray<double> samples(10'000'000);
//   fill(samples);
//   pool.apply(sum, samples);                // double sum(const muster::SharedArray<double>&)
//   pool.map_into(sine, samples, samples);   // each in its place
//
// A handle, as a std::shared_ptr: copies are the same array, and constness is the handle's. The memory has no name; it
// is there as long as a handle is, in whatever process. Who dies takes nobody else's with it. What a worker writes is
// seen as soon as its call has returned; who lets several calls write the same object orders them, as threads must
// (std::atomic_ref, muster::multiprocessing's locks).
//
// Goes to workers with a call, and nowhere else: not into an initializer's arguments, nor back as a result
// (NotSerializable). A copy of the process (fork) shares the array, too, and holds it until it ends.
//
// T: arithmetic types, enums, and aggregates of such; no bool, of which not every byte is a value.
template <class T>
class SharedArray {
  static_assert(
      detail::kLandable<T>,
      "muster: the objects of a SharedArray are numbers, enums or aggregates of such, without bool: processes "
      "can share nothing that points into the memory of one of them");

 public:
  using value_type = T;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using reference = T&;
  using const_reference = T&;
  using iterator = T*;
  using const_iterator = T*;

  // None.
  SharedArray() = default;
  // So many zeros. All memory is taken here and now. Throws std::bad_alloc when there is not so much, std::system_error
  // when the process has no descriptor left.
  explicit SharedArray(std::size_t size) : SharedArray(detail::make_shared_memory(size, sizeof(T)), size) {}
  // A copy of `values`.
  template <std::ranges::forward_range R>
    requires(!std::same_as<std::remove_cvref_t<R>, SharedArray> &&
             std::convertible_to<std::ranges::range_reference_t<R>, T>)
  explicit SharedArray(R&& values) : SharedArray(static_cast<std::size_t>(std::ranges::distance(values))) {
    std::ranges::copy(values, begin());
  }

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  // Null if empty.
  T* data() const noexcept { return memory_ ? static_cast<T*>(memory_->data) : nullptr; }
  T* begin() const noexcept { return data(); }
  T* end() const noexcept { return data() + size_; }
  T& operator[](std::size_t i) const noexcept { return data()[i]; }
  // Throws std::out_of_range.
  T& at(std::size_t i) const {
    if (i >= size_) throw std::out_of_range("muster: no item " + std::to_string(i) + " among " + std::to_string(size_));
    return data()[i];
  }
  T& front() const noexcept { return data()[0]; }
  T& back() const noexcept { return data()[size_ - 1]; }

  // Whether both are the same array, whatever is in it.
  friend bool operator==(const SharedArray&, const SharedArray&) = default;

 private:
  friend struct detail::ArrayAccess;

  SharedArray(std::shared_ptr<detail::Landing> memory, std::size_t size) noexcept
      : memory_(std::move(memory)), size_(size) {}

  std::shared_ptr<detail::Landing> memory_;
  std::size_t size_ = 0;
};

}  // namespace muster
