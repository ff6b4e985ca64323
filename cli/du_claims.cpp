#include "du_claims.hpp"

#include <mutex>
#include <utility>

namespace muster::cli {
namespace {

constexpr std::size_t kFirstSlots = 64;

// No file: it would be the last one of the last device.
constexpr FileId kNobody{~dev_t{0}, ~ino_t{0}};

// Inode numbers come in runs and strides; this spreads them over all bits, the lowest and the highest too.
std::size_t hash_of(const FileId& id) {
  std::uint64_t bits = id.inode ^ (id.device << 40U);
  bits = (bits ^ (bits >> 32U)) * 0x9e3779b97f4a7c15U;
  return (bits ^ (bits >> 29U)) * 0xbf58476d1ce4e5b9U >> 7U;
}

}  // namespace

bool ClaimTable::claim(const FileId& id, std::size_t hash, Folder* folder, std::uint64_t bytes) {
  if (taken_ * 4 >= ids_.size() * 3) grow();
  const std::size_t slot = slot_of(id, hash);
  if (ids_[slot] == id) {
    if (folder != nullptr) contest(slot, folder);
    return false;
  }
  ids_[slot] = id;
  ++taken_;
  if (folder == nullptr) return true;
  if (claims_.empty()) claims_.resize(ids_.size());
  claims_[slot] = {folder, bytes};
  return true;
}

// What the command line itself named lies in no folder, and stays there.
void ClaimTable::contest(std::size_t slot, Folder* folder) {
  if (claims_.empty() || claims_[slot].folder == nullptr) return;
  if (folder->comes_before(*claims_[slot].folder)) claims_[slot].folder = folder;
}

void ClaimTable::settle() const {
  for (const Claim& claim : claims_) {
    if (claim.folder != nullptr) claim.folder->add(claim.bytes);
  }
}

std::size_t ClaimTable::slot_of(const FileId& id, std::size_t hash) const {
  const std::size_t mask = ids_.size() - 1;
  std::size_t slot = hash & mask;
  while (!(ids_[slot] == id) && !(ids_[slot] == kNobody)) slot = (slot + 1) & mask;
  return slot;
}

void ClaimTable::grow() {
  const std::size_t slots = ids_.empty() ? kFirstSlots : ids_.size() * 2;
  const std::vector<FileId> ids = std::exchange(ids_, std::vector<FileId>(slots, kNobody));
  const std::vector<Claim> claims = std::exchange(claims_, std::vector<Claim>(claims_.empty() ? 0 : slots));
  for (std::size_t old = 0; old < ids.size(); ++old) {
    if (ids[old] == kNobody) continue;
    const std::size_t slot = slot_of(ids[old], hash_of(ids[old]));
    ids_[slot] = ids[old];
    if (!claims.empty()) claims_[slot] = claims[old];
  }
}

bool Claims::claim(const FileId& id, Folder* folder, std::uint64_t bytes) {
  const std::size_t hash = hash_of(id);
  // Other bits than the table takes.
  Shard& shard = shards_[(hash >> 48U) % kShards];
  const std::scoped_lock lock(shard.lock);
  return shard.table.claim(id, hash, folder, bytes);
}

void Claims::settle() const {
  for (const Shard& shard : shards_) shard.table.settle();
}

}  // namespace muster::cli
