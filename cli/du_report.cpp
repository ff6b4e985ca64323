#include "du_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "quoting.hpp"
#include "terminal.hpp"

namespace muster::cli {
namespace {

constexpr int kMostCells = 24;
constexpr int kFewestCells = 8;
constexpr int kNameColumns = 32;
constexpr std::string_view kRow = "{:>10}  {:>{}}  {:<{}}  {:>6}  {}\n";

double ratio(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

std::string human_size(std::uint64_t bytes) {
  constexpr std::array<const char*, 7> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  auto size = static_cast<double>(bytes);
  std::size_t unit = 0;
  // 1023.97 would be shown as 1024.0 of the smaller unit.
  while (size >= 1023.95 && unit + 1 < kUnits.size()) {
    size /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", size, kUnits[unit]);
}

std::string grouped(std::uint64_t number) {
  std::string text = fmt::to_string(number);
  for (std::size_t left = text.size(); left > 3; left -= 3) text.insert(left - 3, 1, ',');
  return text;
}

std::string progress_text(const Tally& tally, double seconds) {
  const auto entries = static_cast<double>(tally.folders + tally.files);
  const auto rate = seconds > 0 ? static_cast<std::uint64_t>(std::lround(entries / seconds)) : 0;
  return fmt::format("{} folders  {} files  {}  {}/s", grouped(tally.folders), grouped(tally.files),
                     human_size(tally.bytes), grouped(rate));
}

std::vector<FolderRef> largest(std::vector<FolderRef> folders, std::size_t count) {
  const auto deeper = [](const FolderRef& a, const FolderRef& b) { return a->depth() > b->depth(); };
  std::sort(folders.begin(), folders.end(), deeper);
  for (const FolderRef& folder : folders) {
    if (folder->parent() != nullptr) folder->parent()->add(folder->bytes());
  }
  const auto first = [](const FolderRef& a, const FolderRef& b) {
    return a->bytes() != b->bytes() ? a->bytes() > b->bytes() : a->comes_before(*b);
  };
  const auto end = folders.begin() + static_cast<std::ptrdiff_t>(std::min(count, folders.size()));
  std::partial_sort(folders.begin(), end, folders.end(), first);
  folders.erase(end, folders.end());
  return folders;
}

std::string bar_table(const std::vector<FolderRef>& folders, std::uint64_t total, int columns) {
  if (folders.empty()) return {};
  const std::uint64_t most = folders.front()->bytes();
  const std::size_t digits = std::max<std::size_t>(grouped(most).size(), 5);
  const int rest = 24 + static_cast<int>(digits) + kNameColumns;
  const int cells = std::clamp(columns - rest, kFewestCells, kMostCells);
  std::string text = fmt::format(kRow, "Size", "Bytes", digits, "", cells, "Share", "Folder");
  for (const FolderRef& folder : folders) {
    const std::uint64_t bytes = folder->bytes();
    text += fmt::format(kRow, human_size(bytes), grouped(bytes), digits, bar(ratio(bytes, most), cells), cells,
                        fmt::format("{:.1f}%", 100 * ratio(bytes, total)), printable(folder->path()));
  }
  return text;
}

}  // namespace muster::cli
