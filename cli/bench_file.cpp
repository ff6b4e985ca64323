#include "bench_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <utility>

namespace muster::cli::bench {
namespace {

[[noreturn]] void fail(const std::string& path, int error) {
  throw std::runtime_error(fmt::format("cannot write {}: {}", path, std::strerror(error)));
}

// A signal between the making of the temporary file and its renaming would leave it behind.
class SignalsWait {
 public:
  SignalsWait() {
    sigset_t endings;
    sigemptyset(&endings);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&endings, signal);
    pthread_sigmask(SIG_BLOCK, &endings, &former_);
  }
  ~SignalsWait() { pthread_sigmask(SIG_SETMASK, &former_, nullptr); }
  SignalsWait(const SignalsWait&) = delete;
  SignalsWait& operator=(const SignalsWait&) = delete;

 private:
  sigset_t former_;
};

// A file beside the target that disappears unless it takes the target's place.
class Temporary {
 public:
  explicit Temporary(const std::string& target) : name_(target + ".XXXXXX"), fd_(mkostemp(name_.data(), O_CLOEXEC)) {}
  ~Temporary() {
    if (fd_ < 0) return;
    close(fd_);
    if (!name_.empty()) unlink(name_.c_str());
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

  int fd() const { return fd_; }
  bool replace(const std::string& target) {
    if (rename(name_.c_str(), target.c_str()) != 0) return false;
    name_.clear();
    return true;
  }

 private:
  std::string name_;
  int fd_;
};

bool write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) content.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// mkostemp makes files that only their owner may read; an ordinary file has the rights of the umask.
mode_t rights_for(const std::string& target) {
  struct stat about;
  if (stat(target.c_str(), &about) == 0) return about.st_mode & 07777;
  const mode_t mask = umask(0);
  umask(mask);
  return 0666 & ~mask;
}

}  // namespace

OutputFile::OutputFile(std::string path) : path_(std::move(path)) {
  std::error_code unknown;
  target_ = std::filesystem::weakly_canonical(path_, unknown).string();
  if (unknown) target_ = path_;
  struct stat about;
  const bool exists = stat(target_.c_str(), &about) == 0;
  if (exists && S_ISDIR(about.st_mode)) fail(path_, EISDIR);
  if (exists && access(target_.c_str(), W_OK) != 0) fail(path_, errno);
  // /dev/stdout may well be a regular file, but one that others hold open.
  in_place_ = (exists && !S_ISREG(about.st_mode)) || path_.starts_with("/dev/") || path_.starts_with("/proc/");
  if (in_place_) {
    if (access(path_.c_str(), W_OK) != 0) fail(path_, errno);
    return;
  }
  const SignalsWait waiting;
  if (Temporary(target_).fd() < 0) fail(path_, errno);
}

void OutputFile::write(std::string_view content) const {
  if (in_place_) {
    const int fd = open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
    const bool done = fd >= 0 && write_all(fd, content);
    const int error = errno;
    if (fd >= 0) close(fd);
    if (!done) fail(path_, error);
    return;
  }
  const SignalsWait waiting;
  Temporary temporary(target_);
  const bool done = temporary.fd() >= 0 && write_all(temporary.fd(), content) &&
                    fchmod(temporary.fd(), rights_for(target_)) == 0 && fsync(temporary.fd()) == 0 &&
                    temporary.replace(target_);
  if (!done) fail(path_, errno);
}

}  // namespace muster::cli::bench
