#pragma once
// A part of a walk on its way to a worker process, and what comes back: plain values, since nothing is shared.

#include <cstdint>
#include <string>
#include <vector>

#include "du_folder.hpp"
#include "du_tally.hpp"
#include "du_walk.hpp"

namespace muster::cli {

// A folder, by its place among the nodes of a part.
struct Node {
  std::int64_t above;  // the place of the one that it lies in; -1: the command line names it
  std::string name;
  FileId id;
  std::uint64_t bytes = 0;  // of what was found: the folder's own, and those of its files that nobody can claim twice
};

// Folders in a folder that are still to be entered; without names: it is still to be read itself.
struct Rest {
  std::int64_t node;
  std::vector<std::string> names;
};

struct Part {
  WalkOptions options;
  dev_t device;
  std::vector<FileId> counted;  // folders that were paths before: they are not entered
  std::uint64_t budget;         // entries after which the rest comes back
  std::vector<Node> nodes;      // what lies above comes first
  std::vector<Rest> rests;      // the deepest last
};

// A file that counts once, wherever it is met.
struct Claimed {
  std::int64_t node;
  FileId id;
  std::uint64_t bytes;
};

struct Found {
  Tally tally;              // all but what is claimed
  std::vector<Node> nodes;  // that were met; their places follow those of the part's
  std::vector<Claimed> claimed;
  std::vector<Rest> rests;  // with places in both
  std::vector<std::string> complaints;
};

// Walks until all is done, or the budget spent.
Found walk_part(const Part& part);

}  // namespace muster::cli
