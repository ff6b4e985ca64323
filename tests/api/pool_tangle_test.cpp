// Random trees of calls over several small pools: every task waits for tasks of any pool, by any call. All must end,
// with the right sum.

#include <gtest/gtest.h>
#include <muster/error.hpp>
#include <muster/thread_pool.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <ranges>
#include <thread>
#include <vector>

#include "tests/support/leaks.hpp"
#include "tests/support/seeds.hpp"

namespace muster::testing {
namespace {

// A call: over how many children, by which of the calls, in which pool.
struct Call {
  int how;
  std::size_t pool;
  CallOptions options;
  std::vector<Call> children;

  long leaves() const {
    long sum = children.empty() ? 1 : 0;
    for (const Call& child : children) sum += child.leaves();
    return sum;
  }
};

class Tangle {
 public:
  // `special`: some pools have workers whose threads matter.
  Tangle(std::uint64_t seed, int most_pools, bool special) : random_(seed) {
    for (int count = draw(1, most_pools); count > 0; --count) {
      PoolOptions options{.processes = draw(1, 2)};
      if (special && draw(0, 4) == 0) options.maxtasksperchild = draw(1, 2);
      if (special && draw(0, 4) == 0) options.initializer = [] {};
      pools_.push_back(std::make_unique<ThreadPool>(options));
    }
    for (int count = draw(1, 3); count > 0; --count) roots_.push_back(random_call(draw(2, 4)));
  }

  // Each root is called by a thread of its own.
  void play() {
    std::vector<std::thread> callers;
    for (const Call& root : roots_) {
      callers.emplace_back([this, &root] { EXPECT_EQ(run(root), root.leaves()); });
    }
    for (std::thread& caller : callers) caller.join();
    if (draw(0, 1) == 0) return;
    for (const auto& pool : pools_) {
      pool->close();
      pool->join();
    }
  }

 private:
  int draw(int low, int high) { return std::uniform_int_distribution(low, high)(random_); }

  Call random_call(int depth) {
    Call call{.how = draw(0, 6),
              .pool = static_cast<std::size_t>(draw(0, static_cast<int>(pools_.size()) - 1)),
              .options = {.chunksize = draw(0, 2), .window = draw(0, 2)},
              .children = {}};
    if (draw(0, 9) == 0) call.options.timeout = std::chrono::hours(1);
    const int children = depth == 0 ? 0 : draw(0, 4);
    for (int i = 0; i < children; ++i) call.children.push_back(random_call(depth - 1));
    return call;
  }

  long run(const Call& call) {
    if (call.children.empty()) return 1;
    ThreadPool& pool = *pools_[call.pool];
    const auto down = [this](const Call& child) { return run(child); };
    long sum = 0;
    switch (call.how) {
      case 0:
        for (const Call& child : call.children) sum += pool.with(call.options).apply(down, std::cref(child));
        break;
      case 1: {
        std::vector<AsyncResult<long>> results;
        for (const Call& child : call.children) results.push_back(pool.apply_async(down, std::cref(child)));
        for (auto result = results.rbegin(); result != results.rend(); ++result) sum += result->get();
        break;
      }
      case 2:
        for (const long value : pool.map(down, call.children, call.options)) sum += value;
        break;
      case 3: {
        auto later = pool.map_async(down, std::cref(call.children), call.options);
        for (const long value : later.get()) sum += value;
        break;
      }
      case 4:
        for (const long value : pool.imap(down, std::cref(call.children), call.options)) sum += value;
        break;
      case 5:
        for (const long value : pool.imap_unordered(down, std::cref(call.children), call.options)) sum += value;
        break;
      default: {
        // Some of it elsewhere, some here, as recursive programs do.
        std::optional<AsyncResult<long>> first(pool.apply_async(down, std::cref(call.children.front())));
        for (const Call& child : call.children | std::views::drop(1)) sum += run(child);
        sum += std::move(*first).get();
      }
    }
    return sum;
  }

  std::mt19937_64 random_;
  std::vector<std::unique_ptr<ThreadPool>> pools_;
  std::vector<Call> roots_;
};

TEST(PoolTangle, random_trees_of_calls_over_several_pools_end) {
  for_seeds(150, [](std::uint64_t seed) { Tangle(seed, 3, false).play(); });
}

TEST(PoolTangle, random_trees_of_calls_in_one_pool_with_workers_of_its_own_end) {
  for_seeds(150, [](std::uint64_t seed) { Tangle(seed, 1, true).play(); });
}

}  // namespace
}  // namespace muster::testing
