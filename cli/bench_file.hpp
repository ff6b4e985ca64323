#pragma once
// A file that the benchmark leaves at its end: whole or not at all.

#include <string>
#include <string_view>

namespace muster::cli::bench {

class OutputFile {
 public:
  // Finds out now whether the file can be written, before anything is measured for it; leaves nothing behind.
  // Throws std::runtime_error with the reason.
  explicit OutputFile(std::string path);

  // Replaces the file in one step. A signal that would end the program waits until this is done; if it
  // fails, std::runtime_error, and what was there stays.
  void write(std::string_view content) const;

  const std::string& path() const { return path_; }

 private:
  std::string path_;       // as the user wrote it
  std::string target_;     // what symbolic links lead to
  bool in_place_ = false;  // a device or a pipe: there is nothing to replace
};

}  // namespace muster::cli::bench
