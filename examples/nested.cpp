// Tasks that use pools. A task that waits helps with what it waits for, so even one worker never waits for itself.
#include <muster/pool.hpp>

#include <cstdio>
#include <numeric>
#include <ranges>

muster::ThreadPool pool(1);

// fib
long fib(int n) {
  if (n < 2) return n;
  auto left = pool.apply_async(fib, n - 1);
  const long right = fib(n - 2);
  return left.get() + right;  // nobody has begun `left` yet? Then this thread does it now
}
// end

// invoke
long plain_fib(int n) { return n < 2 ? n : plain_fib(n - 1) + plain_fib(n - 2); }

long forked_fib(muster::ThreadPool& forks, int n) {
  if (n < 10) return plain_fib(n);
  const auto [left, right] =
      forks.invoke([&] { return forked_fib(forks, n - 1); }, [&] { return forked_fib(forks, n - 2); });
  return left + right;
}
// end

// row
long row_sum(int row) {
  const auto products = pool.map([row](int column) { return row * column; }, std::views::iota(1, 11));
  return std::accumulate(products.begin(), products.end(), 0L);
}
// end

int main() {
  muster::ThreadPool forks(2);
  std::printf("fib(30), forked: %ld\n", forked_fib(forks, 30));

  std::printf("fib(20) on one worker: %ld\n", pool.apply(fib, 20));

  const auto sums = pool.map(row_sum, std::views::iota(1, 11));
  std::printf("a map of maps: %ld\n", std::accumulate(sums.begin(), sums.end(), 0L));

  // two pools
  muster::ThreadPool other(1);
  const auto there_and_back = [&other] { return other.apply([] { return pool.apply(fib, 10); }); };
  std::printf("through two pools of one worker each: %ld\n", pool.apply(there_and_back));
  // end

  // join
  try {
    pool.apply([] { pool.join(); });
  } catch (const muster::DeadlockError& error) {
    std::printf("refused: %s\n", error.what());
  }
  // end
}
