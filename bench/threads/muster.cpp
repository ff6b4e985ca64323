#include <muster/thread_pool.hpp>

#include <atomic>
#include <memory>
#include <ranges>
#include <vector>

#include "bench/threads/works.hpp"

namespace bench {
namespace {

long fork(muster::ThreadPool& pool, int n) {
  if (n < 2) return n;
  const auto [one, other] =
      pool.invoke([&pool, n] { return fork(pool, n - 1); }, [&pool, n] { return fork(pool, n - 2); });
  return one + other;
}

long ask(muster::ThreadPool& pool, int n) {
  if (n < 2) return n;
  auto other = pool.apply_async(ask, std::ref(pool), n - 1);
  const long one = ask(pool, n - 2);
  return std::move(other).get() + one;
}

class Muster {
 public:
  explicit Muster(int workers) : workers_(workers), pool_(workers) {}
  static const char* name() { return kOurs; }
  static constexpr bool kIdles = true;

  void fill(long* to, long n) {
    pool_.map_into([](long i) { return square(i); }, std::views::iota(0L, n), to);
  }
  auto fresh(long n) {
    return pool_.map([](long i) { return square(i); }, std::views::iota(0L, n));
  }
  long post_all(int tasks) {
    Done done;
    for (int i = 0; i < tasks; ++i) pool_.post([&done] { done.fetch_add(1, std::memory_order_relaxed); });
    pool_.wait_all();
    return done.load();
  }
  long ask_all(int tasks) {
    std::vector<muster::AsyncResult<long>> asked;
    asked.reserve(static_cast<std::size_t>(tasks));
    for (long i = 0; i < tasks; ++i) asked.push_back(pool_.apply_async([](long k) { return k; }, i));
    long sum = 0;
    for (auto& result : asked) sum += result.get();
    return sum;
  }
  long trip(long i) {
    return pool_.apply([](long k) { return k; }, i);
  }
  void spread(const Loads& loads, long* to) {
    pool_.map_into([&loads](long i) { return loads(i); }, std::views::iota(0L, loads.size()), to);
  }
  long fork_join(int n) { return pool_.apply(fork, std::ref(pool_), n); }
  long fork_ask(int n) { return pool_.apply(ask, std::ref(pool_), n); }
  void start_stop() {
    muster::ThreadPool pool(workers_);
    pool.post([] {});
    pool.close();
    pool.join();
  }

 private:
  int workers_;
  muster::ThreadPool pool_;
};

}  // namespace

std::vector<Work> muster_works(int workers) {
  static std::unique_ptr<Muster> muster;
  muster.reset();
  muster = std::make_unique<Muster>(workers);
  return works_of(*muster, workers);
}

}  // namespace bench
