#include "parts/memory/spare_pages.hpp"

#include <algorithm>
#include <array>
#include <mutex>
#include <utility>

#include <muster/detail/lock_word.hpp>

#include "os/process.hpp"
#include "parts/memory/keeps.hpp"

namespace muster::memory {
namespace {

class SparePages {
 public:
  // None where no piece fits.
  os::Mapping take(std::size_t bytes) noexcept {
    const detail::LockGuard guard(lock_);
    for (std::size_t i = count_; i > 0; --i) {
      const std::size_t size = pieces_[i - 1].size();
      if (size >= bytes && size - bytes <= bytes / 4) return take_out(i - 1);
    }
    return {};
  }

  // Those that were given first make room. What does not fit is `gone`, and unmapped without the lock.
  void give(os::Mapping pages, std::array<os::Mapping, kMostPieces>& gone) noexcept {
    const detail::LockGuard guard(lock_);
    for (std::size_t i = 0; count_ > 0 && (count_ == kMostPieces || bytes_ + pages.size() > kMostKept); ++i) {
      gone[i] = take_out(0);
    }
    bytes_ += pages.size();
    pieces_[count_++] = std::move(pages);
  }

  void lock() noexcept { lock_.lock(); }
  void unlock() noexcept { lock_.unlock(); }

 private:
  os::Mapping take_out(std::size_t at) noexcept {
    os::Mapping taken = std::move(pieces_[at]);
    std::move(pieces_.begin() + static_cast<std::ptrdiff_t>(at) + 1,
              pieces_.begin() + static_cast<std::ptrdiff_t>(count_), pieces_.begin() + static_cast<std::ptrdiff_t>(at));
    --count_;
    bytes_ -= taken.size();
    return taken;
  }

  detail::PrivateLock lock_;
  std::array<os::Mapping, kMostPieces> pieces_;  // the one that was given last is the last
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
};

// Never destroyed: results may be static objects.
SparePages& spare_pages() noexcept {
  alignas(SparePages) static std::array<std::byte, sizeof(SparePages)> memory;
  static auto* const all = ::new (memory.data()) SparePages;
  return *all;
}

// A copy of the process finds them as they are between two calls.
[[maybe_unused]] const bool kAtForks =
    (os::at_forks([] { spare_pages().lock(); }, [] { spare_pages().unlock(); }, [] { spare_pages().unlock(); }), true);

}  // namespace

os::Mapping take_pages(std::size_t bytes) {
  if (os::Mapping used = spare_pages().take(bytes); used.data() != nullptr) return used;
  os::Mapping fresh = os::Mapping::anonymous(bytes, os::huge_page_size());
  fresh.advise_huge();
  return fresh;
}

void give_pages(os::Mapping pages) noexcept {
  if (!kKeeps || pages.size() > kMostKept || !pages.offer()) return;
  std::array<os::Mapping, kMostPieces> gone;
  spare_pages().give(std::move(pages), gone);
}

}  // namespace muster::memory
