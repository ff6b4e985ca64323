#pragma once
// What locks are measured at, each work written once. A lock is anything with lock() and unlock(); see the files that
// give them a name.

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/side_by_side.hpp"

namespace bench {

inline constexpr int kPairs = 2'000'000;  // lock and unlock, alone
inline constexpr int kLong = 50;          // steps in a long section and after it, each some nanoseconds
inline constexpr int kTrips = 20'000;     // from one thread to another and back
// A run of threads that compete: many turns of the system's scheduler, or those that begin first never meet the others.
inline constexpr std::chrono::milliseconds kRun{50};

// Something that takes time and no memory.
inline void work(int steps) {
  for (int step = 0; step < steps; ++step) asm volatile("" : : "r"(step) : "memory");
}

using Clock = std::chrono::steady_clock;

// Runs `body(number)` in so many threads at once, and says how long all together took, from the first one's beginning
// to the last one's end.
template <class Body>
double time_threads(int threads, const Body& body) {
  struct Span {
    Clock::time_point begin;
    Clock::time_point end;
  };
  std::vector<Span> spans(static_cast<std::size_t>(threads));
  std::latch ready(threads);
  std::vector<std::thread> all;
  for (int number = 0; number < threads; ++number) {
    all.emplace_back([&, number] {
      ready.arrive_and_wait();
      const Clock::time_point begin = Clock::now();
      body(number);
      spans[static_cast<std::size_t>(number)] = {begin, Clock::now()};
    });
  }
  for (std::thread& thread : all) thread.join();
  const auto first = std::min_element(spans.begin(), spans.end(), [](auto& a, auto& b) { return a.begin < b.begin; });
  const auto last = std::max_element(spans.begin(), spans.end(), [](auto& a, auto& b) { return a.end < b.end; });
  return std::chrono::duration<double>(last->end - first->begin).count();
}

struct Repeated {
  long times;
  double cost;  // nanoseconds each, all threads together
};

// Has so many threads repeat `once(round)` for kRun.
template <class Once>
Repeated repeat(int threads, const Once& once) {
  std::atomic<bool> over{false};
  std::atomic<long> times{0};
  std::thread clock([&over] {
    std::this_thread::sleep_for(kRun);
    over.store(true, std::memory_order_relaxed);
  });
  const double time = time_threads(threads, [&](int) {
    long round = 0;
    for (; !over.load(std::memory_order_relaxed); ++round) once(round);
    times += round;
  });
  clock.join();
  return {times, time * 1e9 / static_cast<double>(times)};
}

template <class Lock>
double uncontended() {
  Lock lock;
  long count = 0;
  const double time = seconds([&] {
    for (int i = 0; i < kPairs; ++i) {
      lock.lock();
      asm volatile("" : "+r"(count) : : "memory");
      ++count;
      lock.unlock();
    }
  });
  check(count == kPairs, "uncontended");
  return time * 1e9 / kPairs;
}

// Sections that all threads want, `inside` long, with as much work between them.
template <class Lock>
double contended(int threads, int inside) {
  Lock lock;
  long count = 0;
  const Repeated all = repeat(threads, [&](long) {
    lock.lock();
    ++count;
    work(inside);
    lock.unlock();
    work(inside);
  });
  check(count == all.times, "contended");
  return all.cost;
}

// The longest that any thread waited for a lock which all want without pause, in microseconds.
template <class Lock>
double worst_wait(int threads) {
  Lock lock;
  std::vector<double> worst(static_cast<std::size_t>(threads));
  const auto end = Clock::now() + std::chrono::milliseconds(100);
  time_threads(threads, [&](int number) {
    double longest = 0;
    for (Clock::time_point begin = Clock::now(); begin < end;) {
      lock.lock();
      const auto got = Clock::now();
      longest = std::max(longest, std::chrono::duration<double, std::micro>(got - begin).count());
      work(kLong);
      lock.unlock();
      begin = Clock::now();
    }
    worst[static_cast<std::size_t>(number)] = longest;
  });
  return *std::max_element(worst.begin(), worst.end());
}

// How often the system took the calling thread from its CPU.
inline long preemptions() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nivcsw;
}

// The most that others had a lock, which all want without pause, after a thread had waited for it for a millisecond and
// before it got it. Of threads that were not stopped meanwhile: they might not have come to the lock yet.
template <class Lock>
double passed_over(int threads) {
  constexpr std::size_t kMost = std::size_t{1} << 21U;
  constexpr std::chrono::milliseconds kPatience{1};
  struct Waited {
    Clock::time_point from;
    std::size_t until;  // its place among those who got it
  };
  Lock lock;
  std::vector<Clock::time_point> got(kMost);
  std::size_t count = 0;
  std::vector<std::vector<Waited>> waited(static_cast<std::size_t>(threads));
  const auto end = Clock::now() + std::chrono::milliseconds(100);
  time_threads(threads, [&](int number) {
    for (;;) {
      const long before = preemptions();
      const Clock::time_point begin = Clock::now();
      if (begin >= end) break;
      lock.lock();
      const Clock::time_point now = Clock::now();
      const std::size_t place = count++;
      if (place < kMost) got[place] = now;
      work(kLong);
      lock.unlock();
      if (now - begin > kPatience && preemptions() == before) {
        waited[static_cast<std::size_t>(number)].push_back({begin + kPatience, place});
      }
    }
  });
  check(count <= kMost, "passed_over");
  std::ptrdiff_t most = 0;
  for (const std::vector<Waited>& of : waited) {
    for (const Waited& wait : of) {
      const auto until = got.begin() + static_cast<std::ptrdiff_t>(wait.until);
      most = std::max(most, until - std::lower_bound(got.begin(), until, wait.from));
    }
  }
  return static_cast<double>(most);
}

// `Lock` has lock_shared(), too. One section in `one_write_in` is a write.
template <class Lock>
double read_and_write(int threads, int one_write_in) {
  Lock lock;
  long value = 0;
  std::atomic<long> writes{0};
  const Repeated all = repeat(threads, [&](long round) {
    if (round % one_write_in == 0) {
      lock.lock();
      ++value;
      lock.unlock();
      writes.fetch_add(1, std::memory_order_relaxed);
    } else {
      lock.lock_shared();
      asm volatile("" : : "r"(value));
      lock.unlock_shared();
    }
  });
  check(value == writes, "read_and_write");
  return all.cost;
}

// Two threads hand each other the turn. `Turn` has wait_for(turn) and give(turn).
template <class Turn>
double handover() {
  Turn turn;
  const double time = time_threads(2, [&](int number) {
    for (int i = 0; i < kTrips; ++i) {
      turn.await(number);
      turn.give(1 - number);
    }
  });
  return time * 1e9 / (2.0 * kTrips);
}

template <class Lock>
void add_rw_lock(std::vector<Work>& works, const std::string& impl, int threads) {
  works.push_back({"read_mostly", impl, "ns", [threads] { return read_and_write<Lock>(threads, 64); }});
  works.push_back({"read_half", impl, "ns", [threads] { return read_and_write<Lock>(threads, 2); }});
  works.push_back({"write_only", impl, "ns", [threads] { return read_and_write<Lock>(threads, 1); }});
}

template <class Lock>
void add_lock(std::vector<Work>& works, const std::string& impl, int threads) {
  works.push_back({"uncontended", impl, "ns", uncontended<Lock>});
  works.push_back({"short", impl, "ns", [threads] { return contended<Lock>(threads, 0); }});
  works.push_back({"long", impl, "ns", [threads] { return contended<Lock>(threads, kLong); }});
  works.push_back({"worst_wait", impl, "us", [threads] { return worst_wait<Lock>(threads); }});
  works.push_back({"passed_over", impl, "times", [threads] { return passed_over<Lock>(threads); }});
}

std::vector<Work> muster_locks(int threads);
std::vector<Work> standard_locks(int threads);
std::vector<Work> abseil_locks(int threads);
std::vector<Work> tbb_locks(int threads);
std::vector<Work> shared_locks(int threads);

}  // namespace bench
