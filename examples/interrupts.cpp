// Ctrl-C as an exception, and a call of a worker process that is taken back after it has begun.
#include <unistd.h>
#include <muster/pool.hpp>

#include <csignal>
#include <cstdio>
#include <ranges>

int for_ever(int) {
  for (;;) pause();
}

int main(int argc, char** argv) {
  std::signal(SIGINT, SIG_DFL);  // programs that a shell has started in the background ignore it
  muster::init(argc, argv);

  // interruptible
  muster::interruptible();
  muster::ProcessPool pool(2);
  try {
    std::raise(SIGINT);  // as a Ctrl-C
    pool.map(for_ever, std::views::iota(0, 10));
  } catch (const muster::Interrupted&) {
    std::puts("interrupted, once; the pool is as before");
  }
  // end

  // cancel
  auto call = pool.apply_async(for_ever, 1);
  std::printf("cancelled: %d\n", call.cancel());
  try {
    call.get();
  } catch (const muster::Cancelled&) {
    std::puts("if it had begun, its worker was killed");
  }
  // end
}
