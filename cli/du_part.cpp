#include "du_part.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <unordered_map>
#include <utility>

#include "du_walker.hpp"

namespace muster::cli {
namespace {

class PartSite final : public Site {
 public:
  explicit PartSite(const Part& part) : Site(with_folders(part.options)), part_(part) {
    device = part.device;
    for (const Node& node : part.nodes) {
      register_folder(node.above < 0 ? FolderRef(new Folder(node.name, node.id, 0))
                                     : FolderRef(new Folder(at(node.above), node.name, node.id)));
    }
  }

  const FolderRef& at(std::int64_t place) const { return folders_[static_cast<std::size_t>(place)]; }

  Found take(const std::vector<Pending>& stack) {
    for (std::size_t place = part_.nodes.size(); place < folders_.size(); ++place) {
      const Folder& folder = *folders_[place];
      found_.nodes.push_back({places_.at(folder.parent()), std::string(folder.name()), folder.id(), folder.bytes()});
    }
    for (const Pending& pending : stack) {
      Rest rest{places_.at(pending.folder.get()), {}};
      for (Pending left = pending; !left.empty(); left.pop()) rest.names.emplace_back(left.front());
      found_.rests.push_back(std::move(rest));
    }
    for (const auto& [folder, id, bytes] : claimed_) found_.claimed.push_back({places_.at(folder), id, bytes});
    return std::move(found_);
  }

  bool enters(const FileId& folder) override {
    return std::find(part_.counted.begin(), part_.counted.end(), folder) == part_.counted.end();
  }
  // Whether it is new, nobody knows here.
  bool claim(const FileId& file, Folder* folder, std::uint64_t bytes) override {
    claimed_.push_back({folder, file, bytes});
    ++entries_;
    return false;
  }
  void add(const Tally& share) override {
    found_.tally.bytes += share.bytes;
    found_.tally.files += share.files;
    found_.tally.folders += share.folders;
    entries_ += share.files + share.folders;
  }
  void keep(std::vector<FolderRef> folders) override {
    for (FolderRef& folder : folders) register_folder(std::move(folder));
  }
  void report(std::string complaint) override { found_.complaints.push_back(std::move(complaint)); }
  bool is_over(std::uint64_t entries) override { return entries_ + entries >= part_.budget; }
  bool reserve_task() override { return false; }
  void post(std::function<void(Walker&)> /*task*/) override {}

 private:
  struct Claim {
    const Folder* folder;
    FileId id;
    std::uint64_t bytes;
  };

  static WalkOptions with_folders(WalkOptions options) {
    options.by_folder = true;
    return options;
  }
  void register_folder(FolderRef folder) {
    places_.emplace(folder.get(), static_cast<std::int64_t>(folders_.size()));
    folders_.push_back(std::move(folder));
  }

  const Part& part_;
  Found found_;
  std::vector<FolderRef> folders_;
  std::unordered_map<const Folder*, std::int64_t> places_;
  std::vector<Claim> claimed_;
  std::uint64_t entries_ = 0;
};

// Opens a folder from its root down, for no path may be that long. Null, once it has been told, if that fails.
SharedDescriptor reopen(PartSite& site, const Part& part, std::int64_t place) {
  std::vector<const Node*> way;
  for (std::int64_t at = place; at >= 0; at = part.nodes[static_cast<std::size_t>(at)].above) {
    way.push_back(&part.nodes[static_cast<std::size_t>(at)]);
  }
  Descriptor opened(AT_FDCWD);
  for (auto next = way.rbegin(); next != way.rend(); ++next) {
    opened = open_folder(next == way.rbegin() ? AT_FDCWD : opened.number(), (*next)->name.c_str());
    if (opened.is_open()) continue;
    const int error = errno;
    site.complain(way.size() == 1 ? "cannot read directory" : "cannot return to", site.at(place)->path(), error);
    return nullptr;
  }
  if (is_same(opened.number(), way.front()->id)) return std::make_shared<const Descriptor>(std::move(opened));
  site.complain("cannot return to", site.at(place)->path(), ESTALE);
  return nullptr;
}

std::vector<Pending> stack_of(const PartSite& site, const Part& part) {
  std::vector<Pending> stack;
  for (const Rest& rest : part.rests) {
    Pending pending{site.at(rest.node), nullptr, {}};
    for (const std::string& name : rest.names) pending.push(name.c_str());
    stack.push_back(std::move(pending));
  }
  return stack;
}

}  // namespace

Found walk_part(const Part& part) {
  PartSite site(part);
  std::vector<Pending> left;
  if (const SharedDescriptor at = reopen(site, part, part.rests.back().node)) {
    Walker walker(site);
    if (part.rests.back().names.empty()) {
      walker.walk_from(site.at(part.rests.back().node), at);
    } else {
      walker.resume(stack_of(site, part), at);
    }
    left = walker.leave();
  } else {
    left = stack_of(site, part);
    left.pop_back();  // what lies above it may well be there
  }
  return site.take(left);
}

}  // namespace muster::cli
