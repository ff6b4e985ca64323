// imap: results one by one, from an input that need not fit into memory, nor ever end.
#include <muster/pool.hpp>

#include <algorithm>
#include <cstdio>
#include <ranges>
#include <sstream>
#include <string>
#include <utility>

std::string shout(const std::string& word) { return word + "!"; }
long square(long i) { return i * i; }

int main() {
  muster::ThreadPool pool(3);

  // stream
  // A stream can be read once, and by one thread: the one that reads the results.
  std::istringstream text("ready steady go");
  std::printf("words:");
  for (const std::string& word : pool.imap(shout, std::views::istream<std::string>(text))) {
    std::printf(" %s", word.c_str());
  }
  std::puts("");
  // end

  // endless
  long taken = 0;  // no atomic: the input is only ever advanced in this thread
  auto numbers = std::views::iota(1L) | std::views::transform([&taken](long i) {
                   taken = i;
                   return i;
                 });
  long sum = 0;
  long ahead = 0;
  long read = 0;
  for (const long value : pool.imap(square, std::move(numbers), {.window = 4})) {
    sum += value;
    ++read;
    ahead = std::max(ahead, taken - read);
    if (read == 1000) break;  // what is in flight is dropped or awaited
  }
  std::printf("1000 squares add up to %ld\n", sum);
  std::printf("the input was never more than %ld items ahead\n", ahead);
  // end

  // unordered
  long total = 0;
  for (const long value : pool.imap_unordered(square, std::views::iota(0L, 100L), {.chunksize = 7})) total += value;
  std::printf("in any order: %ld\n", total);
  // end

  // next
  auto results = pool.imap(square, std::views::iota(1L, 4L));
  while (const auto value = results.next(std::chrono::seconds(10))) std::printf("%ld ", *value);
  std::puts("and no more");
  // end
}
