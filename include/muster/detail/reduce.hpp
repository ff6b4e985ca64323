#pragma once
// Reductions whose result depends on nothing but the items and their number: they are cut into blocks by their number
// alone, each block is folded from left to right, and neighbours are combined, pair by pair.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <utility>

#include <muster/detail/map_work.hpp>

namespace muster::detail {

struct Blocks {
  // So many that large pools have enough of them, and so few that combining them is nothing beside folding them.
  static constexpr std::size_t kMost = 1024;

  explicit Blocks(std::size_t items) noexcept
      : items_(items),
        length_(std::max<std::size_t>(1, items / kMost + (items % kMost != 0 ? 1 : 0))),
        count_(items / length_ + (items % length_ != 0 ? 1 : 0)) {}

  std::size_t count() const noexcept { return count_; }
  std::size_t begin(std::size_t block) const noexcept { return block * length_; }
  std::size_t end(std::size_t block) const noexcept { return std::min(items_, begin(block) + length_); }

 private:
  std::size_t items_;
  std::size_t length_;
  std::size_t count_;
};

// Folds one block of `source`.
template <class T, class Op, class Source>
auto folder(const Op& op, Source& source, const Blocks& blocks) {
  return [&op, &source, blocks](std::size_t block) -> T {
    inner_t<Op> combine = op;
    inner_source_t<Source> from = source;
    std::size_t i = blocks.begin(block);
    const std::size_t end = blocks.end(block);
    T folded(from.at(i));
    for (++i; i < end; ++i) folded = std::invoke(combine, std::move(folded), from.at(i));
    return folded;
  };
}

// Of results that lie `step` apart: combines the pair-th two.
template <class T, class Op>
auto combiner(const Op& op, T* results, std::size_t step) {
  return [&op, results, step](std::size_t pair) {
    T& left = results[2 * step * pair];
    left = std::invoke(op, std::move(left), std::move(results[2 * step * pair + step]));
  };
}

}  // namespace muster::detail
