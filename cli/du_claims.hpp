#pragma once
// Which files were counted before: those that have, or may have, more than one name.

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <muster/lock.hpp>

#include "du_folder.hpp"

namespace muster::cli {

// A set of files, each with the folder that it counts for if folders are kept. Made for millions: a slot takes 16
// bytes, or 32 with the folder, and lies where a probe soon finds it.
class ClaimTable {
 public:
  // True if the file is new. Of all folders that claim it, the first in order keeps it.
  bool claim(const FileId& id, std::size_t hash, Folder* folder, std::uint64_t bytes);

  // Adds each file's bytes to its folder.
  void settle() const;

 private:
  struct Claim {
    Folder* folder = nullptr;
    std::uint64_t bytes = 0;
  };

  std::size_t slot_of(const FileId& id, std::size_t hash) const;
  void contest(std::size_t slot, Folder* folder);
  void grow();

  std::vector<FileId> ids_;    // as many as a power of two, at most three quarters of them taken
  std::vector<Claim> claims_;  // beside ids_, or empty as long as there are no folders
  std::size_t taken_ = 0;
};

// The same for many workers at once. Each file is counted once, and for the folder that comes first in order: which
// one the workers meet first is chance.
class Claims {
 public:
  // True if the file is met for the first time, so that its bytes are to be added to the sums. `folder` stands for
  // it if that comes first; it may be null, and else has to live until `settle`.
  bool claim(const FileId& id, Folder* folder, std::uint64_t bytes);

  // Adds each file's bytes to its folder. Nobody may claim any more.
  void settle() const;

 private:
  // Enough that two workers seldom want the same one.
  static constexpr std::size_t kShards = 64;
  struct alignas(64) Shard {
    muster::threading::Lock lock;
    ClaimTable table;
  };

  std::array<Shard, kShards> shards_;
};

}  // namespace muster::cli
