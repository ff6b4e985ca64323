// Once a pool has been at work for a while, a call costs no allocation. A program of its own: it counts them all.

#include <gtest/gtest.h>
#include <muster/thread_pool.hpp>
#include <muster/threading.hpp>

#include <atomic>
#include <cstdlib>
#include <new>
#include <ranges>
#include <utility>
#include <vector>

namespace {
std::atomic<long> g_allocations{0};
std::atomic<bool> g_no_aligned{false};  // such memory is not to be had: of the pools, their queues ask for it

void* allocate(std::size_t bytes) {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* const memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}

// Inlined it looks as if what new gave were freed by something else.
[[gnu::noinline]] void release(void* memory) noexcept { std::free(memory); }
}  // namespace

void* operator new(std::size_t bytes) { return allocate(bytes); }
void* operator new(std::size_t bytes, std::align_val_t align) {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  if (g_no_aligned) throw std::bad_alloc();
  if (void* const memory = std::aligned_alloc(static_cast<std::size_t>(align), bytes)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory, std::align_val_t /*align*/) noexcept { release(memory); }
void operator delete(void* memory, std::size_t /*bytes*/, std::align_val_t /*align*/) noexcept { release(memory); }
void operator delete(void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t /*bytes*/) noexcept { release(memory); }

namespace muster::testing {
namespace {

constexpr int kWorkers = 2;
constexpr int kCalls = 2000;
// Blocks that are free but with other threads: two batches each at most.
constexpr int kElsewhere = (kWorkers + 1) * 128;

long allocations_of(auto&& work) {
  const long before = g_allocations.load();
  work();
  return g_allocations.load() - before;
}

// All the blocks that the pool can ever need at once are there after this: so many tasks lay in its queue.
void fill(ThreadPool& pool, auto&& submit) {
  threading::Barrier all_held(kWorkers + 1);
  threading::Event go;
  for (int worker = 0; worker < kWorkers; ++worker) {
    pool.post([&] {
      all_held.wait();
      go.wait();
    });
  }
  all_held.wait();
  for (int call = 0; call < kCalls + kElsewhere; ++call) submit(call);
  go.set();
  pool.wait_all();
}

// AddressSanitizer is shown every block, so that it sees who uses one that was given back.
class Allocations : public ::testing::Test {
 protected:
  void SetUp() override {
#ifdef __SANITIZE_ADDRESS__
    GTEST_SKIP() << "AddressSanitizer is shown every block";
#endif
  }
};

TEST_F(Allocations, none_by_post) {
  ThreadPool pool(kWorkers);
  std::atomic<int> done{0};
  const auto submit = [&](int /*call*/) { pool.post([&done] { ++done; }); };
  fill(pool, submit);
  done = 0;
  EXPECT_EQ(allocations_of([&] {
              for (int call = 0; call < kCalls; ++call) submit(call);
              pool.wait_all();
            }),
            0);
  EXPECT_EQ(done, kCalls);
}

TEST_F(Allocations, none_by_apply_async_and_get) {
  ThreadPool pool(kWorkers);
  std::vector<AsyncResult<int>> results;
  results.reserve(kCalls + kElsewhere);
  const auto submit = [&](int call) { results.push_back(pool.apply_async([call] { return call; })); };
  fill(pool, submit);
  results.clear();
  long sum = 0;
  EXPECT_EQ(allocations_of([&] {
              for (int call = 0; call < kCalls; ++call) submit(call);
              for (AsyncResult<int>& result : results) sum += std::move(result).get();
            }),
            0);
  EXPECT_EQ(sum, static_cast<long>(kCalls) * (kCalls - 1) / 2);
}

TEST_F(Allocations, none_by_apply) {
  ThreadPool pool(kWorkers);
  const auto next = [](int i) { return i + 1; };
  std::vector<AsyncResult<int>> results;
  results.reserve(kCalls + kElsewhere);
  fill(pool, [&](int i) { results.push_back(pool.apply_async(next, i)); });
  results.clear();
  EXPECT_EQ(allocations_of([&] {
              for (int i = 0; i < kCalls; ++i) EXPECT_EQ(pool.apply(next, i), i + 1);
            }),
            0);
}

TEST_F(Allocations, none_by_map_into) {
  ThreadPool pool(kWorkers);
  std::vector<long> squares(10'000);
  const auto map = [&] { pool.map_into([](long i) { return i * i; }, std::views::iota(0L, 10'000L), squares); };
  map();
  EXPECT_EQ(allocations_of([&] {
              for (int i = 0; i < 100; ++i) map();
            }),
            0);
  EXPECT_EQ(squares.back(), 9999L * 9999);
}

TEST_F(Allocations, none_by_invoke) {
  ThreadPool pool(kWorkers);
  const auto fib = [&](auto self, int n) -> long {
    if (n < 2) return n;
    const auto [a, b] = pool.invoke([&] { return self(self, n - 1); }, [&] { return self(self, n - 2); });
    return a + b;
  };
  pool.apply([&] {
    EXPECT_EQ(fib(fib, 15), 610);
    EXPECT_EQ(allocations_of([&] { EXPECT_EQ(fib(fib, 18), 2584); }), 0);
  });
}

// The queue asks for memory every few hundred tasks.
TEST(NoMemory, is_said_by_post_and_loses_nothing) {
  ThreadPool pool(1);
  threading::Event go;
  std::atomic<int> done{0};
  int accepted = 0;
  const auto post = [&] {
    pool.post([&done] { ++done; });
    ++accepted;
  };
  pool.post([&] { go.wait(); });
  for (int round = 0; round < 3; ++round) {
    g_no_aligned = true;
    EXPECT_THROW(for (int i = 0; i < 5000; ++i) post(), std::bad_alloc);
    EXPECT_THROW(post(), std::bad_alloc);
    g_no_aligned = false;
    for (int i = 0; i < 1000; ++i) post();
  }
  go.set();
  pool.wait_all();
  EXPECT_EQ(done, accepted);
  EXPECT_EQ(pool.stats().unfinished(), 0U);
}

}  // namespace
}  // namespace muster::testing
