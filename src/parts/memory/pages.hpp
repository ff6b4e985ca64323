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
      : memory_(std::move(memory)), taken_(memory_.size() / kUnit + 1, taken) {}

  std::byte* data() const noexcept { return static_cast<std::byte*>(memory_.data()); }
  std::size_t size() const noexcept { return memory_.size(); }
  int descriptor() const noexcept { return memory_.descriptor(); }
  // Makes sure that bytes [begin, end) can be written. Throws std::bad_alloc.
  void take(std::size_t begin, std::size_t end) {
    if (end > size()) throw std::bad_alloc();
    for (std::size_t unit = begin / kUnit; unit * kUnit < end; ++unit) {
      if (taken_[unit]) continue;
      std::size_t last = unit;
      while ((last + 1) * kUnit < end && !taken_[last + 1]) ++last;
      memory_.take_pages(unit * kUnit, (last + 1 - unit) * kUnit);
      for (; unit < last; ++unit) taken_[unit] = true;
      taken_[unit] = true;
    }
  }
  void forget_changes() noexcept { memory_.forget_changes(); }

 private:
  static constexpr std::size_t kUnit = std::size_t{64} << 10U;

  os::Mapping memory_;
  std::vector<bool> taken_;
};

}  // namespace muster::memory
