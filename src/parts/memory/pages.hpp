#pragma once
// Shared memory whose pages are taken as it is used.

#include <cstddef>
#include <new>
#include <utility>
#include <vector>

#include "os/os.hpp"

namespace muster::memory {

// Knows which pages this process has taken. To write to one that nobody has taken may end the process; and to take them
// one by one costs three times as much as many at once.
class Pages {
 public:
  // `taken`: all are there already.
  explicit Pages(os::Mapping memory, bool taken = false)
      : memory_(std::move(memory)), unit_(unit_of(memory_.size())), taken_(memory_.size() / unit_ + 1, taken) {}

  std::byte* data() const noexcept { return static_cast<std::byte*>(memory_.data()); }
  std::size_t size() const noexcept { return memory_.size(); }
  int descriptor() const noexcept { return memory_.descriptor(); }
  // Makes sure that bytes [begin, end) can be written. Throws std::bad_alloc.
  void take(std::size_t begin, std::size_t end) {
    if (end > size()) throw std::bad_alloc();
    for (std::size_t unit = begin / unit_; unit * unit_ < end; ++unit) {
      if (taken_[unit]) continue;
      std::size_t last = unit;
      while ((last + 1) * unit_ < end && !taken_[last + 1]) ++last;
      memory_.take_pages(unit * unit_, (last + 1 - unit) * unit_);
      for (; unit < last; ++unit) taken_[unit] = true;
      taken_[unit] = true;
    }
  }
  void forget_changes() noexcept { memory_.forget_changes(); }

 private:
  // What is large is taken in huge pages, where there are such.
  static std::size_t unit_of(std::size_t size) noexcept {
    constexpr std::size_t kSmall = std::size_t{64} << 10U;
    const std::size_t huge = os::huge_file_page();
    return huge > kSmall && size >= huge ? huge : kSmall;
  }

  os::Mapping memory_;
  std::size_t unit_;
  std::vector<bool> taken_;
};

}  // namespace muster::memory
