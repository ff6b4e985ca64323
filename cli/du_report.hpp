#pragma once
// What a walk has counted, as text.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "du_folder.hpp"
#include "du_tally.hpp"

namespace muster::cli {

// "1.5 GiB".
std::string human_size(std::uint64_t bytes);

// "1,234,567".
std::string grouped(std::uint64_t number);

// The state of a walk in a line, at its pace over the time it took so far.
std::string progress_text(const Tally& tally, double seconds);

// Turns the bytes that lie in each of `folders` itself into those of all that lies below it, and returns the `count`
// largest: the largest first, equal ones in their order. Every folder's parent has to be among `folders`.
std::vector<FolderRef> largest(std::vector<FolderRef> folders, std::size_t count);

// A line with a bar for each of `folders`, the largest of which comes first; the bars are to fit into `columns`
// beside the numbers and a name of fair length. Shares are those of `total`.
std::string bar_table(const std::vector<FolderRef>& folders, std::uint64_t total, int columns);

}  // namespace muster::cli
