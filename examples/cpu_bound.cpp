// How many workers for work that computes? As many as there are CPUs: more have nothing to compute with.
#include <muster/pool.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <numeric>
#include <ranges>

using Seconds = std::chrono::duration<double>;

constexpr int kBlock = 10'000;
constexpr int kBlocks = 100;

bool is_prime(int n) {
  if (n < 2) return false;
  for (int d = 2; d * d <= n; ++d) {
    if (n % d == 0) return false;
  }
  return true;
}

int primes_in_block(int block) {
  const auto numbers = std::views::iota(block * kBlock, (block + 1) * kBlock);
  return static_cast<int>(std::ranges::count_if(numbers, is_prime));
}

// The better of three times: what else runs on the machine can only add to it.
double seconds_for(int workers, int& primes) {
  muster::ThreadPool pool(workers);
  double best = 0;
  for (int i = 0; i < 3; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    const auto counts = pool.map(primes_in_block, std::views::iota(0, kBlocks));
    const double taken = Seconds(std::chrono::steady_clock::now() - begin).count();
    best = i == 0 ? taken : std::min(best, taken);
    primes = std::accumulate(counts.begin(), counts.end(), 0);
  }
  return best;
}

int main() {
  std::printf("primes below %d, in %d blocks; CPUs that we may use: %d\n\n", kBlock * kBlocks, kBlocks,
              muster::usable_cpus());
  std::printf("workers  seconds  speed-up  primes\n");
  double one = 0;
  for (int workers = 1; workers <= 8; workers *= 2) {
    int primes = 0;
    const double taken = seconds_for(workers, primes);
    if (workers == 1) one = taken;
    std::printf("%7d  %7.3f  %8.1f  %6d\n", workers, taken, one / taken, primes);
  }
}
