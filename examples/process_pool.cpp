// The calls of every pool, by workers that are processes.
#include <muster/pool.hpp>

#include <unistd.h>

#include <cstdio>
#include <numeric>
#include <ranges>
#include <set>
#include <string>
#include <tuple>
#include <vector>

long power(long base, int exponent) { return exponent == 0 ? 1 : base * power(base, exponent - 1); }
std::string greet(const std::string& name) { return "hello, " + name; }

// scaled
// A closure cannot say what it captured, so it does not travel. A struct with fields does.
struct Scaled {
  double by;
  double operator()(int i) const { return by * i; }
};
// end

int worker(int) { return getpid(); }

// initializer
long connection = 0;  // every process has one of its own

void connect(long server) { connection = server; }
long query(int i) { return connection + i; }
// end

double total(const muster::SharedArray<double>& numbers) {
  return std::accumulate(numbers.begin(), numbers.end(), 0.0);
}

int main(int argc, char** argv) {
  // make
  muster::init(argc, argv);     // at the top of main: from here on workers can be made beside any threads
  muster::ProcessPool pool(2);  // two processes
  auto squares = pool.map([](int i) { return i * i; }, std::views::iota(0, 1000));
  std::printf("%zu squares, the last is %d\n", squares.size(), squares.back());
  // end

  auto later = pool.apply_async(greet, "process");
  std::printf("%s\n", later.get().c_str());
  const auto powers = pool.starmap(power, std::vector<std::tuple<long, int>>{{2, 10}, {10, 3}});
  std::printf("%ld %ld\n", powers[0], powers[1]);

  // callables
  const auto cubes = pool.map(muster::bind([](int exponent, int base) { return power(base, exponent); }, 3), {1, 2, 3});
  const auto halves = pool.map(Scaled{0.5}, {1, 2, 3});
  std::printf("%ld %ld %ld; %.1f %.1f %.1f\n", cubes[0], cubes[1], cubes[2], halves[0], halves[1], halves[2]);
  // end

  // stream
  long sum = 0;
  for (const long value : pool.imap([](long i) { return 2 * i; }, std::views::iota(1L))) {  // an input without end
    sum += value;
    if (value == 200) break;
  }
  std::printf("2 + 4 + ... + 200 = %ld\n", sum);
  // end

  // options
  muster::ProcessPool served({.processes = 2, .initializer = muster::bind(connect, 1000L)});
  const auto answers = served.map(query, {1, 2, 3});
  std::printf("%ld %ld %ld\n", answers[0], answers[1], answers[2]);
  // end

  // maxtasksperchild
  muster::ProcessPool fresh({.processes = 1, .maxtasksperchild = 1});
  const auto pids = fresh.map(worker, {1, 2, 3}, {.chunksize = 1});
  std::printf("%zu workers for 3 tasks\n", std::set(pids.begin(), pids.end()).size());
  // end

  // resize
  pool.pause();  // nothing begins
  auto waiting = pool.map_async(worker, std::views::iota(0, 100));
  pool.resize(4);  // two more processes
  std::printf("%d workers, %zu processes, ", pool.stats().workers, pool.worker_pids().size());
  std::printf("%d call waits\n", static_cast<int>(pool.stats().unfinished()));
  pool.resume();
  waiting.wait();
  pool.resize(1);
  // end

  // array
  muster::SharedArray<double> samples(1'000'000);  // zeros, in memory that workers see
  std::iota(samples.begin(), samples.end(), 0.0);
  pool.map_into([](double x) { return x / 2; }, samples, samples);  // nothing is copied, there or back
  std::printf("%.1f, their sum %.0f\n", samples.back(), pool.apply(total, samples));
  // end
}
