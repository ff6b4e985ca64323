// map and its relatives: a function, a range, the results in order.
#include <muster/pool.hpp>

#include <array>
#include <cstdio>
#include <memory>
#include <ranges>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

int square(int i) { return i * i; }
long power(long base, int exponent) { return exponent == 0 ? 1 : base * power(base, exponent - 1); }
void visit(int) {}

int main() {
  muster::ThreadPool pool(3);

  // map
  auto squares = pool.map(square, std::views::iota(0, 10));
  std::printf("squares:");
  for (const int s : squares) std::printf(" %d", s);
  std::puts("");
  // end

  // list
  auto cubes = pool.map([](int i) { return i * i * i; }, {1, 2, 3}, {.chunksize = 2});
  std::printf("%d %d %d\n", cubes[0], cubes[1], cubes[2]);
  // end

  // vector
  std::vector<int> plain = pool.map(square, std::vector{4, 5, 6});
  std::printf("%zu in a std::vector\n", plain.size());
  // end

  // void
  std::printf("%zu calls\n", pool.map(visit, std::views::iota(0, 1'000'000)).size());
  // end

  // move-only
  auto boxes = pool.map([](int i) { return std::make_unique<int>(i); }, std::views::iota(0, 3));
  auto sums = pool.map([](std::unique_ptr<int> box) { return *box + 1; }, std::move(boxes));
  std::printf("%d %d %d\n", sums[0], sums[1], sums[2]);
  // end

  // owned
  std::vector<std::string> words{"ready", "steady"};
  pool.map([](std::string& word) { word += '!'; }, words);  // an lvalue: the caller's own strings
  const auto louder = [](std::string word) { return std::move(word) + '!'; };
  auto loud = pool.map(louder, std::move(words));  // given up: moved into the function
  std::printf("%s %s\n", loud[0].c_str(), loud[1].c_str());
  // end

  // map_into
  std::array<int, 4> kept{};
  pool.map_into(square, std::views::iota(0, 4), kept);
  std::printf("%d %d %d %d\n", kept[0], kept[1], kept[2], kept[3]);
  // end

  // starmap
  auto powers = pool.starmap(power, std::vector<std::tuple<long, int>>{{2, 10}, {10, 3}});
  std::printf("%ld %ld\n", powers[0], powers[1]);
  // end

  // bind
  auto of_two = pool.map(muster::bind(power, 2L), {1, 2, 3});
  std::printf("%ld %ld %ld\n", of_two[0], of_two[1], of_two[2]);
  // end
}
