// The cure of lost_update.cpp, three times: each makes reading, adding and writing one step that nobody comes between.
#include <muster/threading.hpp>

#include <atomic>
#include <cstdio>
#include <mutex>
#include <thread>

constexpr long kSteps = 1'000'000;

// steps
muster::threading::Lock lock;
long counter = 0;  // touched only by who holds the lock

// The lock is held for one step, so the threads alternate as they like.
void count_by_steps() {
  for (long i = 0; i < kSteps; ++i) {
    const std::scoped_lock guard(lock);  // lock.acquire() ... lock.release(), also when something is thrown
    ++counter;
  }
}
// end

// The lock is held for all steps, so one thread waits until the other has finished: correct, and not parallel at all.
void count_at_a_stretch() {
  lock.acquire();
  for (long i = 0; i < kSteps; ++i) ++counter;
  lock.release();
}

std::atomic<long> atomic_counter{0};

// One number needs no lock: the machine can add in one step.
void count_atomically() {
  for (long i = 0; i < kSteps; ++i) atomic_counter.fetch_add(1, std::memory_order_relaxed);
}

void both(void (*count)()) {
  std::thread one(count);
  std::thread two(count);
  one.join();
  two.join();
}

int main() {
  both(count_by_steps);
  std::printf("a lock around each step:   %ld\n", counter);
  counter = 0;
  both(count_at_a_stretch);
  std::printf("a lock around all steps:   %ld\n", counter);
  both(count_atomically);
  std::printf("an atomic addition:        %ld\n", atomic_counter.load());
}
