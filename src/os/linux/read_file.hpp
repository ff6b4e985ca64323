#pragma once
// Reads the small text files in which the kernel describes itself.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>

namespace muster::os {

// The file's text; nothing when it cannot be read to its end.
inline std::optional<std::string> read_file(const std::string& path) {
  struct OpenFile {
    int number;
    ~OpenFile() {
      if (number >= 0) close(number);
    }
  };
  const OpenFile file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.number < 0) return std::nullopt;
  std::string text;
  char chunk[4096];
  for (;;) {
    const ssize_t got = read(file.number, chunk, sizeof chunk);
    if (got == 0) return text;
    if (got > 0) {
      text.append(chunk, static_cast<std::size_t>(got));
    } else if (errno != EINTR) {
      return std::nullopt;
    }
  }
}

}  // namespace muster::os
