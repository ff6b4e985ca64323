#pragma once
// Huge pages of shared files.

namespace muster::os {

// Takes the whole huge pages in [begin, end) of a shared file's mapping that may be written and lies in memory as it
// does in the file, as far as there are such pages to be had: what it does not take is as it was.
void take_huge_pages(char* begin, char* end) noexcept;

}  // namespace muster::os
