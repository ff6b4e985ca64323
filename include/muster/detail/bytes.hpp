#pragma once
// Bytes on their way to another process and back: what encodings write to and read from.

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <type_traits>

#include <muster/detail/export.hpp>
#include <muster/detail/landing.hpp>

namespace muster::detail {

// Takes bytes in order. Whoever owns the memory behind it derives from it and makes more when it is full.
class MUSTER_EXPORT Writer {
 public:
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Throws std::bad_alloc, here and below, when there is no more memory to be had.
  void write(const void* from, std::size_t size) {
    if (size > 0) std::memcpy(take(size), from, size);
  }
  template <class T>
    requires std::is_trivially_copyable_v<T>
  void plain(const T& value) {
    std::memcpy(take(sizeof value), &value, sizeof value);
  }
  // `size` bytes, to be filled by the caller before the next call. Not aligned.
  std::byte* take(std::size_t size) {
    if (size > static_cast<std::size_t>(end_ - at_)) more(size);
    std::byte* const taken = at_;
    at_ += size;
    return taken;
  }
  // Sends along memory that the bytes speak of; it stays until they were read. Throws NotSerializable where that cannot
  // be.
  virtual void attach(std::shared_ptr<Landing> memory);
  // How many bytes were written so far.
  std::size_t size() const noexcept { return static_cast<std::size_t>(at_ - begin_); }
  // Forgets what was written after the first `size` bytes: of a value that turned out not to be writable.
  void shrink(std::size_t size) noexcept { at_ = begin_ + size; }

 protected:
  Writer() = default;
  ~Writer() = default;

  // Moves [begin_, end_) to memory with room for `size` bytes more, with what was written. at_ moves along.
  virtual void more(std::size_t size) = 0;

  std::byte* begin_ = nullptr;
  std::byte* at_ = nullptr;
  std::byte* end_ = nullptr;
};

// Gives bytes in order. What is behind it may have been written by a process that was dying: every read is checked.
class MUSTER_EXPORT Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) noexcept : at_(bytes.data()), end_(at_ + bytes.size()) {}

  void read(void* to, std::size_t size) {
    const std::byte* const from = take(size);
    if (size > 0) std::memcpy(to, from, size);
  }
  template <class T>
    requires std::is_trivially_copyable_v<T>
  T plain() {
    T value;
    std::memcpy(&value, take(sizeof value), sizeof value);
    return value;
  }
  // The next `size` bytes, where they lie. Throws NotSerializable when there are not so many.
  const std::byte* take(std::size_t size) {
    if (size > left()) ends_early();
    const std::byte* const taken = at_;
    at_ += size;
    return taken;
  }
  std::size_t left() const noexcept { return static_cast<std::size_t>(end_ - at_); }

 private:
  [[noreturn]] static void ends_early();

  const std::byte* at_;
  const std::byte* end_;
};

}  // namespace muster::detail
