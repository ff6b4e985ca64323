#include <asio/packaged_task.hpp>
#include <asio/post.hpp>
#include <asio/thread_pool.hpp>

#include <atomic>
#include <future>
#include <latch>
#include <memory>
#include <vector>

#include "bench/threads/works.hpp"

namespace bench {
namespace {

class Asio {
 public:
  explicit Asio(int workers) : workers_(workers), pool_(static_cast<std::size_t>(workers)) {}
  static const char* name() { return "Asio"; }
  static constexpr bool kIdles = true;

  // A pool of Asio's cannot be waited for and used again, so the last task tells.
  long post_all(int tasks) {
    Done done;
    std::promise<void> all;
    for (int i = 0; i < tasks; ++i) {
      asio::post(pool_, [&done, &all, tasks] {
        if (done.fetch_add(1, std::memory_order_acq_rel) + 1 == tasks) all.set_value();
      });
    }
    all.get_future().wait();
    return done.load();
  }
  long ask_all(int tasks) {
    std::vector<std::future<long>> asked;
    asked.reserve(static_cast<std::size_t>(tasks));
    for (long i = 0; i < tasks; ++i) asked.push_back(ask(i));
    long sum = 0;
    for (auto& result : asked) sum += result.get();
    return sum;
  }
  long trip(long i) { return ask(i).get(); }
  void spread(const Loads& loads, long* to) {
    std::latch left(loads.size());
    for (long i = 0; i < loads.size(); ++i) {
      asio::post(pool_, [&loads, &left, to, i] {
        to[i] = loads(i);
        left.count_down();
      });
    }
    left.wait();
  }
  void start_stop() const {
    asio::thread_pool pool(static_cast<std::size_t>(workers_));
    asio::post(pool, [] {});
    pool.join();
  }

 private:
  std::future<long> ask(long i) {
    return asio::post(pool_, std::packaged_task<long()>([i] { return i; }));
  }

  int workers_;
  asio::thread_pool pool_;
};

}  // namespace

std::vector<Work> asio_works(int workers) {
  static std::unique_ptr<Asio> asio;
  asio.reset();
  asio = std::make_unique<Asio>(workers);
  return works_of(*asio, workers);
}

}  // namespace bench
