#include "bench_kinds.hpp"

#include <malloc.h>

#include <array>
#include <chrono>
#include <muster/pool.hpp>
#include <ranges>
#include <vector>

namespace muster::cli::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

template <class Result, class AnyResults>
std::uint64_t fingerprint_of(const AnyResults& results) {
  Fingerprint fingerprint;
  if constexpr (!std::is_void_v<Result>) {
    for (const auto& result : results) fingerprint.add(result);
  }
  return fingerprint.value();
}

template <class AnyPool>
AnyPool make_pool(const Setting& setting) {
  return AnyPool(setting.workers);
}
template <>
ProcessPool make_pool<ProcessPool>(const Setting& setting) {
  return ProcessPool({.processes = setting.workers, .start_method = setting.start_method});
}

// The lambda captures nothing: it is sent to processes, too.
template <class AnyPool, class AnyTask>
Run time_pool(const Setting& setting, long items) {
  const auto made = Clock::now();
  auto pool = make_pool<AnyPool>(setting);
  const auto begun = Clock::now();
  const auto results = pool.map([](long i) { return AnyTask::run(i); }, std::views::iota(0L, items));
  pool.close();
  pool.join();
  const auto ended = Clock::now();
  return {.seconds = seconds_between(begun, ended),
          .start = seconds_between(made, begun),
          .size = results.size(),
          .fingerprint = fingerprint_of<ResultOf<AnyTask>>(results)};
}

template <class AnyTask>
Run time_loop(long items) {
  using Result = ResultOf<AnyTask>;
  const auto size = static_cast<std::size_t>(items);
  const auto begun = Clock::now();
  if constexpr (std::is_void_v<Result>) {
    for (long i = 0; i < items; ++i) AnyTask::run(i);
    return {.seconds = seconds_between(begun, Clock::now()), .size = size};
  } else {
    std::vector<Result> results;
    results.reserve(size);  // faster than vector(size): that would write each page twice
    for (long i = 0; i < items; ++i) results.push_back(AnyTask::run(i));
    const auto ended = Clock::now();
    return {.seconds = seconds_between(begun, ended), .size = size, .fingerprint = fingerprint_of<Result>(results)};
  }
}

template <class AnyPool, class... AnyTask>
constexpr std::array<PoolTimer, sizeof...(AnyTask)> pool_timers(const std::tuple<AnyTask...>*) {
  return {time_pool<AnyPool, AnyTask>...};
}

template <class... AnyTask>
constexpr std::array<LoopTimer, sizeof...(AnyTask)> plain_timers(const std::tuple<AnyTask...>*) {
  return {time_loop<AnyTask>...};
}

constexpr const Tasks* kAll = nullptr;
template <class AnyPool>
constexpr auto kTimers = pool_timers<AnyPool>(kAll);
constexpr auto kLoops = plain_timers(kAll);

constexpr Kind kKinds[] = {
    {"threads", "thread_pool", false, kTimers<ThreadPool>},
    {"dummy", "dummy_pool", false, kTimers<dummy::Pool>},
    {"processes", "process_pool", true, kTimers<ProcessPool>},
};

}  // namespace

std::span<const Kind> all_kinds() { return kKinds; }

void want_fresh_memory() {
#ifdef M_MMAP_THRESHOLD
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
}

std::span<const LoopTimer> loop_timers() { return kLoops; }

}  // namespace muster::cli::bench
