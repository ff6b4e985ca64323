// What a task throws, what it takes too long for, and what muster itself refuses.
#include <muster/pool.hpp>

#include <chrono>
#include <cstdio>
#include <ranges>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

struct OutOfPaper : std::runtime_error {
  explicit OutOfPaper(int at) : std::runtime_error("out of paper"), page(at) {}
  int page;
};

int print(int page) { return page % 10 == 7 ? throw OutOfPaper(page) : page; }

// Waits until it is asked to stop: what stands in for a long computation that looks at its token now and then.
int endless(const std::stop_token& stop, int item) {
  while (!stop.stop_requested()) std::this_thread::sleep_for(1ms);
  return item;
}

int main() {
  muster::ThreadPool pool(2);

  // map
  try {
    pool.map(print, std::views::iota(0, 30));
  } catch (const OutOfPaper& error) {  // its own type, with all that it holds
    std::printf("map: %s at page %d\n", error.what(), error.page);
  }
  // end

  // failed_index
  std::size_t at = 0;
  try {
    pool.map(print, std::views::iota(0, 30), {.failed_index = &at});
  } catch (const std::exception& error) {
    std::printf("item %zu: %s\n", at, error.what());
  }
  // end

  // try_map
  int printed = 0;
  for (const auto& outcome : pool.try_map(print, std::views::iota(0, 30))) printed += outcome.has_value();
  std::printf("try_map: %d of 30 pages\n", printed);
  // end

  // imap
  auto pages = pool.imap(print, std::views::iota(6, 9));
  for (int i = 0; i < 3; ++i) {
    try {
      std::printf("imap: page %d\n", *pages.next());
    } catch (const OutOfPaper& error) {
      std::printf("imap: %s at page %d, and on\n", error.what(), error.page);
    }
  }
  // end

  // timeout
  try {
    pool.with({.timeout = 20ms}).apply(endless, 1);  // the task's own limit, from the moment it begins
  } catch (const muster::TimeoutError& error) {
    std::printf("timeout: %s\n", error.what());
  }
  // end

  // one of many
  const auto slow_one = [](const std::stop_token& stop, int i) { return i == 2 ? endless(stop, i) : i; };
  const auto outcomes = pool.try_map(slow_one, std::vector{0, 1, 2, 3}, {.timeout = 200ms});
  for (const auto& outcome : outcomes) std::printf("%s ", outcome ? "value," : "timeout,");
  std::puts("no more");
  // end

  // get
  auto result = pool.apply_async(endless, 5);
  try {
    result.get(20ms);  // only this wait ends; the task goes on
  } catch (const muster::TimeoutError&) {
    result.cancel();  // it has begun, so it is asked to stop
  }
  std::printf("get: %d after all\n", result.get());
  // end

  // refused
  try {
    const muster::ThreadPool none(-1);
  } catch (const muster::ValueError& error) {
    std::printf("refused: %s\n", error.what());
  }
  pool.close();
  try {
    pool.apply(print, 1);
  } catch (const muster::PoolClosed& error) {
    std::printf("refused: %s\n", error.what());
  }
  // end
}
