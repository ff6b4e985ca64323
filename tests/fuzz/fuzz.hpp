#pragma once
// What each fuzzing target is made of: `play`, which takes any bytes and returns. A finding is whatever ends the
// process instead: a sanitizer, a signal, an exception, `require`.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <type_traits>

namespace muster::fuzz {

// Defined by the target.
void play(std::span<const std::byte> input);

inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: %s\n", what);
  std::abort();
}

// Takes an input apart, from its front. Behind its end all is 0.
class Choices {
 public:
  explicit Choices(std::span<const std::byte> input) noexcept : left_(input) {}

  bool over() const noexcept { return left_.empty(); }
  template <class T>
    requires std::is_integral_v<T>
  T number() noexcept {
    T value = 0;
    const auto from = bytes(sizeof value);
    if (!from.empty()) std::memcpy(&value, from.data(), from.size());
    return value;
  }
  // One of [0, end), from one byte.
  std::size_t below(std::size_t end) noexcept { return number<std::uint8_t>() % end; }
  // The next `most` bytes, or as many as there are.
  std::span<const std::byte> bytes(std::size_t most) noexcept {
    const auto taken = left_.first(std::min(most, left_.size()));
    left_ = left_.subspan(taken.size());
    return taken;
  }
  std::span<const std::byte> rest() noexcept { return bytes(left_.size()); }

 private:
  std::span<const std::byte> left_;
};

// Has every byte looked at, as a decoder would.
inline void touch(std::span<const std::byte> bytes) noexcept {
  std::byte all{};
  for (const std::byte byte : bytes) all ^= byte;
  [[maybe_unused]] volatile std::byte kept = all;
}

// Whether `part` lies within `whole`.
inline bool within(std::span<const std::byte> part, std::span<const std::byte> whole) noexcept {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

}  // namespace muster::fuzz
