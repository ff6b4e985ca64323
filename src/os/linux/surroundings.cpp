#include "os/surroundings.hpp"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <sstream>

#include "os/linux/descriptor.hpp"
#include "os/linux/read_file.hpp"

namespace muster::os {
namespace {

void demand(bool done, const char* what) {
  if (!done) throw_error(errno, what);
}

}  // namespace

void set_variable(const std::string& name, const std::optional<std::string>& value) {
  const int answer = value ? setenv(name.c_str(), value->c_str(), 1) : unsetenv(name.c_str());  // NOLINT
  demand(answer == 0, "cannot set a variable of the environment");
}

void change_directory(const std::string& path) { demand(chdir(path.c_str()) == 0, "cannot change the directory"); }

void add_niceness(int more) {
  constexpr int kLeast = -20;
  constexpr int kMost = 19;
  errno = 0;
  const int now = getpriority(PRIO_PROCESS, 0);
  demand(errno == 0, "cannot ask for the niceness");
  if (more < kLeast - now || more > kMost - now) throw_error(EINVAL, "cannot change the niceness");
  demand(setpriority(PRIO_PROCESS, 0, now + more) == 0, "cannot change the niceness");
}

// ---- memory ---------------------------------------------------------------------------------------------------------

void limit_memory(std::uint64_t bytes) {
  rlimit limit = {};
  demand(getrlimit(RLIMIT_DATA, &limit) == 0, "cannot limit the memory");
  limit.rlim_cur = limit.rlim_max = std::min<rlim_t>(bytes, limit.rlim_max);
  demand(setrlimit(RLIMIT_DATA, &limit) == 0, "cannot limit the memory");
}

std::uint64_t memory_in_use() {
  std::istringstream pages(read_file("/proc/self/statm").value_or(""));
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  std::uint64_t shared = 0;
  std::uint64_t text = 0;
  std::uint64_t library = 0;
  std::uint64_t data = 0;  // with the main thread's stack
  pages >> size >> resident >> shared >> text >> library >> data;
  return data * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

// ---- CPU time -------------------------------------------------------------------------------------------------------

// A timer of the process's CPU time goes off several times within the limit, and each time we look whether it is still
// at the same thing. Its time is counted from when that was first seen, so it has had at least that much. The thread
// that does these things looks, whichever computes: so it does not go on to another one while it looks, nor before it
// dies.
namespace {

static_assert(kTookTooMuchTime == SIGXCPU);

constexpr int kLooks = 8;  // within the limit

struct Watch {
  std::atomic<std::uint64_t (*)() noexcept> doing{nullptr};
  std::atomic<Nanos> limit{0};
  std::atomic<std::uint64_t> seen{0};
  std::atomic<Nanos> since{0};
  timer_t timer{};
};
constinit Watch g_watch;

Nanos cpu_time() noexcept {
  timespec time = {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

// The kernel's own way to say it. Blocked until the handler returns, then deadly.
void die() noexcept {
  signal(SIGXCPU, SIG_DFL);
  raise(SIGXCPU);
}

void look(int /*signal*/) {
  const int errno_before = errno;
  const std::uint64_t doing = g_watch.doing.load(std::memory_order_relaxed)();
  const Nanos now = cpu_time();
  if (doing == 0 || g_watch.seen.exchange(doing, std::memory_order_relaxed) != doing) {
    g_watch.since.store(now, std::memory_order_relaxed);
  } else if (now - g_watch.since.load(std::memory_order_relaxed) >= g_watch.limit.load(std::memory_order_relaxed)) {
    die();
  }
  if (doing == 0) g_watch.seen.store(0, std::memory_order_relaxed);
  errno = errno_before;
}

}  // namespace

void prepare_time_limit(Nanos limit, std::uint64_t (*doing)() noexcept) {
  g_watch.limit.store(limit, std::memory_order_relaxed);
  g_watch.doing.store(doing, std::memory_order_relaxed);
  struct sigaction action = {};
  action.sa_handler = &look;
  action.sa_flags = SA_RESTART;
  demand(sigaction(SIGXCPU, &action, nullptr) == 0, "cannot watch the CPU time");
  sigevent event = {};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = SIGXCPU;
  event._sigev_un._tid = gettid();  // sigev_notify_thread_id, a name that not every library has
  demand(timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &g_watch.timer) == 0, "cannot watch the CPU time");
}

void begin_time_limit() noexcept {
  constexpr Nanos kLeast = 1'000'000;
  constexpr Nanos kSecond = 1'000'000'000;
  const Nanos step = std::max(g_watch.limit.load(std::memory_order_relaxed) / kLooks, kLeast);
  const timespec length = {.tv_sec = step / kSecond, .tv_nsec = step % kSecond};
  const itimerspec times = {.it_interval = length, .it_value = length};
  timer_settime(g_watch.timer, 0, &times, nullptr);
}

}  // namespace muster::os
