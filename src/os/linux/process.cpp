// Starting, ending and reaping processes.

#include "os/process.hpp"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/linux/copies.hpp"
#include "os/linux/descriptor.hpp"

#ifdef MUSTER_WATCHED_THREADS
// What ThreadSanitizer's own fork() does around the call: its locks are taken before, and in the copy it starts anew.
extern "C" void __sanitizer_syscall_pre_impl_fork();
extern "C" void __sanitizer_syscall_post_impl_fork(long result);
#endif

namespace muster::os {
namespace {

constexpr int kPidfd = 3;  // P_PIDFD, which not every header knows

[[noreturn]] void fail_to_start(int error) {
  throw_error(error, error == EAGAIN ? "cannot start a process: a limit on processes is reached (ulimit -u, cgroup "
                                       "pids.max, kernel.threads-max)"
                                     : "cannot start a process");
}

// noexcept: the frames below belong to the original, so an exception must not run through them.
[[noreturn]] void run_copy(const std::function<int()>& body) noexcept { end_process(body()); }

// A number that is free as long as this lives: what is opened right after it goes is not refused for lack of one.
Descriptor reserve_number() {
  return own_or_throw(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)), "cannot start a process");
}

class AllSignalsBlocked {
 public:
  AllSignalsBlocked() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~AllSignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

// Where the C library keeps the calling thread's id, which it has told the kernel; null if the kernel does not say
// (it is built without CONFIG_CHECKPOINT_RESTORE).
pid_t* where_thread_id_is_kept() noexcept {
  pid_t* address = nullptr;
  if (prctl(PR_GET_TID_ADDRESS, &address, 0, 0, 0) != 0 || address == nullptr) return nullptr;
  return *address == static_cast<pid_t>(syscall(SYS_gettid)) ? address : nullptr;
}

// A fork that gives no signal when it ends (the lowest byte of the flags is 0). The C library does not know of it, so
// its memory of the thread's id is set right by the kernel; locks that raise() and others compare with it rely on that.
long clone_quietly(int* handle, pid_t* thread_id) noexcept {
  constexpr unsigned long kFlags = CLONE_PIDFD | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
#ifdef MUSTER_WATCHED_THREADS
  __sanitizer_syscall_pre_impl_fork();
#endif
#ifdef __x86_64__
  const long id = syscall(SYS_clone, kFlags, nullptr, handle, thread_id, 0L);
#else
  const long id = syscall(SYS_clone, kFlags, nullptr, handle, 0L, thread_id);
#endif
#ifdef MUSTER_WATCHED_THREADS
  __sanitizer_syscall_post_impl_fork(id);
#endif
  return id;
}

}  // namespace

Process start_copy(const std::function<int()>& body) {
  Descriptor reserved = reserve_number();
  const pid_t id = fork();
  if (id < 0) fail_to_start(errno);
  if (id == 0) {
    reserved.reset();
    run_copy(body);
  }
  reserved.reset();
  Descriptor handle = process_handle(id);
  if (handle) return {id, std::move(handle)};
  const int error = errno;
  kill(id, SIGKILL);
  while (waitpid(id, nullptr, __WALL) < 0 && errno == EINTR) {
  }
  throw_error(error, "cannot start a process");
}

Process start_quiet_copy(const std::function<int()>& body) {
  const AllSignalsBlocked blocked;
  pid_t* const thread_id = where_thread_id_is_kept();
  if (thread_id == nullptr) return start_copy(body);  // heard by wait(), but sound
  int handle = -1;
  count_copy();
  const long id = clone_quietly(&handle, thread_id);
  count_copy();
  if (id < 0) fail_to_start(errno);
  if (id == 0) {
    begin_copy();
    run_copy(body);
  }
  Process process{static_cast<int>(id), own(handle)};
  if (process.handle) return process;
  kill(process.id, SIGKILL);
  while (waitpid(process.id, nullptr, __WALL) < 0 && errno == EINTR) {
  }
  throw_error(EMFILE, "cannot start a process");
}

// ---- ending ---------------------------------------------------------------------------------------------------------

namespace {

End end_of(const siginfo_t& info, const rusage& used) noexcept {
  constexpr std::uint64_t kKibibyte = 1024;
  const std::uint64_t peak = static_cast<std::uint64_t>(used.ru_maxrss) * kKibibyte;
  if (info.si_code == CLD_EXITED) return {.signal = 0, .code = info.si_status, .peak_memory = peak};
  return {.signal = info.si_status, .code = 0, .peak_memory = peak};
}

std::optional<Ended> wait_for_any(int options) noexcept {
  siginfo_t info = {};
  rusage used = {};
  long answer = 0;
  do {
    answer = syscall(SYS_waitid, P_ALL, 0, &info, WEXITED | options, &used);  // which the library's says nothing of
  } while (answer != 0 && errno == EINTR);
  if (answer != 0 || info.si_pid == 0) return std::nullopt;
  return Ended{info.si_pid, end_of(info, used)};
}

}  // namespace

void reap(const Process& quiet) noexcept {
  siginfo_t info = {};
  while (waitid(static_cast<idtype_t>(kPidfd), static_cast<id_t>(quiet.handle.number()), &info, WEXITED | __WALL) !=
             0 &&
         errno == EINTR) {
  }
}

std::optional<Ended> reap_any() noexcept { return wait_for_any(WNOHANG); }

std::optional<Ended> await_any() noexcept { return wait_for_any(0); }

void send_signal(const Process& process, int signal) noexcept {
  syscall(SYS_pidfd_send_signal, process.handle.number(), signal, nullptr, 0);
}

void send_signal_to_child(int id, int signal) noexcept { kill(id, signal); }

int process_id() noexcept { return getpid(); }

int parent_process_id() noexcept { return getppid(); }

Descriptor process_handle(int id) noexcept { return own(static_cast<int>(syscall(SYS_pidfd_open, id, 0))); }

void end_process(int code) noexcept { _exit(code); }

}  // namespace muster::os
