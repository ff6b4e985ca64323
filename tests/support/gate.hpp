#pragma once
// How a test holds a task, and knows that it has begun, without sleeping: through the file system, so that it works for
// tasks of any process. A task is given paths, which travel. Gates and bells may go while tasks still use them: a gate
// that is gone is open, and a bell that is gone is not heard.

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace muster::testing {

[[noreturn]] inline void throw_errno(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// -1 if it is not there. Neither of our files makes open() wait.
inline int open_signal(const std::string& path) {
  for (;;) {
    const int file = open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (file >= 0 || errno == ENOENT) return file;
    if (errno != EINTR) throw_errno("open " + path);
  }
}

// A file in a folder of its own.
class Signal {
 public:
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;
  const std::string& path() const noexcept { return path_; }

 protected:
  explicit Signal(mode_t kind) {
    std::string folder = (std::filesystem::temp_directory_path() / "muster-signal-XXXXXX").string();
    if (mkdtemp(folder.data()) == nullptr) throw_errno("mkdtemp");
    folder_ = folder;
    path_ = folder_ + "/file";
    if (mknod(path_.c_str(), kind | 0600U, 0) != 0) throw_errno("mknod");
    file_ = open_signal(path_);
  }
  ~Signal() {
    ::close(file_);
    std::filesystem::remove_all(folder_);
  }
  int file() const noexcept { return file_; }

 private:
  std::string folder_;
  std::string path_;
  int file_ = -1;
};

// Closed at first: a lock that the test holds. Whoever passes waits until it is opened; it stays open.
class Gate : public Signal {
 public:
  Gate() : Signal(S_IFREG) {
    if (flock(file(), LOCK_EX) != 0) throw_errno("flock");
  }
  ~Gate() { open(); }
  // Also where a child has inherited the file, and with it the lock.
  void open() { flock(file(), LOCK_UN); }
};
inline void pass(const std::string& gate) {
  const int file = open_signal(gate);
  if (file < 0) return;
  while (flock(file, LOCK_SH) != 0 && errno == EINTR) {
  }
  ::close(file);
}

// Counts who has rung it: bytes in a pipe.
class Bell : public Signal {
 public:
  Bell() : Signal(S_IFIFO) {}
  // Waits until it has rung so often since the last call.
  void await(int times = 1) {
    for (char rung = 0; times > 0;) {
      if (::read(file(), &rung, 1) == 1) --times;
    }
  }
};
inline void ring(const std::string& bell) {
  const int file = open_signal(bell);
  if (file < 0) return;
  if (::write(file, "!", 1) != 1) throw_errno("ring " + bell);
  ::close(file);
}

// A task that says that it has begun, waits for the gate, and returns the value.
inline int hold(const std::string& bell, const std::string& gate, int value) {
  ring(bell);
  pass(gate);
  return value;
}

}  // namespace muster::testing
