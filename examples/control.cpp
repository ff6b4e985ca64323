// A pool that is changed and held while it works; results put together in order, and by worker.
#include <muster/pool.hpp>

#include <atomic>
#include <cstdio>
#include <functional>
#include <ranges>
#include <string>
#include <vector>

int main() {
  // reduce
  muster::ThreadPool pool(4);
  const std::vector<std::string> words{"in ", "their ", "order"};
  std::printf("%s\n", pool.reduce(std::plus<>(), words).c_str());
  std::printf("%ld\n", pool.reduce(std::plus<>(), std::views::iota(0L, 1'000'000L), 0L));
  // end

  // worker_local
  muster::WorkerLocal<std::vector<int>> odd;  // one for each thread that works: no lock
  pool.map(
      [&](int i) {
        if (i % 2 == 1) odd->push_back(i);
      },
      std::views::iota(0, 1000));
  std::size_t found = 0;
  odd.for_each([&](const std::vector<int>& part) { found += part.size(); });
  std::printf("%zu odd numbers\n", found);
  // end

  // pause
  std::atomic<int> done{0};
  pool.pause();
  for (int i = 0; i < 10; ++i) pool.post([&] { ++done; });
  std::printf("paused: %d done, %d waiting\n", done.load(), static_cast<int>(pool.stats().unfinished()));
  pool.resize(2);
  pool.resume();
  pool.wait_all();
  std::printf("resumed: %d done by %d workers\n", done.load(), pool.stats().workers);
  // end
}
