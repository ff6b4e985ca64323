// Who owns the inputs: how often they are copied and moved, and that only the caller's thread touches its iterators.

#include <gtest/gtest.h>
#include <muster/error.hpp>
#include <muster/thread_pool.hpp>
#include <muster/threading.hpp>

#include <list>
#include <ranges>
#include <thread>
#include <vector>

#include "tests/support/generator.hpp"
#include "tests/support/leaks.hpp"
#include "tests/support/tracked.hpp"

namespace muster::testing {
namespace {

template <class Container>
Container tracked(int count) {
  Container items;
  for (int i = 0; i < count; ++i) items.emplace_back(i);
  return items;
}

int peek(const Tracked& item) { return item.value; }
// NOLINTNEXTLINE(performance-unnecessary-value-param)
int take(Tracked item) { return item.value; }

template <class Call>
void expect_counts(int copies, int most_moves, const Call& call) {
  Tracked::reset();
  call();
  EXPECT_EQ(Tracked::copies, copies);
  EXPECT_LE(Tracked::moves, most_moves);
}

TEST(PoolOwnership, blocking_calls_refer_to_what_has_a_name) {
  ThreadPool pool(2);
  const auto vector = tracked<std::vector<Tracked>>(10);
  auto list = tracked<std::list<Tracked>>(10);
  expect_counts(0, 0, [&] {
    pool.map(peek, vector);
    pool.map(peek, list);
    pool.map(peek, std::ref(list));
    static_cast<void>(pool.try_map(peek, vector));
    std::vector<int> out(10);
    pool.map_into(peek, vector, out);
  });
  expect_counts(10, 0, [&] { pool.map(take, vector); });
}

TEST(PoolOwnership, blocking_calls_may_change_what_has_a_name) {
  ThreadPool pool(2);
  auto items = tracked<std::vector<Tracked>>(10);
  pool.map([](Tracked& item) { item.value += 100; }, items);
  pool.map([](Tracked& item) { item.value += 100; }, std::ref(items));
  EXPECT_EQ(items[9].value, 209);
}

TEST(PoolOwnership, ranges_that_are_given_away_are_never_copied) {
  ThreadPool pool(2);
  auto vector = tracked<std::vector<Tracked>>(10);
  auto list = tracked<std::list<Tracked>>(10);
  auto other = tracked<std::vector<Tracked>>(10);
  expect_counts(0, 10, [&] { pool.map(take, std::move(vector)); });
  expect_counts(0, 50, [&] { pool.map(take, std::move(list)); });
  expect_counts(0, 10, [&] { pool.map_async(take, std::move(other)).wait(); });
  auto streamed = tracked<std::vector<Tracked>>(10);
  expect_counts(0, 60, [&] {
    for (const int value : pool.imap(take, std::move(streamed))) EXPECT_GE(value, 0);
  });
}

TEST(PoolOwnership, calls_that_return_at_once_copy_what_has_a_name_once) {
  ThreadPool pool(2);
  const auto vector = tracked<std::vector<Tracked>>(10);
  expect_counts(10, 0, [&] { pool.map_async(peek, vector).wait(); });
  expect_counts(10, 60, [&] {
    for (const int value : pool.imap(peek, vector)) EXPECT_GE(value, 0);
  });
}

TEST(PoolOwnership, a_ref_is_never_copied) {
  ThreadPool pool(2);
  auto vector = tracked<std::vector<Tracked>>(10);
  expect_counts(0, 0, [&] { pool.map_async(peek, std::ref(vector)).wait(); });
  expect_counts(0, 0, [&] { pool.map_async(peek, std::cref(vector)).wait(); });
  EXPECT_EQ(vector[9].value, 9);
}

TEST(PoolOwnership, arguments_are_kept_by_one_copy_or_one_move) {
  ThreadPool pool(1);
  Tracked named(3);
  expect_counts(1, 1, [&] { pool.apply_async(peek, named).wait(); });
  expect_counts(0, 3, [&] { pool.apply_async(take, std::move(named)).wait(); });
  Tracked other(4);
  expect_counts(0, 0, [&] { pool.apply(peek, std::ref(other)); });
}

TEST(PoolOwnership, callables_of_blocking_calls_are_not_copied) {
  ThreadPool pool(2);
  Tracked inside(5);
  const auto plus = [inside](int i) { return i + inside.value; };
  expect_counts(0, 0, [&] {
    pool.map(plus, std::views::iota(0, 100));
    pool.starmap(plus, std::vector{std::tuple(1)});
  });
  expect_counts(1, 4, [&] { pool.map_async(plus, std::views::iota(0, 100)).wait(); });
}

TEST(PoolOwnership, nothing_is_alive_after_the_calls) {
  Tracked::reset();
  {
    ThreadPool pool(2);
    pool.map(take, tracked<std::vector<Tracked>>(10));
    pool.map_async(take, tracked<std::list<Tracked>>(10)).wait();
    auto cancelled = pool.map_async(peek, tracked<std::vector<Tracked>>(1000));
    cancelled.cancel();
    auto stream = pool.imap(take, tracked<std::vector<Tracked>>(1000));
    static_cast<void>(stream.next());
    pool.post(take, Tracked(1));
  }
  EXPECT_EQ(Tracked::live, 0);
}

TEST(PoolOwnership, posted_arguments_are_gone_before_the_next_task) {
  Tracked::reset();
  ThreadPool pool(1);
  pool.post([](const Tracked&) {}, Tracked(1));
  EXPECT_EQ(pool.apply([] { return Tracked::live.load(); }), 0);
}

// An input whose iterator complains about foreign threads.
class Guarded : public std::ranges::view_interface<Guarded> {
 public:
  explicit Guarded(int size, std::thread::id thread = std::this_thread::get_id()) : size_(size), thread_(thread) {}

  class iterator {  // NOLINT(readability-identifier-naming)
   public:
    using value_type = int;
    using difference_type = std::ptrdiff_t;
    iterator() = default;
    iterator(int at, std::thread::id thread) : at_(at), thread_(thread) {}
    int operator*() const { return check(), at_; }
    iterator& operator++() {
      check();
      ++at_;
      return *this;
    }
    iterator operator++(int) {
      iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const iterator& a, const iterator& b) { return a.check(), a.at_ == b.at_; }

   private:
    void check() const {
      if (std::this_thread::get_id() != thread_) ADD_FAILURE() << "an iterator was touched by another thread";
    }
    int at_ = 0;
    std::thread::id thread_;
  };
  iterator begin() const { return {0, thread_}; }
  iterator end() const { return {size_, thread_}; }

 private:
  int size_;
  std::thread::id thread_;
};

TEST(PoolOwnership, only_the_callers_thread_touches_its_iterators) {
  ThreadPool pool(3);
  const auto same = [](int i) { return i; };
  Guarded named(300);
  EXPECT_EQ(pool.map(same, named).size(), 300U);
  EXPECT_EQ(pool.map(same, Guarded(300)).size(), 300U);
  EXPECT_EQ(pool.map_async(same, named).get().size(), 300U);
  EXPECT_EQ(pool.map_async(same, std::ref(named)).get().size(), 300U);
  int read = 0;
  for (const int value : pool.imap(same, named, {.window = 5})) read += value >= 0 ? 1 : 0;
  for (const int value : pool.imap_unordered(same, std::ref(named))) read += value >= 0 ? 1 : 0;
  EXPECT_EQ(read, 600);
  for (const int value : pool.imap(same, Guarded(1000))) {
    if (value == 10) break;
  }
}

TEST(PoolOwnership, a_range_that_can_be_read_once_is_read_once) {
  ThreadPool pool(2);
  const auto same = [](int i) { return i; };
  auto generator = count_to(100);
  EXPECT_EQ(pool.map(same, std::ref(generator)).size(), 100U);
  auto moved = count_to(100);
  EXPECT_EQ(pool.map_async(same, std::move(moved)).get().size(), 100U);
  auto streamed = count_to(10);
  int last = -1;
  for (const int value : pool.imap(same, std::ref(streamed))) last = value;
  EXPECT_EQ(last, 9);
}

}  // namespace
}  // namespace muster::testing
