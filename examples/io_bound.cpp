// How many workers for work that waits? As many as there is to wait for, whatever the number of CPUs.
#include <muster/pool.hpp>

#include <chrono>
#include <cstdio>
#include <ranges>
#include <thread>

using Seconds = std::chrono::duration<double>;

// Stands for a request to a disk or a server: the thread sleeps, and its CPU is free for others.
void request(int /*page*/) { std::this_thread::sleep_for(std::chrono::milliseconds(5)); }

double seconds_for(int requests, int workers) {
  muster::ThreadPool pool(workers);
  const auto begin = std::chrono::steady_clock::now();
  pool.map(request, std::views::iota(0, requests), {.chunksize = 1});
  return Seconds(std::chrono::steady_clock::now() - begin).count();
}

int main() {
  constexpr int kRequests = 64;
  std::printf("%d requests of 5 ms each; CPUs that we may use: %d\n\n", kRequests, muster::usable_cpus());
  std::printf("workers  seconds  speed-up\n");
  double one = 0;
  for (int workers = 1; workers <= 32; workers *= 2) {
    const double taken = seconds_for(kRequests, workers);
    if (workers == 1) one = taken;
    std::printf("%7d  %7.3f  %8.1f\n", workers, taken, one / taken);
  }
}
