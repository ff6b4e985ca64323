// Calls that return at once, and what can be done with the AsyncResult that they return.
#include <muster/pool.hpp>
#include <muster/threading.hpp>

#include <chrono>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

std::string greet(const std::string& name) { return "hello, " + name; }
int picky(int i) { return i == 3 ? throw std::invalid_argument("three is refused") : i; }

int main() {
  muster::ThreadPool pool(2);

  // apply
  std::printf("%s\n", pool.apply(greet, "apply").c_str());
  // end

  // apply_async
  auto later = pool.apply_async(greet, "apply_async");
  later.wait(10s);  // or get() at once, which waits too
  if (later.ready() && later.successful()) std::printf("%s\n", later.get().c_str());
  std::string taken = std::move(later).get();  // moved out, not copied
  std::printf("%zu letters\n", taken.size());
  // end

  // callbacks
  const auto told = [](int i) { std::printf("callback: %d\n", i); };
  const auto warned = [](const std::exception& error) { std::printf("error callback: %s\n", error.what()); };
  pool.apply_async(picky, 2).callback(told).error_callback(warned).wait();
  pool.apply_async(picky, 3).callback(told).error_callback(warned).wait();
  // end

  // late
  auto early = pool.apply_async(picky, 7);
  early.wait();
  early.callback([](int i) { std::printf("attached late, called all the same: %d\n", i); });
  // end

  // map_async
  auto words = pool.map_async(greet, std::vector<std::string>{"ann", "bob"});
  std::printf("%s; %s\n", words.get()[0].c_str(), words.get()[1].c_str());
  // end

  // cancel
  muster::ThreadPool single(1);
  muster::threading::Event go;
  auto first = single.apply_async([&go] { go.wait(); });  // keeps the only worker busy
  auto second = single.apply_async(greet, "nobody");
  std::printf("cancelled: %d\n", second.cancel());
  go.set();
  try {
    second.get();
  } catch (const muster::Cancelled&) {
    std::puts("it never began");
  }
  // end
}
