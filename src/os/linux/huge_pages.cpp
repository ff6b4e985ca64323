#include "os/linux/huge_pages.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

#include "os/linux/populate.hpp"
#include "os/linux/read_file.hpp"
#include "os/os.hpp"

namespace muster::os {
namespace {

constexpr std::size_t kLargest = std::size_t{32} << 20U;
constexpr const char* kSettings = "/sys/kernel/mm/transparent_hugepage/";

// A machine whose memory is in small pieces looks for a large one in vain, for milliseconds each time. So whoever was
// refused asks no more for a while.
constexpr Nanos kRefusalHolds = 100'000'000;
constinit std::atomic<Nanos> g_refused_until{0};

// Whether the file has none of these pages, or but one, of somebody who is about to do the same as we. To put together
// what is there would be to copy it, which takes thirty times as long as to take a fresh huge page.
bool is_fresh(char* begin, std::size_t huge) noexcept {
  constexpr std::size_t kPage = 4096;
  std::array<unsigned char, kLargest / kPage> there;
  if (mincore(begin, huge, there.data()) != 0) return false;
  const auto pages = static_cast<std::ptrdiff_t>(huge / page_size());
  return std::count_if(there.begin(), there.begin() + pages, [](unsigned char page) { return (page & 1) != 0; }) <= 1;
}

// What the settings say of files is not asked: there they are off nearly everywhere, since programs would have got huge
// pages without a wish for them. This call is the wish, and was made to work whatever they say.
bool put_together(char* begin, std::size_t huge) noexcept {
  constexpr int kCollapse = 25;                                    // MADV_COLLAPSE, of Linux 6.1
  return madvise(begin, huge, kCollapse) == 0 || errno == EAGAIN;  // somebody else is at it, too
}

// Whether a setting is that, or cannot be read: one reads like "always [madvise] never", the choice in brackets.
bool chosen(const char* setting, std::string_view choice) {
  const std::string text = read_file(std::string(kSettings) + setting).value_or("");
  return text.empty() || text.find("[" + std::string(choice) + "]") != std::string::npos;
}

// Pages so large that nobody wants to take one for a few bytes (there are systems with 512 MiB) count as none.
std::size_t find_huge_file_page() noexcept {
  try {
    if (chosen("shmem_enabled", "deny")) return 0;
    const std::size_t size = huge_page_size();
    return size <= kLargest ? size : 0;
  } catch (const std::exception&) {
    return 0;
  }
}

}  // namespace

std::size_t huge_page_size() noexcept {
  try {
    if (chosen("enabled", "never")) return 0;
    const std::string text = read_file(std::string(kSettings) + "hpage_pmd_size").value_or("");
    std::size_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  } catch (const std::exception&) {
    return 0;
  }
}

// No static object of the function's: a copy of the process that is made while another thread initializes it would wait
// for that for ever.
std::size_t huge_file_page() noexcept {
  constexpr std::size_t kUnknown = SIZE_MAX;
  constinit static std::atomic<std::size_t> known{kUnknown};
  std::size_t size = known.load(std::memory_order_relaxed);
  if (size == kUnknown) known.store(size = find_huge_file_page(), std::memory_order_relaxed);
  return size;
}

void take_huge_pages(char* begin, char* end) noexcept {
  const std::size_t huge = may_hold_huge_page(static_cast<std::size_t>(end - begin)) ? huge_file_page() : 0;
  if (huge == 0 || static_cast<std::size_t>(end - begin) < huge) return;
  const std::size_t past = reinterpret_cast<std::uintptr_t>(begin) % huge;
  begin += past == 0 ? 0 : huge - past;
  if (now() < g_refused_until.load(std::memory_order_relaxed)) return;
  for (; begin < end && static_cast<std::size_t>(end - begin) >= huge; begin += huge) {
    if (!is_fresh(begin, huge)) continue;
    // Without a page of it, and so a table for it, in this process there is nothing that could be put together.
    if (populate(begin, page_size()) != 0) return;
    if (!put_together(begin, huge)) {
      g_refused_until.store(now() + kRefusalHolds, std::memory_order_relaxed);
      return;
    }
  }
}

}  // namespace muster::os
