// Thread: start and join, what it calls and keeps, its ids. CPython's ThreadTests and ThreadingExceptionTests, where
// they apply.

#include <gtest/gtest.h>
#include <muster/error.hpp>
#include <muster/threading.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/leaks.hpp"
#include "tests/support/tracked.hpp"

namespace muster::testing {
namespace {

using namespace std::chrono_literals;
using threading::Event;
using threading::make_thread;
using threading::Thread;

// ---- start and join ----

TEST(Thread, runs_once_started_and_is_over_when_joined) {
  Event go;
  int seen = 0;
  Thread thread([&] {
    go.wait();
    seen = 1;
  });
  EXPECT_FALSE(thread.is_alive());
  thread.start();
  EXPECT_TRUE(thread.is_alive());
  EXPECT_FALSE(thread.join(0s));
  EXPECT_FALSE(thread.join(1ms));
  go.set();
  thread.join();
  EXPECT_EQ(seen, 1);
  EXPECT_FALSE(thread.is_alive());
  EXPECT_TRUE(thread.join(0s)) << "as often as one likes";
  thread.join();
}

TEST(Thread, is_over_whether_or_not_somebody_joins) {
  Event go;
  Thread thread([&] { go.wait(); });
  thread.start();
  EXPECT_TRUE(thread.is_alive());
  go.set();
  while (thread.is_alive()) std::this_thread::yield();
}

TEST(Thread, starts_once) {
  Thread thread;
  thread.start();
  EXPECT_THROW(thread.start(), ThreadError);
  thread.join();
  EXPECT_THROW(thread.start(), ThreadError);
}

TEST(Thread, join_before_the_start_is_refused) {
  Thread thread([] {});
  EXPECT_THROW(thread.join(), ThreadError);
  EXPECT_THROW(static_cast<void>(thread.join(1s)), ThreadError);
}

TEST(Thread, join_of_itself_is_refused) {
  EXPECT_THROW(threading::current_thread().join(), ThreadError);
  bool refused = false;
  Thread thread([&] {
    try {
      threading::current_thread().join();
    } catch (const ThreadError&) {
      refused = true;
    }
  });
  thread.start();
  thread.join();
  EXPECT_TRUE(refused);
}

TEST(Thread, many_may_join_the_same) {
  for (int round = 0; round < 50; ++round) {
    Event go;
    int written = 0;
    Thread thread([&] {
      go.wait();
      written = 1;
    });
    thread.start();
    std::atomic<int> right{0};
    std::vector<std::thread> joiners;
    for (int i = 0; i < 4; ++i) {
      joiners.emplace_back([&, i] {
        if (i % 2 == 0) {
          thread.join();
        } else {
          EXPECT_TRUE(thread.join(1h));
        }
        right += written;
      });
    }
    go.set();
    for (std::thread& joiner : joiners) joiner.join();
    ASSERT_EQ(right, 4);
  }
}

TEST(Thread, is_not_enumerated_after_join) {
  for (int round = 0; round < 200; ++round) {
    Thread thread([] {});
    thread.start();
    thread.join();
    const auto all = threading::enumerate();
    ASSERT_EQ(std::ranges::count(all, thread), 0);
    ASSERT_EQ(threading::active_count(), 1U);
  }
}

// What runs at a thread's very end is still part of it: who joined it may rely on that.
TEST(Thread, thread_local_objects_are_gone_after_join) {
  struct Slow {
    std::atomic<int>* gone = nullptr;
    ~Slow() {
      for (int i = 0; i < 1000; ++i) std::this_thread::yield();
      if (gone != nullptr) ++*gone;
    }
  };
  std::atomic<int> gone{0};
  Thread thread([&] {
    static thread_local Slow t_slow;
    t_slow.gone = &gone;
  });
  thread.start();
  EXPECT_TRUE(thread.join(1h));
  EXPECT_EQ(gone, 1);
}

TEST(Thread, failure_to_start_leaves_nothing_and_may_be_tried_again) {
  int runs = 0;
  Thread thread([&] { ++runs; });
  const std::size_t before = threading::stack_size(std::size_t{1} << 60);
  EXPECT_THROW(thread.start(), std::system_error);
  threading::stack_size(before);
  EXPECT_EQ(threading::active_count(), 1U);
  EXPECT_FALSE(thread.is_alive());
  EXPECT_EQ(thread.ident(), 0U);
  EXPECT_THROW(thread.join(), ThreadError);
  thread.start();
  thread.join();
  EXPECT_EQ(runs, 1);
}

// ---- what it calls ----

int g_called = 0;
void call(int by) { g_called += by; }

TEST(Thread, takes_callables_and_arguments_as_std_thread_does) {
  g_called = 0;
  Thread function(call, 3);
  Thread pointer(&call, 4);
  for (Thread* thread : {&function, &pointer}) {
    thread->start();
    thread->join();
  }
  EXPECT_EQ(g_called, 7);

  struct Counter {
    int count = 0;
    void add(int by) { count += by; }
  } counter;
  Thread member(&Counter::add, &counter, 5);
  member.start();
  member.join();
  EXPECT_EQ(counter.count, 5);

  std::string text;
  Thread literal(
      [&](const std::string& given, const std::vector<int>& list) { text = given + std::to_string(list[0]); }, "str",
      std::vector{1});
  literal.start();
  literal.join();
  EXPECT_EQ(text, "str1");

  int changed = 0;
  Thread reference([](int& there) { there = 1; }, std::ref(changed));
  reference.start();
  reference.join();
  EXPECT_EQ(changed, 1);

  Thread changing([runs = 0, &changed]() mutable { changed += ++runs; });
  changing.start();
  changing.join();
  EXPECT_EQ(changed, 2);
}

// Python's test_boolean_target.
TEST(Thread, calls_a_callable_that_is_false) {
  struct IsFalse {
    bool& ran;
    explicit operator bool() const { return false; }
    void operator()() const { ran = true; }
  };
  bool ran = false;
  Thread thread(IsFalse{ran});
  thread.start();
  thread.join();
  EXPECT_TRUE(ran);
}

TEST(Thread, moves_what_can_only_be_moved) {
  int seen = 0;
  Thread thread([&seen, own = std::make_unique<int>(2)](MoveOnly given) { seen = *own + given.value; }, MoveOnly(3));
  thread.start();
  thread.join();
  EXPECT_EQ(seen, 5);
}

TEST(Thread, copies_once_and_destroys_before_its_end_what_it_was_given) {
  Tracked::reset();
  const Tracked given(1);
  Thread thread([](const Tracked& /*kept*/) {}, given);
  EXPECT_EQ(Tracked::copies, 1);
  thread.start();
  thread.join();
  EXPECT_EQ(Tracked::copies, 1);
  EXPECT_EQ(Tracked::live, 1) << "the Thread still lives, what it ran with does not";
}

// Python's test_no_refcycle_through_target: a callable may own its thread.
TEST(Thread, callable_that_owns_its_thread_leaks_nothing) {
  for (const bool fails : {false, true}) {
    const auto former = threading::set_excepthook([](const auto&) {});
    Tracked::reset();
    {
      const auto thread = std::make_shared<std::shared_ptr<Thread>>();
      *thread = make_thread([thread, tracked = Tracked(1), fails] {
        if (fails) throw std::runtime_error("on purpose");
      });
      (*thread)->start();
      (*thread)->join();
      EXPECT_EQ(thread.use_count(), 1);
    }
    EXPECT_EQ(Tracked::live, 0);
    threading::set_excepthook(former);
  }
}

TEST(Thread, without_a_callable_does_nothing) {
  Thread thread({.name = "idle"});
  thread.start();
  thread.join();
  EXPECT_EQ(thread.name(), "idle");
}

// ---- stop tokens ----

TEST(Thread, gives_a_stop_token_to_who_cannot_do_without) {
  int sum = 0;
  Thread thread(
      [&](const std::stop_token& token, int by) {
        Event asked;
        const std::stop_callback wake(token, [&] { asked.set(); });
        asked.wait();
        sum += by;
      },
      2);
  thread.start();
  EXPECT_FALSE(thread.stop_token().stop_requested());
  EXPECT_TRUE(thread.request_stop());
  EXPECT_FALSE(thread.request_stop());
  thread.join();
  EXPECT_EQ(sum, 2);
  EXPECT_TRUE(thread.stop_token().stop_requested());

  // One that can be called without one is.
  bool possible = false;
  Thread either([&](auto&&... given) { possible = sizeof...(given) == 0; });
  either.start();
  either.join();
  EXPECT_TRUE(possible);
}

TEST(Thread, derived_class_finds_its_own_stop_token) {
  struct Patient : Thread {
    Event asked;
    ~Patient() override { join(); }
    void run() override {
      const std::stop_callback wake(stop_token(), [&] { asked.set(); });
      asked.wait();
    }
  } patient;
  patient.start();
  threading::enumerate().back().request_stop();
  patient.join();
  EXPECT_FALSE(patient.is_alive());
}

// ---- ids ----

TEST(Thread, ids_are_the_threads_own) {
  std::uint64_t ident = 0;
  std::int64_t native_id = 0;
  Event go;
  Thread thread([&] {
    ident = threading::get_ident();
    native_id = threading::get_native_id();
    go.wait();
  });
  EXPECT_EQ(thread.ident(), 0U);
  EXPECT_EQ(thread.native_id(), 0);
  thread.start();
  const std::uint64_t told = thread.ident();
  EXPECT_NE(told, 0U);
  EXPECT_NE(told, threading::get_ident());
  EXPECT_NE(thread.native_id(), threading::get_native_id());
  go.set();
  thread.join();
  EXPECT_EQ(thread.ident(), ident);
  EXPECT_EQ(told, ident);
  EXPECT_EQ(thread.native_id(), native_id) << "they stay known";
}

// Python's test_various_ops: no more than three of ten are inside.
class Visitor : public Thread {
 public:
  Visitor(std::string name, std::atomic<int>& inside, threading::Lock& lock)
      : Thread({.name = std::move(name)}), inside_(inside), lock_(lock) {}
  ~Visitor() override { join(); }

 protected:
  void run() override {
    const std::scoped_lock guard(lock_);
    EXPECT_EQ(++inside_, 1);
    std::this_thread::yield();
    EXPECT_EQ(--inside_, 0);
  }

 private:
  std::atomic<int>& inside_;
  threading::Lock& lock_;
};

void visit_with_stack(std::size_t bytes) {
  const std::size_t before = threading::stack_size(bytes);
  EXPECT_EQ(threading::stack_size(), bytes);
  std::atomic<int> inside{0};
  threading::Lock lock;
  std::deque<Visitor> visitors;
  std::set<std::int64_t> ids{threading::get_native_id()};
  lock.acquire();
  for (int i = 0; i < 10; ++i) {
    Visitor& visitor = visitors.emplace_back("<thread " + std::to_string(i) + ">", inside, lock);
    EXPECT_EQ(visitor.ident(), 0U);
    visitor.start();
    ids.insert(visitor.native_id());
  }
  EXPECT_EQ(ids.size(), 11U);
  EXPECT_EQ(threading::active_count(), 11U);
  lock.release();
  for (Visitor& visitor : visitors) {
    visitor.join();
    EXPECT_FALSE(visitor.is_alive());
    EXPECT_NE(visitor.ident(), 0U);
  }
  EXPECT_EQ(threading::active_count(), 1U);
  EXPECT_EQ(threading::stack_size(before), bytes);
}

TEST(Thread, ten_visitors_one_at_a_time) { visit_with_stack(0); }
TEST(Thread, ten_visitors_with_a_small_stack) { visit_with_stack(262'144); }
TEST(Thread, ten_visitors_with_a_large_stack) { visit_with_stack(0x100000); }

TEST(StackSize, nonsense_is_refused_and_changes_nothing) {
  EXPECT_EQ(threading::stack_size(), 0U);
  EXPECT_THROW(threading::stack_size(1), ValueError);
  EXPECT_THROW(threading::stack_size((32 << 10) - 1), ValueError);
  EXPECT_EQ(threading::stack_size(), 0U);
  EXPECT_EQ(threading::stack_size(32 << 10), 0U);
  EXPECT_EQ(threading::stack_size(0), 32U << 10U);
}

// A large one can really be used: more than the system's default of 8 MiB.
TEST(StackSize, is_there) {
  constexpr std::size_t kMegabytes = 16;
  threading::stack_size((kMegabytes + 2) << 20);
  int sum = 0;
  Thread thread([&] {
    volatile unsigned char deep[kMegabytes << 20];
    for (std::size_t at = sizeof deep; at > 0; at -= 4096) deep[at - 1] = 1;
    sum = deep[sizeof deep - 1];
  });
  thread.start();
  threading::stack_size(0);
  thread.join();
  EXPECT_EQ(sum, 1);
}

}  // namespace
}  // namespace muster::testing
