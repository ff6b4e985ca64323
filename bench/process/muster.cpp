#include <muster/pool.hpp>

#include <signal.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <ranges>
#include <thread>
#include <vector>

#include "bench/process/works.hpp"

namespace bench {
namespace {

constexpr long square(long i) { return i * i; }
long same(long i) { return i; }
long sum(const std::vector<unsigned char>& bytes) { return std::accumulate(bytes.begin(), bytes.end(), 0L); }

double map_large(muster::ProcessPool& pool) {
  const auto start = std::chrono::steady_clock::now();
  const auto results = pool.map(square, std::views::iota(0L, kLarge));
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  check(results.size() == kLarge && results[kLarge - 1] == square(kLarge - 1), "map_large");
  return time.count() * 1e9 / static_cast<double>(kLarge);
}

double map_one_by_one(muster::ProcessPool& pool) {
  long last = 0;
  const double time =
      seconds([&] { last = pool.map(square, std::views::iota(0L, kTasks), {.chunksize = 1})[kTasks - 1]; });
  check(last == square(kTasks - 1), "map_chunk_1");
  return time * 1e9 / static_cast<double>(kTasks);
}

double imap(muster::ProcessPool& pool) {
  long total = 0;
  const double time = seconds([&] {
    for (const long value : pool.imap(square, std::views::iota(0L, kTasks))) total += value;
  });
  check(total == (kTasks - 1) * kTasks * (2 * kTasks - 1) / 6, "imap");
  return time * 1e9 / static_cast<double>(kTasks);
}

double apply(muster::ProcessPool& pool) {
  long total = 0;
  const double time = seconds([&] {
    for (long i = 0; i < kTrips; ++i) total += pool.apply(same, i);
  });
  check(total == static_cast<long>(kTrips) * (kTrips - 1) / 2, "apply");
  return time * 1e6 / kTrips;
}

double apply_idle(muster::ProcessPool& pool) {
  double time = 0;
  for (long i = 0; i < kRests; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    time += seconds([&] { check(pool.apply(same, i) == i, "apply_idle"); });
  }
  return time * 1e6 / kRests;
}

double array_sum(muster::ProcessPool& pool, const std::vector<unsigned char>& bytes) {
  long total = 0;
  // A map over one item that stays ours: the pool makes no copy of its own before it sends it.
  const double time = seconds([&] { total = pool.map(sum, std::span(&bytes, 1))[0]; });
  check(total == static_cast<long>(kBytes / kOnes), "array_64MiB");
  return time * 1e3;
}

double start_stop(int workers) {
  const double time = seconds([&] {
    for (int i = 0; i < kStarts; ++i) {
      muster::ProcessPool pool(workers);
      check(pool.apply(same, 7L) == 7, "start_stop");
      pool.close();
      pool.join();
    }
  });
  return time * 1e3 / kStarts;
}

// From the death of a worker until there is another in its place that lives.
double replace(muster::ProcessPool& pool) {
  const auto whole = [&](int lost) {
    const std::vector<int> pids = pool.worker_pids();
    return static_cast<int>(pids.size()) == pool.processes() && std::ranges::find(pids, lost) == pids.end();
  };
  const int lost = pool.worker_pids().front();
  return seconds([&] {
           kill(lost, SIGKILL);
           while (!whole(lost)) std::this_thread::sleep_for(std::chrono::microseconds(50));
         }) *
         1e3;
}

}  // namespace

std::vector<Work> muster_works(int workers) {
  const auto pool = std::make_shared<muster::ProcessPool>(workers);
  const auto bytes = std::make_shared<std::vector<unsigned char>>(kBytes);
  for (std::size_t i = 0; i < kBytes; i += kOnes) (*bytes)[i] = 1;
  return {{"map_chunk_1", "muster", "ns/task", [pool] { return map_one_by_one(*pool); }},
          {"imap", "muster", "ns/item", [pool] { return imap(*pool); }},
          {"apply", "muster", "us", [pool] { return apply(*pool); }},
          {"apply_idle", "muster", "us", [pool] { return apply_idle(*pool); }},
          {"map_large", "muster", "ns/item", [pool] { return map_large(*pool); }},
          {"array_64MiB", "muster", "ms", [pool, bytes] { return array_sum(*pool, *bytes); }},
          {"start_stop", "muster", "ms", [workers] { return start_stop(workers); }},
          {"replace", "muster", "ms", [pool] { return replace(*pool); }}};
}

}  // namespace bench
