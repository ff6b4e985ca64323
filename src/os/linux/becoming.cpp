// What a copy of the program does to be a process of ours.

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <initializer_list>
#include <iostream>

#include "os/interrupt.hpp"
#include "os/linux/descriptor.hpp"

namespace muster::os {
namespace {

void handle(std::initializer_list<int> signals, void (*handler)(int)) noexcept {
  for (const int number : signals) signal(number, handler);
}

void set_mask(int (*fill)(sigset_t*)) noexcept {
  sigset_t mask;
  fill(&mask);
  pthread_sigmask(SIG_SETMASK, &mask, nullptr);
}

// Where there is no /dev/null: a pipe that nobody writes to.
Descriptor open_empty() noexcept {
  Descriptor empty = own(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (empty) return empty;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return {};
  const Descriptor writer(ends[1]);
  return own(ends[0]);
}

}  // namespace

void die_with_parent(int parent) noexcept {
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  // It may have ended before we asked; then somebody has adopted us.
  if (getppid() != parent) end_process(0);
}

void reset_signals() noexcept {
  forget_interrupts();
  handle({SIGINT, SIGQUIT}, SIG_IGN);
  handle({SIGCHLD, SIGPIPE, SIGTERM, SIGHUP}, SIG_DFL);
  set_mask(&sigemptyset);
}

void ignore_endings() noexcept {
  set_mask(&sigfillset);
  handle({SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGPIPE}, SIG_IGN);
  handle({SIGCHLD}, SIG_DFL);
}

// 0 would do for a file, but a program that takes dumps is started all the same; of 1 the kernel says that it means
// none, and for a file it is too little.
void forbid_core_dumps() noexcept {
  rlimit limit = {};
  if (getrlimit(RLIMIT_CORE, &limit) != 0) return;
  limit.rlim_cur = std::min<rlim_t>(1, limit.rlim_max);
  setrlimit(RLIMIT_CORE, &limit);
}

void detach_input() noexcept {
  const Descriptor empty = open_empty();
  if (empty) dup2(empty.number(), STDIN_FILENO);
}

Descriptor open_null() { return own_or_throw(open("/dev/null", O_RDWR | O_CLOEXEC), "cannot open /dev/null"); }

void flush_streams() noexcept {
  std::fflush(nullptr);
  for (std::ostream* const stream : {&std::cout, &std::cerr, &std::clog}) {
    try {
      stream->flush();
    } catch (const std::exception&) {
      // The program has asked its stream for exceptions; who flushes in its stead has nobody to tell.
    }
  }
}

}  // namespace muster::os
