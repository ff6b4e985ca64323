#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include "os/linux/copies.hpp"
#include "os/os.hpp"
#include "os/process.hpp"

namespace muster::os {
namespace {

using Body = std::function<void()>;

static_assert(sizeof(pthread_t) == sizeof(std::uintptr_t));

// Blocks signals while it lives: a thread started meanwhile has them blocked from its first instruction on.
class SignalsBlocked {
 public:
  SignalsBlocked() noexcept {
    sigset_t blocked;
    sigfillset(&blocked);
    for (const int signal : kLeftAlone) sigdelset(&blocked, signal);
    pthread_sigmask(SIG_BLOCK, &blocked, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  // A fault is the faulting thread's own: were it blocked, the kernel would kill the process without asking the
  // crash handler. SIGPROF is how profilers see a thread at all.
  static constexpr int kLeftAlone[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGPROF};
  sigset_t before_;
};

class Attributes {
 public:
  Attributes() noexcept { pthread_attr_init(&value_); }
  ~Attributes() { pthread_attr_destroy(&value_); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;

  pthread_attr_t* get() noexcept { return &value_; }

 private:
  pthread_attr_t value_;
};

extern "C" void* muster_run_thread(void* argument) noexcept {
  const ThreadRecord record;
  // Destroyed before the thread ends: who joined it may rely on the captures being gone.
  const std::unique_ptr<Body> body(static_cast<Body*>(argument));
  (*body)();
  return nullptr;
}

std::size_t legal_stack_size(std::size_t asked) noexcept {
  const std::size_t page = page_size();
  const std::size_t size = std::max(asked, static_cast<std::size_t>(PTHREAD_STACK_MIN));
  return size > SIZE_MAX - page ? SIZE_MAX / page * page : (size + page - 1) / page * page;
}

int start(pthread_t& thread, std::size_t stack_size, Body* body) noexcept {
  constexpr std::size_t kMoreThanAnyProgramsThreadLocals = std::size_t{64} << 20;
  Attributes attributes;
  if (stack_size == 0) return pthread_create(&thread, attributes.get(), &muster_run_thread, body);
  // The thread-local variables of the whole program are carved out of the stack. No portable call tells how many
  // bytes they are: EINVAL does.
  for (std::size_t size = legal_stack_size(stack_size);; size *= 2) {
    int error = pthread_attr_setstacksize(attributes.get(), size);
    if (error == 0) error = pthread_create(&thread, attributes.get(), &muster_run_thread, body);
    if (error != EINVAL || size > kMoreThanAnyProgramsThreadLocals) return error;
  }
}

[[noreturn]] void fail(int error, const char* what) { throw std::system_error(error, std::generic_category(), what); }

[[noreturn]] void fail_to_start(int error) {
  fail(error, error == EAGAIN ? "cannot start a thread: no room for its stack, or a limit on threads is reached "
                                "(ulimit -u, cgroup pids.max, kernel.threads-max)"
                              : "cannot start a thread");
}

// How many bytes of `name` to keep so that no UTF-8 sequence is cut. What is not UTF-8 is cut at `limit`.
std::size_t whole_characters(std::string_view name, std::size_t limit) noexcept {
  if (name.size() <= limit) return name.size();
  for (std::size_t end = limit; end + 4 > limit; --end) {
    const bool continues = (static_cast<unsigned char>(name[end]) & 0xC0U) == 0x80U;
    if (!continues) return end;
  }
  return limit;
}

// What the kernel keeps of a name.
struct KernelName {
  explicit KernelName(std::string_view name) noexcept { name.copy(text, whole_characters(name, sizeof text - 1)); }
  char text[16] = {};
};

}  // namespace

Thread::Thread(Body body, std::size_t stack_size, Signals signals) {
  if (!body) fail(EINVAL, "cannot start a thread that has no body");
  auto owned = std::make_unique<Body>(std::move(body));
  pthread_t thread{};
  int error = 0;
  {
    std::optional<SignalsBlocked> blocked;
    if (signals == Signals::kBlocked) blocked.emplace();
    error = start(thread, stack_size, owned.get());
    if (error == 0) static_cast<void>(owned.release());  // the thread has it
  }
  if (error != 0) fail_to_start(error);
  handle_ = thread;
  generation_ = generation();
  joinable_ = true;
}

Thread::Thread(Thread&& other) noexcept
    : handle_(std::exchange(other.handle_, 0)),
      generation_(other.generation_),
      joinable_(std::exchange(other.joinable_, false)) {}

Thread& Thread::operator=(Thread&& other) noexcept {
  if (joinable()) std::terminate();
  handle_ = std::exchange(other.handle_, 0);
  generation_ = other.generation_;
  joinable_ = std::exchange(other.joinable_, false);
  return *this;
}

Thread::~Thread() {
  if (joinable()) std::terminate();
}

bool Thread::joinable() const noexcept { return joinable_ && generation_ == generation(); }

void Thread::join() {
  if (!joinable()) fail(EINVAL, "cannot join a thread twice, or one that was never started");
  // Asked here: not every C library notices, and under ThreadSanitizer a join that fails breaks the next one.
  if (pthread_equal(handle_, pthread_self())) fail(EDEADLK, "a thread cannot join itself");
  if (const int error = pthread_join(handle_, nullptr)) fail(error, "cannot join a thread");
  joinable_ = false;
}

void Thread::detach() {
  if (!joinable()) fail(EINVAL, "cannot detach a thread that is not joinable");
  if (const int error = pthread_detach(handle_)) fail(error, "cannot detach a thread");
  joinable_ = false;
}

std::uint64_t thread_ident() noexcept { return pthread_self(); }

void set_thread_name(std::string_view name) noexcept {
  const KernelName kept(name);
  pthread_setname_np(pthread_self(), kept.text);
}

void set_thread_name(std::int64_t native_id, std::string_view name) noexcept {
  if (native_id == native_thread_id()) return set_thread_name(name);
  const KernelName kept(name);
  char path[48];
  std::snprintf(path, sizeof path, "/proc/self/task/%lld/comm", static_cast<long long>(native_id));
  const int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return;
  // With the final 0: to write nothing would change nothing.
  static_cast<void>(!write(file, kept.text, sizeof kept.text));
  close(file);
}

std::string thread_name() {
  char text[16] = {};
  pthread_getname_np(pthread_self(), text, sizeof text);
  return text;
}

void yield() noexcept { sched_yield(); }

Stack thread_stack() noexcept {
  pthread_attr_t attributes;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return {};
  void* lowest = nullptr;
  std::size_t size = 0;
  const int error = pthread_attr_getstack(&attributes, &lowest, &size);
  pthread_attr_destroy(&attributes);
  if (error != 0) return {};
  return {reinterpret_cast<std::uintptr_t>(lowest), size};
}

}  // namespace muster::os
