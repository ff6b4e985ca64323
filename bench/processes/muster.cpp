#include <muster/pool.hpp>

#include <signal.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <ranges>
#include <string>
#include <thread>
#include <vector>

#include "bench/processes/works.hpp"

namespace bench {
namespace {

constexpr long square(long i) { return i * i; }
long same(long i) { return i; }
long sum(const std::vector<unsigned char>& bytes) { return std::accumulate(bytes.begin(), bytes.end(), 0L); }
long sum_shared(const muster::SharedArray<unsigned char>& bytes) {
  return std::accumulate(bytes.begin(), bytes.end(), 0L);
}

std::vector<unsigned char> ones(std::size_t size) { return std::vector<unsigned char>(size, 1); }
std::string text(int i) { return std::string(kText, static_cast<char>('a' + i % 26)); }

template <class Pool>
double map_results(Pool& pool) {
  const auto start = std::chrono::steady_clock::now();
  const auto results = pool.map(square, std::views::iota(0L, kLarge));
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  check(results.size() == kLarge && results[kLarge - 1] == square(kLarge - 1), "map_results");
  return time.count() * 1e9 / static_cast<double>(kLarge);
}

double chunk1(muster::ProcessPool& pool) {
  long last = 0;
  const double time =
      seconds([&] { last = pool.map(square, std::views::iota(0L, kTasks), {.chunksize = 1})[kTasks - 1]; });
  check(last == square(kTasks - 1), "chunk1");
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

double apply_round_trip(muster::ProcessPool& pool) {
  long total = 0;
  const double time = seconds([&] {
    for (long i = 0; i < kTrips; ++i) total += pool.apply(same, i);
  });
  check(total == static_cast<long>(kTrips) * (kTrips - 1) / 2, "apply_round_trip");
  return time * 1e6 / kTrips;
}

// Once caller and worker spin, each on a CPU of its own.
double apply_spinning(muster::ProcessPool& pool) {
  for (long i = 0; i < kAwake; ++i) check(pool.apply(same, i) == i, "apply_spinning");
  return apply_round_trip(pool);
}

double apply_after(Pause how, muster::ProcessPool& pool) {
  return after_pauses(how, [&] { check(pool.apply(same, 7L) == 7, "apply after a pause"); });
}

double array_in(muster::ProcessPool& pool, const std::vector<unsigned char>& bytes) {
  long total = 0;
  // A map over one item that stays ours: the pool makes no copy of its own before it sends it.
  const double time = seconds([&] { total = pool.map(sum, std::span(&bytes, 1))[0]; });
  check(total == static_cast<long>(kBytes / kOnes), "array_64MiB");
  return time * 1e3;
}

double array_out(muster::ProcessPool& pool) {
  std::vector<unsigned char> made;
  const double time = seconds([&] { made = pool.apply(ones, kBytes); });
  check(made.size() == kBytes && made[kBytes / 3] == 1 && made.back() == 1, "array_out");
  return time * 1e3;
}

double texts_out(muster::ProcessPool& pool) {
  double time = 0;
  {
    muster::Results<std::string> texts;
    time = seconds([&] { texts = pool.map(text, std::views::iota(0, kTexts), {.chunksize = 1}); });
    for (int i = 0; i < kTexts; ++i) {
      const std::string& one = texts[static_cast<std::size_t>(i)];
      check(one.size() == kText && one.front() == 'a' + i % 26 && one.back() == one.front(), "texts_out");
    }
  }
  return time * 1e6 / kTexts;
}

template <class Sum>
double array_shared(const Sum& sum) {
  long total = 0;
  const double time = seconds([&] { total = sum(); });
  check(total == static_cast<long>(kBytes / kOnes), "array_shared");
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
double respawn(muster::ProcessPool& pool) {
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
  const auto threads = std::make_shared<muster::ThreadPool>(workers);
  const auto bytes = std::make_shared<std::vector<unsigned char>>(kBytes);
  for (std::size_t i = 0; i < kBytes; i += kOnes) (*bytes)[i] = 1;
  const muster::SharedArray<unsigned char> shared(*bytes);
  return {{"map_results", "muster", "ns/item", [pool] { return map_results(*pool); }},
          {"map_results", "threads", "ns/item", [threads] { return map_results(*threads); }},
          {"chunk1", "muster", "ns/task", [pool] { return chunk1(*pool); }},
          {"imap", "muster", "ns/item", [pool] { return imap(*pool); }},
          {"apply_round_trip", "muster", "us", [pool] { return apply_round_trip(*pool); }},
          {"apply_spinning", "muster", "us", [pool] { return apply_spinning(*pool); }},
          {"apply_idle", "muster", "us", [pool] { return apply_after(Pause::kWorks, *pool); }},
          {"apply_rested", "muster", "us", [pool] { return apply_after(Pause::kSleeps, *pool); }},
          {"array_in", "muster", "ms", [pool, bytes] { return array_in(*pool, *bytes); }},
          {"array_out", "muster", "ms", [pool] { return array_out(*pool); }},
          {"texts_out", "muster", "us/item", [pool] { return texts_out(*pool); }},
          {"array_shared", "muster", "ms",
           [pool, shared] { return array_shared([&] { return pool->apply(sum_shared, shared); }); }},
          {"array_shared", "sum", "ms", [shared] { return array_shared([&] { return sum_shared(shared); }); }},
          {"start_stop", "muster", "ms", [workers] { return start_stop(workers); }},
          {"respawn", "muster", "ms", [pool] { return respawn(*pool); }}};
}

}  // namespace bench
