#include "du_folder.hpp"

#include <vector>

namespace muster::cli {

FolderRef::FolderRef(Folder* folder) : folder_(folder) {
  if (folder_ != nullptr) folder_->references_.fetch_add(1, std::memory_order_relaxed);
}

// A loop, not a recursion: the last folder of a long chain takes all of it along.
void FolderRef::release(Folder* folder) {
  while (folder != nullptr && folder->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    Folder* parent = std::exchange(folder->parent_.folder_, nullptr);
    delete folder;
    folder = parent;
  }
}

Folder::Folder(std::string_view path, FileId id, std::size_t rank) : jump_(this), rank_(rank), id_(id), name_(path) {}

// A skew-binary jump pointer: two equal jumps in a row are merged into one of double length.
Folder::Folder(FolderRef parent, std::string_view name, FileId id)
    : parent_(std::move(parent)), depth_(parent_->depth_ + 1), rank_(parent_->rank_), id_(id), name_(name) {
  const Folder* middle = parent_->jump_;
  const Folder* far = middle->jump_;
  jump_ = parent_->depth_ - middle->depth_ == middle->depth_ - far->depth_ ? far : parent_.get();
}

std::string Folder::path(std::string_view name) const {
  std::vector<std::string_view> names;
  if (!name.empty()) names.push_back(name);
  for (const Folder* folder = this; folder != nullptr; folder = folder->parent()) names.push_back(folder->name_);
  std::string text(names.back());
  for (auto next = names.rbegin() + 1; next != names.rend(); ++next) {
    if (!text.ends_with('/')) text += '/';
    text += *next;
  }
  return text;
}

bool Folder::is_loop() const {
  for (const Folder* above = parent(); above != nullptr; above = above->parent()) {
    if (above->id_ == id_) return true;
  }
  return false;
}

const Folder* Folder::ancestor_at(std::size_t depth) const {
  const Folder* folder = this;
  while (folder->depth_ > depth) folder = folder->jump_->depth_ >= depth ? folder->jump_ : folder->parent();
  return folder;
}

bool Folder::comes_before(const Folder& other) const {
  if (rank_ != other.rank_) return rank_ < other.rank_;
  const Folder* left = ancestor_at(other.depth_);
  const Folder* right = other.ancestor_at(depth_);
  if (left == right) return depth_ < other.depth_;  // one contains the other
  while (left->parent() != right->parent()) {
    // Folders of one depth jump equally far.
    const bool far = left->jump_ != right->jump_;
    left = far ? left->jump_ : left->parent();
    right = far ? right->jump_ : right->parent();
  }
  return left->name_ < right->name_;
}

}  // namespace muster::cli
