#pragma once
// Huge pages of shared files.

#include <cstddef>

#include "os/os.hpp"

namespace muster::os {

// Whether so many bytes can be a huge page at all: one is what a page full of entries, of 8 bytes at most, can map. A
// small piece of memory asks the system nothing.
inline bool may_hold_huge_page(std::size_t bytes) noexcept { return bytes / page_size() >= page_size() / 8; }

// Takes the whole huge pages in [begin, end) of a shared file's mapping that may be written and lies in memory as it
// does in the file, as far as there are such pages to be had: what it does not take is as it was.
void take_huge_pages(char* begin, char* end) noexcept;

}  // namespace muster::os
