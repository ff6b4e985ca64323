// The plain loop, and threads without a pool: what anything else is measured against.

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
