#include "du_tally.hpp"

namespace muster::cli {

void Totals::add(const Tally& share) {
  bytes_.fetch_add(share.bytes, std::memory_order_relaxed);
  folders_.fetch_add(share.folders, std::memory_order_relaxed);
  files_.fetch_add(share.files, std::memory_order_relaxed);
}

Tally Totals::read() const {
  return {.bytes = bytes_.load(std::memory_order_relaxed),
          .folders = folders_.load(std::memory_order_relaxed),
          .files = files_.load(std::memory_order_relaxed)};
}

}  // namespace muster::cli
