#pragma once
// One task of a walk: it walks a part of the tree depth first, on a stack of its own.
//
// Of the folders on the stack only the uppermost few are open. To one further down it finds its way back by `..`
// from where it is, and checks that it has come to the right place.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "du_walk.hpp"

namespace muster::cli {

class Walker {
 public:
  explicit Walker(Walk& walk) : walk_(walk) {}
  ~Walker() { hand_in(); }
  Walker(const Walker&) = delete;
  Walker& operator=(const Walker&) = delete;

  // Counts what the command line names, and posts the task that walks through it if it is a folder.
  void start(const std::string& path);

 private:
  // A folder through which another was opened, so `..` leads up from it.
  struct Place {
    FolderRef folder;
    SharedDescriptor at;
  };

  void walk_through(Pending subfolders);
  std::optional<Pending> descend();
  FolderRef meet(int at, const FolderRef& parent, const std::string& name);
  SharedDescriptor open(int at, const Folder& folder, const std::string& name);
  std::optional<Pending> read(const FolderRef& folder, const SharedDescriptor& at);
  bool return_to(Pending& part);
  void push(Pending subfolders);
  void give_away(Pending& subfolders);
  void count_or_give_away(Pending& files, Pending& subfolders);
  void count_files(Pending& files, Pending& subfolders);

  bool is_excluded(const FolderRef& parent, const Status& status) const;
  bool is_loop(const Folder& folder, const Status& status);
  void count_file(Folder* folder, const Status& status);
  void count_folder(const FolderRef& folder, const Status& status);
  void count(std::uint64_t bytes, std::uint64_t& kind);
  std::uint64_t size_of(const Status& status) const;
  void hand_in();

  Walk& walk_;
  FolderReader::Buffer buffer_;
  std::vector<Pending> stack_;
  Place place_;
  Tally share_;
  std::vector<FolderRef> met_;
};

}  // namespace muster::cli
