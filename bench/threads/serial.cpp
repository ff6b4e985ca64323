// The plain loop, and threads without a pool: what anything else is measured against.

#include <atomic>
#include <thread>
#include <vector>

#include "bench/threads/works.hpp"

namespace bench {
namespace {

struct Serial {
  int workers;
  static const char* name() { return "serial"; }
  static constexpr bool kIdles = true;  // what the program itself takes, asleep

  static void fill(long* to, long n) {
    for (long i = 0; i < n; ++i) to[i] = square(i);
    asm volatile("" ::"r"(to) : "memory");
  }
  static std::vector<long> fresh(long n) {
    std::vector<long> results(static_cast<std::size_t>(n));
    fill(results.data(), n);
    return results;
  }
  static void spread(const Loads& loads, long* to) {
    for (long i = 0; i < loads.size(); ++i) to[i] = loads(i);
  }
  // A cache line that two threads hand to and fro, each waiting for it awake: what no task can be handed out below.
  static long hand_over(long times) {
    struct alignas(64) Line : std::atomic<long> {};
    Line line{};
    std::thread other([&line, times] {
      for (long turn = 1; turn < times; turn += 2) {
        while (line.load(std::memory_order_acquire) != turn) {
        }
        line.store(turn + 1, std::memory_order_release);
      }
    });
    for (long turn = 0; turn < times; turn += 2) {
      line.store(turn + 1, std::memory_order_release);
      while (line.load(std::memory_order_acquire) != turn + 2) {
      }
    }
    other.join();
    return line.load(std::memory_order_relaxed);
  }
  // A cache line that nobody else touches, by locked instructions that wait for each other.
  static long lock_alone(long times) {
    alignas(64) std::atomic<long> line{0};
    for (long i = 0; i < times; ++i) line.fetch_add(1, std::memory_order_acq_rel);
    return line.load(std::memory_order_relaxed);
  }
  void start_stop() const {
    std::vector<std::thread> threads;
    for (int i = 0; i < workers; ++i) threads.emplace_back([] {});
    for (std::thread& thread : threads) thread.join();
  }
};

}  // namespace

std::vector<Work> serial_works(int workers) {
  static Serial serial{};
  serial.workers = workers;
  return works_of(serial, workers);
}

}  // namespace bench
