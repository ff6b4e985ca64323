// What a user of the installed package can do with pools: the same calls, with the same meaning, on each kind.
#include <muster/pool.hpp>
#include <muster/threading.hpp>
#include <muster/version.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <mutex>
#include <numeric>
#include <ranges>
#include <sstream>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

namespace {

long triple(long n) { return 3 * n; }
double scale(double by, int n) { return by * n; }
std::string label(const std::string& name, int n) { return name + "-" + std::to_string(n); }
void ignore(long) {}

struct BadNumber : std::domain_error {
  explicit BadNumber(int n) : std::domain_error("bad number " + std::to_string(n)), number(n) {}
  int number;
};
int refuse_fives(int n) { return n % 5 == 0 ? throw BadNumber(n) : n; }

struct Parcel {  // a plain aggregate
  std::string to;
  std::vector<int> weights;
};
int weight(const Parcel& parcel) { return std::accumulate(parcel.weights.begin(), parcel.weights.end(), 0); }

int until_stopped(const std::stop_token& stop, int n) {
  while (!stop.stop_requested()) std::this_thread::sleep_for(1ms);
  return n;
}

template <class Pool>
void maps(Pool& pool) {
  const auto triples = pool.map(triple, std::views::iota(0L, 5000L));
  std::printf("map: %zu, from %ld to %ld\n", triples.size(), triples.front(), triples.back());
  std::printf("map without results: %zu\n", pool.map(ignore, std::views::iota(0L, 5000L)).size());
  std::printf("map of nothing: %zu\n", pool.map(triple, std::vector<long>()).size());

  const std::vector<std::string> names = pool.map([](int n) { return label("item", n); }, {1, 2, 3}, {.chunksize = 2});
  std::printf("map of a list: %s %s %s\n", names[0].c_str(), names[1].c_str(), names[2].c_str());

  const auto even = pool.map([](int n) { return n % 2 == 0; }, {1, 2, 3, 4});
  std::printf("map to bool: %d%d%d%d\n", even[0], even[1], even[2], even[3]);

  auto boxes = pool.map([](int n) { return std::make_unique<int>(n); }, {7, 8});
  const auto opened = pool.map([](std::unique_ptr<int> box) { return *box; }, std::move(boxes));
  std::printf("move-only there and back: %d %d\n", opened[0], opened[1]);

  std::array<double, 3> halves{};
  pool.map_into(muster::bind(scale, 0.5), std::views::iota(1, 4), halves);
  std::printf("map_into with bind: %.1f %.1f %.1f\n", halves[0], halves[1], halves[2]);

  const auto labels = pool.starmap(label, std::vector<std::tuple<std::string, int>>{{"left", 1}, {"right", 2}});
  std::printf("starmap: %s %s\n", labels[0].c_str(), labels[1].c_str());
}

template <class Pool>
void streams(Pool& pool) {
  std::istringstream words("first second third");
  for (const std::string& word : pool.imap(muster::bind(label, "word"), std::vector{1, 2})) {
    std::printf("imap: %s\n", word.c_str());
  }
  std::size_t letters = 0;
  for (const std::size_t length : pool.imap_unordered([](const std::string& word) { return word.size(); },
                                                      std::views::istream<std::string>(words))) {
    letters += length;
  }
  std::printf("imap_unordered over a stream: %zu letters\n", letters);

  long sum = 0;
  int taken = 0;
  for (const long value : pool.imap(triple, std::views::iota(1L), {.chunksize = 4, .window = 16})) {
    sum += value;
    if (++taken == 100) break;
  }
  std::printf("imap over an endless input: %ld\n", sum);
}

template <class Pool>
void calls(Pool& pool) {
  std::printf("apply: %s\n", pool.apply(label, "call", 1).c_str());
  std::printf("apply with an aggregate: %d\n", pool.apply(weight, Parcel{"home", {2, 3, 4}}));

  const auto later = pool.apply_async(triple, 14L);
  std::printf("apply_async: %ld", later.get(60s));
  std::printf(", ready %d, successful %d\n", later.ready(), later.successful());

  auto both = pool.map_async(triple, std::vector{1L, 2L});
  both.wait(60s);
  std::printf("map_async: %ld %ld\n", both.get()[0], both.get()[1]);
  const auto labels = pool.starmap_async(label, std::vector<std::tuple<std::string, int>>{{"async", 3}}).get();
  std::printf("starmap_async: %s\n", labels[0].c_str());

  pool.apply_async(refuse_fives, 4).callback([](int n) { std::printf("callback: %d\n", n); }).wait();
  pool.apply_async(refuse_fives, 5)
      .error_callback([](const std::exception& error) { std::printf("error callback: %s\n", error.what()); })
      .wait();

  std::atomic<int> posted{0};
  for (int i = 0; i < 50; ++i) pool.post([&posted] { ++posted; });
  pool.wait_all();
  std::printf("post: %d\n", posted.load());

  // From outside, and in a task, where forks stay with their worker.
  const auto [six, word] = pool.invoke([] { return triple(2L); }, [] { return label("fork", 1); });
  const auto sum = pool.apply([&pool] {
    const auto [a, b, c] = pool.invoke([] { return 1; }, [] { return 2; }, [] { return 3; });
    return a + b + c;
  });
  std::printf("invoke: %ld %s %d\n", six, word.c_str(), sum);
}

template <class Pool>
void errors(Pool& pool) {
  try {
    pool.map(refuse_fives, std::views::iota(1, 30));
  } catch (const BadNumber& error) {
    std::printf("map throws: %s, which is %d\n", error.what(), error.number);
  }
  int values = 0;
  for (const auto& outcome : pool.try_map(refuse_fives, std::views::iota(1, 30))) values += outcome.has_value();
  std::printf("try_map: %d values of 29\n", values);

  try {
    pool.with({.timeout = 10ms}).apply(until_stopped, 1);
  } catch (const muster::TimeoutError&) {
    std::puts("timeout: the task was too slow");
  }
  const auto slow = pool.apply_async(until_stopped, 6);
  try {
    slow.get(10ms);
  } catch (const muster::TimeoutError&) {
    slow.cancel();
    std::printf("get timed out; asked to stop it gives %d\n", slow.get());
  }
  try {
    pool.map(triple, std::vector{1L}, {.chunksize = -1});
  } catch (const muster::ValueError& error) {
    std::printf("refused: %s\n", error.what());
  }
}

template <class Pool>
long fib(Pool& pool, int n) {
  if (n < 2) return n;
  const auto one = pool.apply_async([&pool, n] { return fib(pool, n - 1); });
  const long two = fib(pool, n - 2);
  return one.get() + two;
}

template <class Pool>
void endings(Pool& pool) {
  const auto last = pool.apply_async(triple, 33L);
  auto rest = pool.imap(triple, std::views::iota(1L, 4L));
  pool.close();
  try {
    pool.apply(triple, 1L);
  } catch (const muster::PoolClosed&) {
    std::puts("closed: no more work");
  }
  pool.join();
  std::printf("joined: %ld;", last.get());
  for (const long value : rest) std::printf(" %ld", value);
  std::puts("");
}

template <class Pool>
void tour(const char* kind) {
  std::printf("== %s\n", kind);
  Pool pool(3);
  std::printf("workers: %d\n", pool.processes());
  maps(pool);
  streams(pool);
  calls(pool);
  errors(pool);
  Pool single(1);
  std::printf("fib(12) on one worker: %ld\n", single.apply([&single] { return fib(single, 12); }));
  endings(pool);

  Pool ended(1);
  ended.terminate();
  ended.join();
  const Pool by_options({.processes = 2, .initializer = muster::bind(ignore, 1L), .maxtasksperchild = 5});
  std::printf("by options: %d\n", by_options.processes());
}

void tools() {
  std::puts("== tools");
  muster::threading::Lock lock;
  long counted = 0;
  muster::ThreadPool pool(2);
  const auto count = [&](int) {
    const std::scoped_lock guard(lock);
    ++counted;
  };
  pool.map(count, std::views::iota(0, 10'000), {.chunksize = 10});
  std::printf("counted under a lock: %ld\n", counted);
  try {
    lock.release();
  } catch (const muster::LockError& error) {
    std::printf("refused: %s\n", error.what());
  }
  muster::threading::Event event;
  pool.post([&event] { event.set(); });
  std::printf("event: %d\n", event.wait(60s));
  std::printf("default size is that of the machine: %d\n", muster::ThreadPool().processes() == muster::usable_cpus());
}

}  // namespace

int main() {
  std::printf("muster %s\n", *muster::kVersion != '\0' ? "has a version" : "has none");
  tour<muster::ThreadPool>("threads");
  tour<muster::dummy::Pool>("dummy");
  tools();
}
