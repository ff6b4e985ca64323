// Two threads count together, without a lock: a number that both have read counts once instead of twice.
//
// The counter is atomic, so that the program has a meaning at all; what is not atomic is the way from reading to
// writing. (With a plain long the compiler may assume that nobody else looks, and anything may come out.)
#include <atomic>
#include <cstdio>
#include <thread>

constexpr long kSteps = 20'000'000;
constexpr int kAttempts = 10;  // the two may happen to run one after the other

std::atomic<int> ready{0};
std::atomic<long> counter{0};

// count
void count() {
  for (++ready; ready < 2;) std::this_thread::yield();  // both begin at once
  for (long i = 0; i < kSteps; ++i) {
    const long seen = counter.load(std::memory_order_relaxed);  // read
    const long next = seen + 1;                                 // modify
    counter.store(next, std::memory_order_relaxed);             // write: over whatever came in between
  }
}
// end

// How many updates were lost.
long attempt() {
  ready = 0;
  counter = 0;
  std::thread one(count);
  std::thread two(count);
  one.join();
  two.join();
  std::printf("expected %ld, found %ld\n", 2 * kSteps, counter.load());
  return 2 * kSteps - counter;
}

int main() {
  for (int i = 0; i < kAttempts; ++i) {
    if (const long lost = attempt(); lost != 0) {
      std::printf("%ld updates were lost\n", lost);
      return 0;
    }
  }
  std::puts("nothing was lost this time, which proves nothing: run it again");
}
