// The walk by processes: the tree, the claims and the sums are here, and parts of the tree travel.
//
// A worker walks its part until it has met so many entries, and returns what it found with what it left. That is cut
// into as many parts as there are workers without one. Parts begin small, so that all workers soon have one.

#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <iterator>
#include <map>
#include <mutex>
#include <unordered_map>
#include <utility>

#include <muster/process_pool.hpp>

#include "du_part.hpp"
#include "du_walk.hpp"
#include "du_walker.hpp"

namespace muster::cli {
namespace {

constexpr std::uint64_t kFirstBudget = 512;
constexpr std::uint64_t kLastBudget = 16384;
// Parts for each worker: one to work at, one to go on with.
constexpr std::size_t kPartsPerWorker = 2;

// Folders of one folder that are still to be entered, here.
struct Left {
  FolderRef folder;
  std::vector<std::string> names;
};
struct Load {
  std::vector<Left> lefts;  // the deepest last
  std::uint64_t budget;
};

// A load as it travels, and which folder each of its nodes is.
struct Packed {
  Part part;
  std::vector<FolderRef> folders;
};

// The folders above a load's, each once, and above all that they hold.
class Packer {
 public:
  explicit Packer(Packed& packed) : packed_(packed) {}
  std::int64_t place(const FolderRef& folder) {
    std::vector<FolderRef> way;
    for (FolderRef at = folder; at && !places_.contains(at.get()); at = FolderRef(at->parent())) way.push_back(at);
    for (auto next = way.rbegin(); next != way.rend(); ++next) add(*next);
    return places_.at(folder.get());
  }

 private:
  void add(const FolderRef& folder) {
    const auto above = folder->parent() != nullptr ? places_.at(folder->parent()) : -1;
    places_.emplace(folder.get(), static_cast<std::int64_t>(packed_.folders.size()));
    packed_.part.nodes.push_back({above, std::string(folder->name()), folder->id()});
    packed_.folders.push_back(folder);
  }

  Packed& packed_;
  std::unordered_map<const Folder*, std::int64_t> places_;
};

// Tells the thread that waits which of its parts are done.
class Arrivals {
 public:
  void push(std::uint64_t number) {
    const std::scoped_lock lock(mutex_);
    numbers_.push_back(number);
    some_.notify_one();
  }
  // Nothing after a while, too: there may have been an interrupt.
  std::optional<std::uint64_t> next() {
    std::unique_lock lock(mutex_);
    if (!some_.wait_for(lock, std::chrono::milliseconds(100), [this] { return !numbers_.empty(); })) return {};
    const std::uint64_t number = numbers_.front();
    numbers_.pop_front();
    return number;
  }

 private:
  std::mutex mutex_;
  std::condition_variable some_;
  std::deque<std::uint64_t> numbers_;
};

class ProcessWalk final : public Walk, private Site {
 public:
  ProcessWalk(const WalkOptions& wanted, int workers, StatusLine& line)
      : Walk(line), Site(wanted), wanted_(static_cast<std::size_t>(workers) * kPartsPerWorker), pool_(workers) {}

 private:
  struct Sent {
    Packed packed;
    AsyncResult<Found> result;
  };

  void walk(const std::string& path) override {
    ++rank;
    FolderRef root;
    {
      Walker first(*this);
      root = first.meet(AT_FDCWD, {}, path);
    }
    if (!root) return;
    queue_.push_back({{{root, {}}}, kFirstBudget});
    while (!InterruptGuard::interrupted() && (!queue_.empty() || !sent_.empty())) {
      while (!queue_.empty() && sent_.size() < wanted_) send_next();
      if (const auto number = arrivals_.next()) take(*number);
    }
    if (InterruptGuard::interrupted()) pool_.terminate();
    if (options.several_paths) counted_.push_back(root->id());
  }

  // The deepest load of all, so that few lie waiting.
  void send_next() {
    const Load load = std::move(queue_.back());
    queue_.pop_back();
    Packed packed{
        {.options = options, .device = device, .counted = counted_, .budget = load.budget, .nodes = {}, .rests = {}},
        {}};
    Packer packer(packed);
    for (const Left& left : load.lefts) packed.part.rests.push_back({packer.place(left.folder), left.names});
    const std::uint64_t number = ++numbers_;
    // What a worker found counts when it is taken, once; so a part that was lost may be walked again.
    auto result = pool_.with({.retries = 1}).apply_async(walk_part, packed.part);
    Sent& sent = sent_.emplace(number, Sent{std::move(packed), std::move(result)}).first->second;
    sent.result.callback([this, number](const Found& /*found*/) { arrivals_.push(number); })
        .error_callback([this, number](const std::exception_ptr& /*why*/) { arrivals_.push(number); });
  }

  void take(std::uint64_t number) {
    Sent sent = std::move(sent_.extract(number).mapped());
    const Found found = std::move(sent.result).get();
    for (const std::string& complaint : found.complaints) tell(complaint);
    std::vector<FolderRef>& folders = sent.packed.folders;
    Tally tally = found.tally;
    for (const Node& node : found.nodes) folders.push_back(settle(node, folders, tally));
    for (const Claimed& file : found.claimed) settle(file, folders, tally);
    totals_.add(tally);
    std::vector<Left> lefts;
    for (const Rest& rest : found.rests) {
      const FolderRef& folder = folders[static_cast<std::size_t>(rest.node)];
      if (folder) lefts.push_back({folder, rest.names});
    }
    share_out(std::move(lefts), std::min(2 * sent.packed.part.budget, kLastBudget));
  }

  // Null for a folder that was counted before, and for what lies in it.
  FolderRef settle(const Node& node, const std::vector<FolderRef>& folders, Tally& tally) {
    const FolderRef& above = folders[static_cast<std::size_t>(node.above)];
    if (!above || (options.several_paths && !claims_.claim(node.id, nullptr, 0))) {
      --tally.folders;
      tally.bytes -= node.bytes;
      return {};
    }
    FolderRef folder(new Folder(above, node.name, node.id));
    folder->add(node.bytes);
    if (options.by_folder) folders_.push_back(folder);
    return folder;
  }
  void settle(const Claimed& file, const std::vector<FolderRef>& folders, Tally& tally) {
    const FolderRef& folder = folders[static_cast<std::size_t>(file.node)];
    if (!folder || !claims_.claim(file.id, options.by_folder ? folder.get() : nullptr, file.bytes)) return;
    ++tally.files;
    tally.bytes += file.bytes;
  }

  // Cuts what is left into so many loads that each worker has some. The deepest goes first.
  void share_out(std::vector<Left> lefts, std::uint64_t budget) {
    std::size_t names = 0;
    for (const Left& left : lefts) names += left.names.size();
    if (names == 0) return;
    const std::size_t busy = sent_.size() + queue_.size();
    const std::size_t loads = std::min(names, wanted_ > busy ? wanted_ - busy : 1);
    const std::size_t share = (names + loads - 1) / loads;
    Load load{{}, budget};
    std::size_t room = share;
    for (Left& left : lefts) {
      for (std::size_t from = 0; from < left.names.size();) {
        const std::size_t count = std::min(room, left.names.size() - from);
        const auto begin = std::make_move_iterator(left.names.begin() + static_cast<std::ptrdiff_t>(from));
        load.lefts.push_back(
            {left.folder, std::vector<std::string>(begin, begin + static_cast<std::ptrdiff_t>(count))});
        from += count;
        room -= count;
        if (room > 0) continue;
        queue_.push_back(std::exchange(load, Load{{}, budget}));
        room = share;
      }
    }
    if (!load.lefts.empty()) queue_.push_back(std::move(load));
  }

  // ---- for the walker that looks at what the command line names ----
  bool enters(const FileId& folder) override { return !options.several_paths || claims_.claim(folder, nullptr, 0); }
  bool claim(const FileId& file, Folder* folder, std::uint64_t bytes) override {
    return claims_.claim(file, folder, bytes);
  }
  void add(const Tally& share) override { totals_.add(share); }
  void keep(std::vector<FolderRef> folders) override {
    if (options.by_folder) std::move(folders.begin(), folders.end(), std::back_inserter(folders_));
  }
  void report(std::string complaint) override { tell(complaint); }
  bool is_over(std::uint64_t /*entries*/) override { return InterruptGuard::interrupted(); }
  bool reserve_task() override { return false; }
  void post(std::function<void(Walker&)> /*task*/) override {}

  const std::size_t wanted_;
  std::vector<FileId> counted_;
  std::deque<Load> queue_;
  std::uint64_t numbers_ = 0;
  Arrivals arrivals_;
  std::map<std::uint64_t, Sent> sent_;
  muster::ProcessPool pool_;  // the last, so that its callbacks end before what they use
};

}  // namespace

std::unique_ptr<Walk> walk_by_processes(const WalkOptions& options, int workers, StatusLine& line) {
  return std::make_unique<ProcessWalk>(options, workers, line);
}

}  // namespace muster::cli
