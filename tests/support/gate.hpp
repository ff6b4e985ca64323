#pragma once
// How a test holds a task, and knows that it has begun, without sleeping: through the file system, so that it works for
// tasks of any process. A task is given paths, which travel.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

namespace muster::testing {

inline int open_fifo(const std::string& path, int how) {
  for (;;) {
    const int file = open(path.c_str(), how | O_CLOEXEC);
    if (file >= 0) return file;
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "open " + path);
  }
}

// A named pipe in a folder of its own.
class Fifo {
 public:
  Fifo() {
    std::string folder = (std::filesystem::temp_directory_path() / "muster-gate-XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) throw std::system_error(errno, std::generic_category(), "mkdtemp");
    folder_ = folder;
    path_ = folder_ + "/fifo";
    if (mkfifo(path_.c_str(), 0600) != 0) throw std::system_error(errno, std::generic_category(), "mkfifo");
  }
  ~Fifo() {
    if (file_ >= 0) ::close(file_);
    std::filesystem::remove_all(folder_);
  }
  Fifo(const Fifo&) = delete;
  Fifo& operator=(const Fifo&) = delete;

  const std::string& path() const noexcept { return path_; }

 protected:
  void hold_open() {
    if (file_ < 0) file_ = open_fifo(path_, O_RDWR);
  }
  int file() const noexcept { return file_; }

 private:
  std::string folder_;
  std::string path_;
  int file_ = -1;
};

// Closed at first. Whoever passes waits until it is opened; it stays open.
class Gate : public Fifo {
 public:
  void open() { hold_open(); }
};
inline void pass(const std::string& gate) { ::close(open_fifo(gate, O_RDONLY)); }

// Counts who has rung it.
class Bell : public Fifo {
 public:
  Bell() { hold_open(); }
  // Waits until it has rung so often since the last call.
  void await(int times = 1) {
    for (char rung = 0; times > 0;) {
      if (::read(file(), &rung, 1) == 1) --times;
    }
  }
};
inline void ring(const std::string& bell) {
  const int file = open_fifo(bell, O_WRONLY);
  const bool rung = ::write(file, "!", 1) == 1;
  ::close(file);
  if (!rung) throw std::runtime_error("cannot ring " + bell);
}

// A task that says that it has begun, waits for the gate, and returns the value.
inline int hold(const std::string& bell, const std::string& gate, int value) {
  ring(bell);
  pass(gate);
  return value;
}

}  // namespace muster::testing
