#pragma once
// The works that every implementation does, each written once. An implementation says how it fills memory, how it posts
// a task, how it asks one for its result and how it forks; the rest, and what the right answer is, stands here.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/side_by_side.hpp"
#include "bench/threads/measures.hpp"

namespace bench {

// How many tasks are done. On a cache line of its own: else workers and whoever hands in tasks would wait for each
// other's use of the stack around it, and nothing else would be measured.
struct alignas(64) Done : std::atomic<long> {
  Done() : std::atomic<long>(0) {}
};

inline long square(long i) { return i * i; }

inline constexpr long kLarge = 10'000'000;
inline constexpr long kSmall = 10'000;
inline constexpr int kSmallCalls = 1'000;
inline constexpr int kTasks = 300'000;
inline constexpr int kTrips = 20'000;
inline constexpr long kHandovers = 1'000'000;
inline constexpr int kFib = 30;
inline constexpr int kBurst = 1'000;

// How many forks fib(n) is: one for each call with n of at least 2.
inline long forks(int n) { return n < 2 ? 0 : 1 + forks(n - 1) + forks(n - 2); }
inline long fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
// What maps into given memory fill. The same for all: where the system has put it decides how fast it is, by a fifth.
inline std::vector<long>& given_memory() {
  static std::vector<long> memory(static_cast<std::size_t>(kLarge));
  return memory;
}
inline long sum_below(long n) { return n * (n - 1) / 2; }

// `Impl` has: name(); fill(long* to, long n); fresh(long n) -> something with [] holding squares; post_all(int tasks)
// -> how many were done; ask_all(int tasks) -> sum, of kAsks tasks if it has that; trip(long) -> long; fork_join(int n)
// -> long, and fork_ask(int n) by tasks that are asked for their results; start_stop(); spread(loads, long* to); kIdles
// if another Impl{workers} is a pool that can be left alone; hand_over(long times) and lock_alone(long times) -> times.
// What it lacks it does not declare.
template <class Impl>
class WorksOf {
 public:
  WorksOf(Impl& impl, int workers) : impl_(impl), workers_(workers) {}

  std::vector<Work> all() && {
    maps();
    results();
    tasks();
    trips();
    forks_and_joins();
    machine();
    start_stop();
    loads();
    idle();
    growth();
    return std::move(works_);
  }

 private:
  Work& add(std::string name, const char* unit, std::function<double()> once) {
    return works_.emplace_back(Work{std::move(name), impl_.name(), unit, std::move(once)});
  }

  static double fill(Impl& impl, std::vector<long>& memory, long n, long calls) {
    const double time = seconds([&] {
      for (long call = 0; call < calls; ++call) impl.fill(memory.data(), n);
    });
    check(memory[static_cast<std::size_t>(n - 1)] == square(n - 1), "fill");
    return time / static_cast<double>(calls);
  }

  void maps() {
    if constexpr (requires { impl_.fill(nullptr, 0L); }) {
      add("map_large", "ns/item", [&impl = impl_] { return fill(impl, given_memory(), kLarge, 1) * 1e9 / kLarge; });
      add("map_small", "us/call", [&impl = impl_] { return fill(impl, given_memory(), kSmall, kSmallCalls) * 1e6; });
    }
  }

  void results() {
    if constexpr (requires { impl_.fresh(0L); }) {
      add("map_results", "ns/item", [&impl = impl_] {
        const auto start = std::chrono::steady_clock::now();
        const auto results = impl.fresh(kLarge);
        const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
        check(results[static_cast<std::size_t>(kLarge - 1)] == square(kLarge - 1), "map_results");
        return time.count() * 1e9 / kLarge;
      });
    }
  }

  static constexpr int asks() {
    if constexpr (requires { Impl::kAsks; }) return Impl::kAsks;
    return kTasks;
  }

  void tasks() {
    if constexpr (requires { impl_.post_all(0); }) {
      add("submit", "ns/task", [&impl = impl_] {
        long done = 0;
        const double time = seconds([&] { done = impl.post_all(kTasks); });
        check(done == kTasks, "submit");
        return time * 1e9 / kTasks;
      });
    }
    if constexpr (requires { impl_.ask_all(0); }) {
      add("submit_result", "ns/task", [&impl = impl_] {
        long sum = 0;
        const double time = seconds([&] { sum = impl.ask_all(asks()); });
        check(sum == sum_below(asks()), "submit_result");
        return time * 1e9 / asks();
      });
    }
  }

  // What each trip took, in seconds, the shortest first.
  static std::vector<double> each_trip(Impl& impl) {
    std::vector<double> times(kTrips);
    for (long i = 0; i < kTrips; ++i) {
      const auto start = std::chrono::steady_clock::now();
      const long back = impl.trip(i);
      const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
      check(back == i, "round_trip");
      times[static_cast<std::size_t>(i)] = time.count();
    }
    std::sort(times.begin(), times.end());
    return times;
  }

  void trips() {
    if constexpr (requires { impl_.trip(0L); }) {
      add("round_trip", "ns", [&impl = impl_] {
        long sum = 0;
        const double time = seconds([&] {
          for (long i = 0; i < kTrips; ++i) sum += impl.trip(i);
        });
        check(sum == sum_below(kTrips), "round_trip");
        return time * 1e9 / kTrips;
      });
      add("round_trip_p99", "ns", [&impl = impl_] { return each_trip(impl)[kTrips * 99 / 100] * 1e9; });
      add("round_trip_max", "us", [&impl = impl_] { return each_trip(impl).back() * 1e6; });
    }
  }

  // What the machine itself asks for each step between threads: a CPU's cache line brought to another (a round trip is
  // two of these at the least), and a locked instruction on a line that is there.
  void machine() {
    if constexpr (requires { impl_.hand_over(0L); }) {
      if (at_once(workers_) > 1) {
        add("line_handover", "ns", [&impl = impl_] {
          long handed = 0;
          const double time = seconds([&] { handed = impl.hand_over(kHandovers); });
          check(handed == kHandovers, "line_handover");
          return time * 1e9 / kHandovers;
        });
      }
    }
    if constexpr (requires { impl_.lock_alone(0L); }) {
      add("locked_add", "ns", [&impl = impl_] {
        long added = 0;
        const double time = seconds([&] { added = impl.lock_alone(kHandovers); });
        check(added == kHandovers, "locked_add");
        return time * 1e9 / kHandovers;
      });
    }
  }

  template <class Fork>
  void add_fork(const char* name, Fork fork) {
    add(name, "ns/fork", [fork, name] {
      long result = 0;
      const double time = seconds([&] { result = fork(kFib); });
      check(result == fib(kFib), name);
      return time * 1e9 / static_cast<double>(forks(kFib));
    });
  }

  void forks_and_joins() {
    if constexpr (requires { impl_.fork_join(0); }) {
      add_fork("fork_join", [&impl = impl_](int n) { return impl.fork_join(n); });
    }
    if constexpr (requires { impl_.fork_ask(0); }) {
      add_fork("fork_ask", [&impl = impl_](int n) { return impl.fork_ask(n); });
    }
  }

  void start_stop() {
    if constexpr (requires { impl_.start_stop(); }) {
      add("start_stop", "us", [&impl = impl_] {
        constexpr int kTimes = 20;
        const double time = seconds([&] {
          for (int i = 0; i < kTimes; ++i) impl.start_stop();
        });
        return time * 1e6 / kTimes;
      });
    }
  }

  // Against the time of the plain loop, measured right before, shared out among the workers without a loss.
  void add_load(const char* name, const Loads& loads) {
    add(name, "x ideal", [&impl = impl_, name, loads, workers = at_once(workers_)] {
      std::vector<long> expected(static_cast<std::size_t>(loads.size()));
      std::vector<long> results(expected.size());
      const double alone = seconds([&] {
        for (std::size_t i = 0; i < expected.size(); ++i) expected[i] = loads(static_cast<long>(i));
      });
      const double time = seconds([&] { impl.spread(loads, results.data()); });
      check(results == expected, name);
      return time * workers / alone;
    });
  }

  void loads() {
    if constexpr (requires { impl_.spread(Loads::skewed(), nullptr); }) {
      add_load("skewed", Loads::skewed());
      add_load("heavy_first", Loads::heavy_first());
    }
  }

  static void burst(Impl& impl) {
    if constexpr (requires { impl.post_all(0); }) {
      check(impl.post_all(kBurst) == kBurst, "burst");
    } else {
      std::vector<long> memory(kBurst);
      fill(impl, memory, kBurst, 1);
    }
  }

  // Pools of their own, so that they can have more workers; one that starts no worker before it must has an easy time
  // of the first.
  void idle() {
    if constexpr (requires { Impl::kIdles; }) {
      add("idle_cpu", "us CPU", [workers = idlers(workers_)] {
        [[maybe_unused]] const Impl unused{workers};
        return idle_cpu([] {});
      }).most = 2;
      add("idle_after", "us CPU", [workers = idlers(workers_)] {
        Impl used{workers};
        return idle_cpu([&] { burst(used); });
      }).most = 2;
    }
  }

  // The same map by 10^3 items to 10^8: about 10^7 at a time, in as many calls as it takes.
  void growth() {
    if constexpr (requires { impl_.fill(nullptr, 0L); }) {
      long n = 1000;
      for (int power = 3; power <= 8; ++power, n *= 10) {
        add("map_1e" + std::to_string(power), "ns/item", [&impl = impl_, n] {
          std::vector<long> memory(static_cast<std::size_t>(n));
          return fill(impl, memory, n, std::max(1L, kLarge / n)) * 1e9 / static_cast<double>(n);
        }).on_request = true;
      }
    }
  }

  Impl& impl_;
  int workers_;
  std::vector<Work> works_;
};

template <class Impl>
std::vector<Work> works_of(Impl& impl, int workers) {
  return WorksOf<Impl>(impl, workers).all();
}

std::vector<Work> serial_works(int workers);
std::vector<Work> by_hand_works(int workers);
std::vector<Work> muster_works(int workers);
std::vector<Work> tbb_works(int workers);
std::vector<Work> openmp_works(int workers);
std::vector<Work> asio_works(int workers);
std::vector<Work> async_works(int workers);

}  // namespace bench
