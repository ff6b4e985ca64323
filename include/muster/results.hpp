#pragma once
// What a map gives back: the results in the order of the inputs, in one block of memory.

#include <concepts>
#include <cstddef>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include <muster/detail/storage.hpp>

namespace muster {

namespace detail {
template <class T>
class ResultsSink;
}

// A fixed number of values, contiguous. Not a std::vector, which would write all the memory once before the workers
// do, wants a default constructor, and packs bools so that two threads cannot write neighbours; but it becomes one:
// `std::vector<T> v = pool.map(...)`. Move-only. The memory of large ones is used again when they are gone: up to 128
// MiB are kept, and offered to the system, which takes them when it is short of memory.
template <class T>
class Results {
 public:
  using value_type = T;
  using size_type = std::size_t;
  using difference_type = std::ptrdiff_t;
  using reference = T&;
  using const_reference = const T&;
  using iterator = T*;
  using const_iterator = const T*;

  Results() = default;
  Results(Results&& other) noexcept : storage_(std::move(other.storage_)), size_(std::exchange(other.size_, 0)) {}
  Results& operator=(Results&& other) noexcept {
    if (this != &other) {
      std::destroy_n(data(), size_);
      storage_ = std::move(other.storage_);
      size_ = std::exchange(other.size_, 0);
    }
    return *this;
  }
  ~Results() { std::destroy_n(data(), size_); }

  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  T* data() noexcept { return static_cast<T*>(storage_.data()); }
  const T* data() const noexcept { return static_cast<const T*>(storage_.data()); }

  T* begin() noexcept { return data(); }
  T* end() noexcept { return data() + size_; }
  const T* begin() const noexcept { return data(); }
  const T* end() const noexcept { return data() + size_; }
  const T* cbegin() const noexcept { return begin(); }
  const T* cend() const noexcept { return end(); }
  auto rbegin() noexcept { return std::reverse_iterator<T*>(end()); }
  auto rend() noexcept { return std::reverse_iterator<T*>(begin()); }
  auto rbegin() const noexcept { return std::reverse_iterator<const T*>(end()); }
  auto rend() const noexcept { return std::reverse_iterator<const T*>(begin()); }

  T& operator[](std::size_t at) noexcept { return data()[at]; }
  const T& operator[](std::size_t at) const noexcept { return data()[at]; }
  // Throws std::out_of_range.
  T& at(std::size_t at) { return data()[checked(at)]; }
  const T& at(std::size_t at) const { return data()[checked(at)]; }
  T& front() noexcept { return data()[0]; }
  const T& front() const noexcept { return data()[0]; }
  T& back() noexcept { return data()[size_ - 1]; }
  const T& back() const noexcept { return data()[size_ - 1]; }

  // Copies the values, or moves them out of a temporary.
  operator std::vector<T>() const&  // NOLINT(google-explicit-constructor)
    requires std::copy_constructible<T>
  {
    return std::vector<T>(begin(), end());
  }
  operator std::vector<T>() && {  // NOLINT(google-explicit-constructor)
    return std::vector<T>(std::make_move_iterator(begin()), std::make_move_iterator(end()));
  }

  friend bool operator==(const Results& a, const Results& b)
    requires std::equality_comparable<T>
  {
    if (a.size_ != b.size_) return false;
    for (std::size_t i = 0; i < a.size_; ++i) {
      if (!(a[i] == b[i])) return false;
    }
    return true;
  }

 private:
  friend class detail::ResultsSink<T>;
  // Takes over `size` values that live in `storage`.
  Results(detail::Storage storage, std::size_t size) noexcept : storage_(std::move(storage)), size_(size) {}

  std::size_t checked(std::size_t at) const {
    if (at >= size_) throw std::out_of_range("muster::Results::at");
    return at;
  }

  detail::Storage storage_;
  std::size_t size_ = 0;
};

// Of a function that returns nothing: how many calls there were, and no memory.
template <>
class Results<void> {
 public:
  Results() = default;
  explicit Results(std::size_t size) noexcept : size_(size) {}
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  friend bool operator==(const Results&, const Results&) = default;

 private:
  std::size_t size_ = 0;
};

}  // namespace muster
