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
  explicit Walker(Site& site) : site_(site) {}
  ~Walker() { hand_in(); }
  Walker(const Walker&) = delete;
  Walker& operator=(const Walker&) = delete;

  // Counts what `name` turns out to be. Returns it if it is a folder that has to be read. Without a parent it is what
  // the command line names.
  FolderRef meet(int at, const FolderRef& parent, const std::string& name);
  // Null, once it has been told, if that fails. The folder itself counts all the same.
  SharedDescriptor open(int at, const Folder& folder, const std::string& name);

  // Walks through a folder that was met and is open, until all is done or it is over.
  void walk_from(const FolderRef& folder, const SharedDescriptor& at);
  void walk_through(Pending subfolders);
  // Walks through what another has left: each lies in a folder that the next one's lies below, and the last one's is
  // open.
  void resume(std::vector<Pending> stack, const SharedDescriptor& at);
  // Hands in what was found, and what is left when it is over.
  std::vector<Pending> leave();

 private:
  // A folder through which another was opened, so `..` leads up from it.
  struct Place {
    FolderRef folder;
    SharedDescriptor at;
  };

  void walk_on();
  std::optional<Pending> descend();
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
  bool is_over();
  void hand_in();

  Site& site_;
  FolderReader::Buffer buffer_;
  std::vector<Pending> stack_;
  Place place_;
  Tally share_;
  std::vector<FolderRef> met_;
};

}  // namespace muster::cli
