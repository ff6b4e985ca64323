#pragma once
// How many items a worker takes from a loop at once: few at first, then as many as take about kTarget, and fewer again
// towards the end, so that all workers end together.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <muster/detail/task.hpp>

namespace muster::engine::thread {

class Stride {
 public:
  // `sharers`: how many workers there are to share what is left. `first`: how many items to begin with. `least`: a fair
  // share is no less. `measures`: leaves the loop's pace behind.
  Stride(const detail::Loop& loop, int sharers, std::size_t first, std::size_t least = 1, bool measures = true) noexcept
      : loop_(loop), sharers_(static_cast<std::size_t>(sharers)), least_(least), measures_(measures), want_(first) {}
  ~Stride() {
    if (measures_ && items_ > 0) learn(loop_, items_, nanos_);
  }
  Stride(const Stride&) = delete;
  Stride& operator=(const Stride&) = delete;

  // Where the chunk that begins at `begin` ends; begin < size.
  std::size_t end_of(std::size_t begin) const noexcept {
    const std::size_t left = loop_.size - begin;
    if (loop_.chunk > 0) return begin + std::min(loop_.chunk, left);
    std::size_t want = std::min(want_, fair_share(left));
    if (loop_.page > 0 && want >= loop_.page / 4 && want < loop_.page) want = loop_.page;
    if (want >= left) return loop_.size;
    const std::size_t edge = loop_.page > 0 && want >= loop_.page ? loop_.page : loop_.align;
    const std::size_t end = begin + want;
    return want >= edge ? end - end % edge : end;
  }

  // A chunk of `items` took so long.
  void ran(std::size_t items, detail::Nanos took) noexcept {
    items_ += items;
    nanos_ += static_cast<std::uint64_t>(took);
    const std::size_t most = items > SIZE_MAX / kGrowth ? SIZE_MAX : items * kGrowth;
    const double fit = static_cast<double>(items) * static_cast<double>(kTarget) / static_cast<double>(took + 1);
    want_ = fit >= static_cast<double>(most) ? most : std::max<std::size_t>(1, static_cast<std::size_t>(fit));
  }

  // For one of `workers` that share a loop. A tiny one is over before anything is measured: it is cut by what its items
  // cost before, and not into pieces that are not worth going for. Of the tiniest, everybody takes his whole share:
  // what better pieces could save is less than to have them in another core's cache the next time.
  static Stride shared(const detail::Loop& loop, int workers) noexcept {
    const detail::Nanos all = expected(loop);
    if (all >= kTiny) return Stride(loop, workers, first(loop));
    const std::size_t share = all < kTiniest ? loop.size / static_cast<std::size_t>(workers) : 1;
    // Most of the time may be what sharing costs: nothing is learned of the pace.
    return Stride(loop, workers, loop.size, std::max(share, first(loop)), false);
  }
  // The end of the first chunk of whoever shares its loop with others, from `begin` on. A tiny loop's is a full share:
  // the same part each time, so that it finds in its cache what it left there.
  static std::size_t first_end(const detail::Loop& loop, std::size_t begin, int workers) noexcept {
    if (begin >= loop.size) return begin;
    if (expected(loop) >= kTiny) return shared(loop, workers).end_of(begin);
    const std::size_t share = (loop.size - begin) / static_cast<std::size_t>(workers);
    return Stride(loop, 1, std::max(share, first(loop))).end_of(begin);
  }
  // The end of the first half of a tiny loop, whose second half begins and ends later by what it takes to hand it over:
  // so the first is longer by half of that.
  static std::size_t half_end(const detail::Loop& loop) noexcept {
    const std::size_t lead = std::min(worth(loop, kLead), loop.size / 8);
    return Stride(loop, 1, std::max<std::size_t>(1, loop.size / 2 + lead)).end_of(0);
  }
  // For one who begins it alone, and may call the others yet: what is left for them is most of it in any case.
  static Stride alone(const detail::Loop& loop, int workers) noexcept {
    const std::size_t part = loop.size / (4 * static_cast<std::size_t>(workers));
    return Stride(loop, 1, std::min(first(loop), std::max<std::size_t>(1, part)));
  }

  // A loop of so many sharers took so long, which says little of its items where most of it may be what sharing costs.
  // But they are dearer than they were if it was not tiny, and cheaper if all sharers together took less than was
  // `expected`.
  static void correct(const detail::Loop& loop, detail::Nanos took, int sharers, detail::Nanos expected) noexcept {
    const detail::Nanos most = took * sharers;
    if (took >= kTiny) {
      learn(loop, loop.size, static_cast<std::uint64_t>(took));
    } else if (most < expected) {
      learn(loop, loop.size, static_cast<std::uint64_t>(most));
    }
  }

  // What takes less in all is tiny.
  static constexpr detail::Nanos kTiny = 20'000;
  // And the tiniest.
  static constexpr detail::Nanos kTiniest = 10'000;

  // What a loop of known pace would take in all, in nanoseconds; kForever when nothing is known.
  static detail::Nanos expected(const detail::Loop& loop) noexcept {
    const std::uint64_t pace = loop.pace != nullptr ? loop.pace->load(std::memory_order_relaxed) : 0;
    if (pace == 0) return detail::kForever;
    const double nanos = static_cast<double>(pace) * static_cast<double>(loop.size) / 1000.0;
    return nanos < 1e18 ? static_cast<detail::Nanos>(nanos) : detail::kForever;
  }

 private:
  static constexpr detail::Nanos kTarget = 50'000;
  static constexpr detail::Nanos kFirst = 400;
  static constexpr detail::Nanos kLead = 320;  // half of: there, what is done first there, and back
  static constexpr std::size_t kGrowth = 16;

  static void learn(const detail::Loop& loop, std::uint64_t items, std::uint64_t nanos) noexcept {
    if (loop.pace == nullptr) return;
    loop.pace->store(std::max<std::uint64_t>(1, picoseconds(nanos) / items), std::memory_order_relaxed);
  }
  // What to begin with: much less than the loop's known pace suggests, since these items may be harder.
  static std::size_t first(const detail::Loop& loop) noexcept { return std::max<std::size_t>(1, worth(loop, kFirst)); }
  // How many items take so long, as far as is known.
  static std::size_t worth(const detail::Loop& loop, std::uint64_t nanos) noexcept {
    const std::uint64_t pace = loop.pace != nullptr ? loop.pace->load(std::memory_order_relaxed) : 0;
    return pace == 0 ? 0 : static_cast<std::size_t>(picoseconds(nanos) / pace);
  }
  static std::uint64_t picoseconds(std::uint64_t nanos) noexcept {
    return nanos > UINT64_MAX / 1000 ? UINT64_MAX : nanos * 1000;
  }
  // No chunk is larger than half of what each sharer would get of the rest.
  std::size_t fair_share(std::size_t left) const noexcept {
    return sharers_ == 1 ? left : std::max(least_, left / (2 * sharers_));
  }

  const detail::Loop& loop_;
  const std::size_t sharers_;
  const std::size_t least_;
  const bool measures_;
  std::size_t want_;
  std::uint64_t items_ = 0;
  std::uint64_t nanos_ = 0;
};

}  // namespace muster::engine::thread
