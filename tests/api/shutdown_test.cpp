// Pools that end at random moments, in every way, from everywhere.

#include <gtest/gtest.h>
#include <muster/error.hpp>
#include <muster/thread_pool.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <ranges>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/support/leaks.hpp"
#include "tests/support/seeds.hpp"

namespace muster::testing {
namespace {

using namespace std::chrono_literals;

// How many callbacks were attached, and how many have run.
class Ledger {
 public:
  void expect() { ++expected_; }
  void count() { ++counted_; }
  int expected() const { return expected_; }
  int counted() const { return counted_; }

 private:
  std::atomic<int> expected_{0};
  std::atomic<int> counted_{0};
};

// One pool's life. Everything random is drawn by the round's own thread; the order of events is the system's.
class Round {
 public:
  explicit Round(std::uint64_t seed) : random_(seed), pool_(make_pool()) {}

  void play() {
    const int calls = draw(0, 12);
    const int end_at = draw(0, calls);
    for (int i = 0; i < calls; ++i) {
      if (i == end_at) end_somehow();
      call_something();
    }
    if (draw(0, 1) == 0) read_some();
    end_for_good();
    for (std::thread& thread : threads_) thread.join();
    check();
  }

 private:
  using Stream = Imap<int>;

  std::shared_ptr<ThreadPool> make_pool() {
    PoolOptions options{.processes = draw(1, 3)};
    if (draw(0, 3) == 0) options.maxtasksperchild = draw(1, 3);
    if (draw(0, 3) == 0) options.initializer = [] {};
    return std::make_shared<ThreadPool>(options);
  }

  int draw(int low, int high) { return std::uniform_int_distribution(low, high)(random_); }

  CallOptions options() {
    CallOptions some;
    some.chunksize = draw(0, 3);
    some.window = draw(0, 3);
    switch (draw(0, 5)) {
      case 0:
        some.timeout = 0s;
        break;
      case 1:
        some.timeout = std::chrono::microseconds(draw(1, 300));
        break;
      case 2:
        some.timeout = 1h;
        break;
      default:
        break;
    }
    return some;
  }

  // A task: of some length, that fails now and then, and may itself use or end the pool that runs it.
  auto body() {
    const int kind = draw(0, 9);
    const int length = draw(0, 2000);
    // Weak, or the pool would live in its own queue. It may be gone, or be brought down by our very reference.
    return [pool = std::weak_ptr(pool_), kind, length](int i) {
      for (std::atomic<int> spin{0}; spin < length; ++spin) {
      }
      if (kind == 0) throw std::runtime_error("failed");
      if (kind <= 4) {
        if (const auto alive = pool.lock()) use_inside(*alive, kind, i);
      }
      return i;
    };
  }

  static void use_inside(ThreadPool& pool, int kind, int i) {
    try {
      switch (kind) {
        case 1:
          pool.terminate();
          break;
        case 2:
          pool.close();
          break;
        case 3:
          pool.apply([] {});
          break;
        default:
          for (const int value : pool.imap([](int k) { return k; }, std::views::iota(0, i + 3))) {
            if (value == 1) break;
          }
      }
    } catch (const Error&) {
      // Somebody else was faster: closed, cancelled.
    }
  }

  template <class T>
  void observe(AsyncResult<T>& result) {
    if (draw(0, 2) == 0) return;
    ledger_->expect();
    const bool throws = draw(0, 9) == 0;
    const bool ends = draw(0, 9) == 0;
    const auto called = [ledger = ledger_, throws, ends, pool = std::weak_ptr(pool_)] {
      ledger->count();
      if (ends) {
        if (const auto alive = pool.lock()) alive->terminate();
      }
      if (throws) throw std::runtime_error("callback");
    };
    result.callback([called](const auto&) { called(); }).error_callback([called](const std::exception_ptr&) {
      called();
    });
  }

  void call_something() {
    if (!pool_) return;
    try {
      const int items = draw(0, 40);
      switch (draw(0, 7)) {
        case 0:
        case 1:
          singles_.push_back(pool_->with(options()).apply_async(body(), items));
          observe(singles_.back());
          break;
        case 2:
          maps_.push_back(pool_->map_async(body(), std::views::iota(0, items), options()));
          observe(maps_.back());
          break;
        case 3:
          streams_.push_back(pool_->imap(body(), std::views::iota(0, items), options()));
          break;
        case 4:
          streams_.push_back(pool_->imap_unordered(body(), std::views::iota(0), options()));
          break;
        case 5:
          call_from_a_thread(items);
          break;
        case 6:
          if (!singles_.empty())
            singles_[static_cast<std::size_t>(draw(0, static_cast<int>(singles_.size()) - 1))].cancel();
          break;
        default:
          pool_->map(body(), std::views::iota(0, items), options());
      }
    } catch (const Error&) {
    } catch (const std::runtime_error&) {
    }
  }

  // A blocking call while others end the pool; the reference keeps its destruction off.
  void call_from_a_thread(int items) {
    threads_.emplace_back([pool = pool_, body = body(), items, options = options()] {
      try {
        static_cast<void>(pool->try_map(body, std::views::iota(0, items), options));
        static_cast<void>(pool->apply(body, 1));
      } catch (const Error&) {
      } catch (const std::runtime_error&) {
      }
    });
  }

  void end_somehow() {
    switch (draw(0, 4)) {
      case 0:
        pool_->close();
        break;
      case 1:
        pool_->terminate();
        break;
      case 2:
        pool_->close();
        pool_->join();
        break;
      case 3:
        threads_.emplace_back([pool = pool_] { pool->terminate(); });
        break;
      default:
        drop_inside();
    }
  }

  // Lets a task give up what may be the last reference to its pool.
  void drop_inside() {
    const auto held = std::make_shared<std::shared_ptr<ThreadPool>>(pool_);
    try {
      singles_.push_back(pool_->apply_async([held](int i) { return held->reset(), i; }, 1));
    } catch (const Error&) {
    }
  }

  void read_some() {
    for (Stream& stream : streams_) {
      for (int i = draw(0, 50); i > 0; --i) {
        try {
          if (!stream.next()) break;
        } catch (const Error&) {
        } catch (const std::runtime_error&) {
        }
      }
    }
  }

  void end_for_good() {
    if (draw(0, 1) == 0) streams_.clear();
    if (draw(0, 2) == 0 && pool_) {
      pool_->close();
      if (draw(0, 1) == 0) pool_->terminate();
      pool_->join();
    }
    pool_.reset();
  }

  void check() {
    for (const auto& result : singles_) result.wait();
    for (const auto& result : maps_) result.wait();
    for (const auto& result : singles_) ASSERT_TRUE(result.ready());
    for (const auto& result : maps_) ASSERT_TRUE(result.ready());
    streams_.clear();
    ASSERT_EQ(ledger_->counted(), ledger_->expected()) << "each callback runs once";
  }

  std::mt19937_64 random_;
  std::shared_ptr<Ledger> ledger_ = std::make_shared<Ledger>();
  std::shared_ptr<ThreadPool> pool_;
  std::vector<AsyncResult<int>> singles_;
  std::vector<AsyncResult<Results<int>>> maps_;
  std::vector<Stream> streams_;
  std::vector<std::thread> threads_;
};

TEST(Shutdown, pools_that_end_at_random_settle_everything) {
  for_seeds(400, [](std::uint64_t seed) { Round(seed).play(); });
}

// The item may run in the caller's thread, which stands in the pool's own call.
TEST(Shutdown, of_a_pool_by_an_item_of_its_own_map) {
  for (int workers = 1; workers <= 3; ++workers) {
    for (int round = 0; round < 50; ++round) {
      auto pool = std::make_unique<ThreadPool>(workers);
      const auto item = [&pool](int i) {
        if (i == 3) pool.reset();
        return i;
      };
      try {
        EXPECT_EQ(pool->map(item, std::views::iota(0, 50), {.chunksize = 1}).size(), 50U);
      } catch (const Cancelled&) {
      }
    }
  }
}

}  // namespace
}  // namespace muster::testing
