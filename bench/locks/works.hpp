#pragma once
// What locks are measured at, each work written once. A lock is anything with lock() and unlock(); see the files that
// give them a name.

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

inline constexpr int kPairs = 2'000'000;      // lock and unlock, alone
inline constexpr int kSections = 400'000;     // short ones, of all threads together
inline constexpr int kLongSections = 40'000;  // long ones
inline constexpr int kLong = 50;              // steps in a long section and after it, each some nanoseconds
inline constexpr int kTrips = 20'000;         // from one thread to another and back
inline constexpr int kReads = 1'600'000;      // or writes, of all threads together: some time slices long

// Something that takes time and no memory.
inline void work(int steps) {
  for (int step = 0; step < steps; ++step) asm volatile("" : : "r"(step) : "memory");
}

// Runs `body(number)` in so many threads at once, and says how long all together took.
template <class Body>
double time_threads(int threads, const Body& body) {
  std::latch ready(threads + 1);
  std::vector<std::thread> all;
  for (int number = 0; number < threads; ++number) {
    all.emplace_back([&, number] {
      ready.arrive_and_wait();
      body(number);
    });
  }
  const auto begin = (ready.arrive_and_wait(), std::chrono::steady_clock::now());
  for (std::thread& thread : all) thread.join();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
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
double contended(int threads, int sections, int inside) {
  Lock lock;
  long count = 0;
  const int each = sections / threads;
  const double time = time_threads(threads, [&](int) {
    for (int i = 0; i < each; ++i) {
      lock.lock();
      ++count;
      work(inside);
      lock.unlock();
      work(inside);
    }
  });
  check(count == static_cast<long>(each) * threads, "contended");
  return time * 1e9 / static_cast<double>(count);
}

// The longest that any thread waited for a lock which all want without pause, in microseconds.
template <class Lock>
double worst_wait(int threads) {
  using Clock = std::chrono::steady_clock;
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

// `Lock` has lock_shared(), too. One section in `one_write_in` is a write.
template <class Lock>
double read_and_write(int threads, int one_write_in) {
  Lock lock;
  long value = 0;
  const int each = kReads / threads;
  const double time = time_threads(threads, [&](int) {
    long sum = 0;
    for (int i = 0; i < each; ++i) {
      if (i % one_write_in == 0) {
        lock.lock();
        ++value;
        lock.unlock();
      } else {
        lock.lock_shared();
        sum += value;
        lock.unlock_shared();
      }
    }
    asm volatile("" : : "r"(sum));
  });
  check(value == static_cast<long>((each + one_write_in - 1) / one_write_in) * threads, "read_and_write");
  return time * 1e9 / static_cast<double>(each * threads);
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
  works.push_back({"short", impl, "ns", [threads] { return contended<Lock>(threads, kSections, 0); }});
  works.push_back({"long", impl, "ns", [threads] { return contended<Lock>(threads, kLongSections, kLong); }});
  works.push_back({"worst_wait", impl, "us", [threads] { return worst_wait<Lock>(threads); }});
}

std::vector<Work> muster_locks(int threads);
std::vector<Work> standard_locks(int threads);
std::vector<Work> abseil_locks(int threads);
std::vector<Work> tbb_locks(int threads);

}  // namespace bench
