#include <muster/pool.hpp>

#include <cstdio>
#include <ranges>

int square(int i) { return i * i; }

int main() {
  muster::ThreadPool pool;                                     // one worker for each CPU that we may use
  auto squares = pool.map(square, std::views::iota(0, 1000));  // all of them, in order
  auto later = pool.apply_async(square, 12);                   // one, while we go on
  std::printf("%zu squares, the last is %d\n", squares.size(), squares.back());
  std::printf("and 12 * 12 is %d\n", later.get());
}
