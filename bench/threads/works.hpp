#pragma once
// The works that every implementation does, each written once. An implementation says how it fills memory, how it posts
// a task, how it asks one for its result and how it forks; the rest, and what the right answer is, stands here.

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/side_by_side.hpp"

namespace bench {

inline long square(long i) { return i * i; }

inline constexpr long kLarge = 10'000'000;
inline constexpr long kSmall = 10'000;
inline constexpr int kSmallCalls = 1'000;
inline constexpr int kTasks = 300'000;
inline constexpr int kTrips = 20'000;
inline constexpr int kFib = 30;

// How many forks fib(n) is: one for each call with n of at least 2.
inline long forks(int n) { return n < 2 ? 0 : 1 + forks(n - 1) + forks(n - 2); }
inline long fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

// `Impl` has: name(); fill(long* to, long n); fresh(long n) -> something with size() and [] holding squares;
// post_all(int tasks, counter); ask_all(int tasks) -> sum; trip(long) -> long; fork_join(int n) -> long. What it lacks
// it does not declare.
template <class Impl>
std::vector<Work> works_of(Impl& impl) {
  std::vector<Work> works;
  const auto add = [&](const char* work, const char* unit, std::function<double()> once) {
    works.push_back({work, impl.name(), unit, std::move(once)});
  };
  if constexpr (requires { impl.fill(nullptr, 0L); }) {
    auto memory = std::make_shared<std::vector<long>>(static_cast<std::size_t>(kLarge));
    add("map_large", "ns/item", [&impl, memory] {
      const double time = seconds([&] { impl.fill(memory->data(), kLarge); });
      check(memory->back() == square(kLarge - 1), "map_large");
      return time * 1e9 / static_cast<double>(kLarge);
    });
    add("map_small", "us/call", [&impl, memory] {
      const double time = seconds([&] {
        for (int call = 0; call < kSmallCalls; ++call) impl.fill(memory->data(), kSmall);
      });
      check((*memory)[kSmall - 1] == square(kSmall - 1), "map_small");
      return time * 1e6 / kSmallCalls;
    });
  }
  if constexpr (requires { impl.fresh(0L); }) {
    add("map_results", "ns/item", [&impl] {
      double time = 0;
      {
        const auto start = std::chrono::steady_clock::now();
        const auto results = impl.fresh(kLarge);
        time = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        check(results[static_cast<std::size_t>(kLarge - 1)] == square(kLarge - 1), "map_results");
      }
      return time * 1e9 / static_cast<double>(kLarge);
    });
  }
  if constexpr (requires { impl.post_all(0); }) {
    add("submit", "ns/task", [&impl] {
      long done = 0;
      const double time = seconds([&] { done = impl.post_all(kTasks); });
      check(done == kTasks, "submit");
      return time * 1e9 / kTasks;
    });
  }
  if constexpr (requires { impl.ask_all(0); }) {
    add("submit_result", "ns/task", [&impl] {
      long sum = 0;
      const double time = seconds([&] { sum = impl.ask_all(kTasks); });
      check(sum == static_cast<long>(kTasks) * (kTasks - 1) / 2, "submit_result");
      return time * 1e9 / kTasks;
    });
  }
  if constexpr (requires { impl.trip(0L); }) {
    add("round_trip", "ns", [&impl] {
      long sum = 0;
      const double time = seconds([&] {
        for (long i = 0; i < kTrips; ++i) sum += impl.trip(i);
      });
      check(sum == static_cast<long>(kTrips) * (kTrips - 1) / 2, "round_trip");
      return time * 1e9 / kTrips;
    });
  }
  if constexpr (requires { impl.fork_join(0); }) {
    add("fork_join", "ns/fork", [&impl] {
      long result = 0;
      const double time = seconds([&] { result = impl.fork_join(kFib); });
      check(result == fib(kFib), "fork_join");
      return time * 1e9 / static_cast<double>(forks(kFib));
    });
  }
  if constexpr (requires { impl.fork_ask(0); }) {  // the same by tasks that are asked for their results
    add("fork_ask", "ns/fork", [&impl] {
      long result = 0;
      const double time = seconds([&] { result = impl.fork_ask(kFib); });
      check(result == fib(kFib), "fork_ask");
      return time * 1e9 / static_cast<double>(forks(kFib));
    });
  }
  if constexpr (requires { impl.start_stop(); }) {
    add("start_stop", "us", [&impl] {
      constexpr int kTimes = 20;
      return seconds([&] {
               for (int time = 0; time < kTimes; ++time) impl.start_stop();
             }) *
             1e6 / kTimes;
    });
  }
  return works;
}

std::vector<Work> serial_works(int workers);
std::vector<Work> muster_works(int workers);
std::vector<Work> tbb_works(int workers);
std::vector<Work> openmp_works(int workers);
std::vector<Work> asio_works(int workers);

}  // namespace bench
