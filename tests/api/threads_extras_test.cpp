// What leaves a thread, timers, and values of each thread's own: excepthook, Timer, Local.

#include <gtest/gtest.h>
#include <muster/error.hpp>
#include <muster/threading.hpp>

#include <atomic>
#include <chrono>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/leaks.hpp"
#include "tests/support/tracked.hpp"

namespace muster::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;
using threading::Event;
using threading::ExceptHookArgs;
using threading::Local;
using threading::make_thread;
using threading::Thread;
using threading::ThreadHandle;
using threading::Timer;

// ---- excepthook: CPython's ExceptHookTests ----

void fail_in_a_thread(const std::string& name) {
  Thread thread({.name = name}, [] { throw std::invalid_argument("run failed"); });
  thread.start();
  thread.join();
}

std::string reported_failure(const std::string& name) {
  CaptureStderr();
  fail_in_a_thread(name);
  return GetCapturedStderr();
}

class HookFor {
 public:
  explicit HookFor(threading::ExceptHook hook) : former_(threading::set_excepthook(std::move(hook))) {}
  ~HookFor() { threading::set_excepthook(former_); }
  HookFor(const HookFor&) = delete;
  HookFor& operator=(const HookFor&) = delete;
  const threading::ExceptHook& former() const { return former_; }

 private:
  threading::ExceptHook former_;
};

constexpr const char* kReport = "Exception in thread excepthook thread:\nstd::invalid_argument: run failed\n";

TEST(ExceptHook, reports_name_type_and_text_on_stderr) { EXPECT_EQ(reported_failure("excepthook thread"), kReport); }

TEST(ExceptHook, reports_what_is_no_exception_by_its_type) {
  Thread thread({.name = "odd"}, [] { throw 7; });
  CaptureStderr();
  thread.start();
  thread.join();
  EXPECT_EQ(GetCapturedStderr(), "Exception in thread odd:\nint\n");
}

TEST(ExceptHook, derived_class_is_treated_alike) {
  struct Failing : Thread {
    Failing() : Thread({.name = "derived"}) {}
    ~Failing() override { join(); }
    void run() override { throw std::runtime_error("run failed"); }
  } thread;
  CaptureStderr();
  thread.start();
  thread.join();
  EXPECT_EQ(GetCapturedStderr(), "Exception in thread derived:\nstd::runtime_error: run failed\n");
}

TEST(ExceptHook, can_be_replaced) {
  std::optional<ExceptHookArgs> seen;
  const HookFor hook([&](const ExceptHookArgs& args) {
    EXPECT_EQ(threading::current_thread(), args.thread);
    EXPECT_TRUE(args.thread.is_alive());
    seen = args;
  });
  EXPECT_EQ(reported_failure("hooked"), "");
  ASSERT_TRUE(seen.has_value());
  EXPECT_EQ(seen->type, "std::invalid_argument");
  EXPECT_EQ(seen->text, "run failed");
  EXPECT_EQ(seen->thread.name(), "hooked");
  EXPECT_THROW(std::rethrow_exception(seen->exception), std::invalid_argument);
}

TEST(ExceptHook, that_throws_is_reported_with_what_it_was_given) {
  const HookFor hook([](const ExceptHookArgs&) { throw std::logic_error("hook failed"); });
  EXPECT_EQ(reported_failure("excepthook thread"),
            std::string("Exception in threading::excepthook:\nstd::logic_error: hook failed\n") + kReport);
}

TEST(ExceptHook, former_one_is_returned_and_an_empty_one_is_the_first) {
  HookFor first([](const ExceptHookArgs&) {});
  EXPECT_EQ(reported_failure("excepthook thread"), "");
  {
    const HookFor original(first.former());
    EXPECT_EQ(reported_failure("excepthook thread"), kReport);
  }
  EXPECT_EQ(reported_failure("excepthook thread"), "");
  const HookFor empty(nullptr);
  EXPECT_EQ(reported_failure("excepthook thread"), kReport);
}

TEST(ExceptHook, can_be_called_by_anybody) {
  CaptureStderr();
  threading::excepthook({.exception = nullptr, .type = "Bug", .text = "bug", .thread = threading::current_thread()});
  EXPECT_EQ(GetCapturedStderr(), "Exception in thread MainThread:\nBug: bug\n");
}

TEST(ExceptHook, many_may_fail_at_once) {
  std::atomic<int> failed{0};
  const HookFor hook([&](const ExceptHookArgs&) { ++failed; });
  std::deque<Thread> threads;
  for (int i = 0; i < 8; ++i) threads.emplace_back([] { throw std::runtime_error("together"); }).start();
  threads.clear();
  EXPECT_EQ(failed, 8);
}

// ---- Timer: CPython's TimerTests ----

TEST(Timer, calls_once_after_the_interval) {
  int sum = 0;
  const auto begin = std::chrono::steady_clock::now();
  Timer timer(10ms, [&](int a, int b) { sum += a + b; }, 1, 2);
  EXPECT_FALSE(timer.is_alive());
  timer.start();
  EXPECT_THROW(timer.start(), ThreadError);
  timer.join();
  EXPECT_EQ(sum, 3);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 10ms);
}

TEST(Timer, cancelled_calls_nothing) {
  bool called = false;
  Timer timer(1h, [&] { called = true; });
  timer.start();
  EXPECT_TRUE(timer.is_alive());
  timer.cancel();
  timer.join();
  timer.cancel();
  EXPECT_FALSE(called);
  Timer early(0s, [&] { called = true; });
  early.cancel();
  early.start();
  early.join();
  EXPECT_FALSE(called);
}

TEST(Timer, without_limit_waits_until_it_is_cancelled) {
  Timer timer(Duration(), [] { ADD_FAILURE(); });
  timer.start();
  EXPECT_FALSE(timer.join(1ms));
  timer.cancel();
}

TEST(Timer, is_joined_by_its_destructor_and_keeps_what_it_calls) {
  Event fired;
  {
    Timer timer(1ms, [own = std::make_unique<int>(1), &fired] {
      if (*own == 1) fired.set();
    });
    timer.start();
  }
  EXPECT_TRUE(fired.is_set());
  const Timer never_started(1ms, [] { ADD_FAILURE(); });
}

TEST(Timer, fire_and_forget) {
  Event fired;
  const auto timer = make_thread<Timer>(1ms, [&] { fired.set(); });
  timer->start();
  EXPECT_TRUE(fired.wait(1h));
  timer->join();
}

// A timer that takes itself out of a table of timers.
TEST(Timer, may_drop_its_last_owner) {
  Event fired;
  std::shared_ptr<Timer> timer;
  timer = make_thread<Timer>(1ms, [&] {
    timer.reset();
    fired.set();
  });
  const ThreadHandle handle = *timer;
  Timer& here = *timer;
  here.start();
  EXPECT_TRUE(fired.wait(1h));
  handle.join();
}

TEST(Timer, that_fails_is_reported) {
  std::string text;
  const HookFor hook([&](const ExceptHookArgs& args) { text = args.text; });
  Timer timer(0s, [] { throw std::runtime_error("late"); });
  timer.start();
  timer.join();
  EXPECT_EQ(text, "late");
}

// ---- Local: CPython's test_threading_local ----

TEST(Local, each_thread_has_its_own) {
  Local<int> local;
  local.get() = 1;
  for (int i = 0; i < 3; ++i) {
    Thread thread([&] {
      EXPECT_FALSE(local.has_value());
      EXPECT_EQ(*local, 0);
      *local = 2;
      EXPECT_EQ(local.get(), 2);
      EXPECT_TRUE(local.has_value());
    });
    thread.start();
    thread.join();
  }
  EXPECT_EQ(*local, 1);
  const int* const address = &*local;
  EXPECT_EQ(address, &local.get()) << "and keeps its place";
}

TEST(Local, begins_with_what_its_maker_makes) {
  std::atomic<int> made{0};
  Local<std::string> local([&] { return "value " + std::to_string(++made); });
  EXPECT_EQ(made, 0) << "nobody has asked";
  EXPECT_EQ(*local, "value 1");
  EXPECT_EQ(local->size(), 7U);
  Thread thread([&] { EXPECT_EQ(*local, "value 2"); });
  thread.start();
  thread.join();
  EXPECT_EQ(made, 2);
  local.reset();
  EXPECT_FALSE(local.has_value());
  local.reset();
  EXPECT_EQ(*local, "value 3");
}

TEST(Local, maker_that_throws_makes_nothing) {
  int tries = 0;
  Local<int> local([&]() -> int { return ++tries == 1 ? throw std::runtime_error("not yet") : tries; });
  EXPECT_THROW(local.get(), std::runtime_error);
  EXPECT_FALSE(local.has_value());
  EXPECT_EQ(local.get(), 2);
}

// Python's test_derived: while one thread's value is made, others make and use theirs.
TEST(Local, slow_maker_and_derived_class_give_each_thread_its_own) {
  struct Derived : Local<int> {
    Derived()
        : Local([] {
            for (int i = 0; i < 100; ++i) std::this_thread::yield();
            return -1;
          }) {}
  } local;
  std::deque<Thread> threads;
  for (int number = 0; number < 10; ++number) {
    threads.emplace_back([&local, number] {
      EXPECT_EQ(*local, -1);
      *local = number;
      std::this_thread::yield();
      EXPECT_EQ(*local, number);
    });
    threads.back().start();
  }
  threads.clear();
  EXPECT_FALSE(local.has_value());
}

TEST(Local, holds_what_cannot_be_moved) {
  Local<std::atomic<int>> local;
  ++*local;
  EXPECT_EQ(*local, 1);
  struct Fixed {
    explicit Fixed(int given) : value(given) {}
    Fixed(const Fixed&) = delete;
    Fixed& operator=(const Fixed&) = delete;
    int value;
  };
  Local<Fixed> made([] { return Fixed(3); });
  EXPECT_EQ(made->value, 3);
}

Local<Tracked> tracked_local() {
  return Local<Tracked>([] { return Tracked(1); });
}

TEST(Local, values_go_with_their_threads) {
  for (const int threads : {20, 50, 100}) {
    Tracked::reset();
    Local<Tracked> local = tracked_local();
    for (int i = 0; i < threads; ++i) {
      Thread thread([&] { EXPECT_EQ(local->value, 1); });
      thread.start();
      thread.join();
      EXPECT_EQ(Tracked::live, 0);
    }
    std::thread([&] { EXPECT_EQ(local->value, 1); }).join();
    EXPECT_EQ(Tracked::live, 0) << "a stranger's, too";
  }
}

TEST(Local, values_go_with_the_local_while_their_threads_live) {
  Tracked::reset();
  auto local = std::make_unique<Local<Tracked>>([] { return Tracked(1); });
  Event go;
  std::atomic<int> have{0};
  Event all_have;
  std::deque<Thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      local->get();
      if (++have == 4) all_have.set();
      go.wait();
    });
    threads.back().start();
  }
  local->get();
  all_have.wait();
  EXPECT_EQ(Tracked::live, 5);
  local.reset();
  EXPECT_EQ(Tracked::live, 0);
  go.set();
}

// Python's test_derived_cycle_dealloc: a new Local in an old one's place knows none of its values.
TEST(Local, new_one_has_no_values_of_an_old_one) {
  Event made;
  Event go;
  std::vector<std::unique_ptr<Local<int>>> locals;
  bool all_new = false;
  Thread thread([&] {
    {
      Local<int> old;
      *old = 7;
    }
    made.set();
    go.wait();
    all_new = true;
    for (const auto& local : locals) all_new = all_new && !local->has_value() && **local == 0;
  });
  thread.start();
  made.wait();
  for (int i = 0; i < 10; ++i) locals.push_back(std::make_unique<Local<int>>());
  for (const auto& local : locals) **local = 1;
  go.set();
  thread.join();
  EXPECT_TRUE(all_new);
}

TEST(Local, destructor_of_a_value_may_use_others) {
  Tracked::reset();
  {
    Local<Tracked> inner = tracked_local();
    struct Outer {
      Local<Tracked>* inner = nullptr;
      ~Outer() {
        if (inner != nullptr) inner->get().value = 2;
      }
    };
    Local<Outer> outer;
    Thread thread([&] { outer->inner = &inner; });
    thread.start();
    thread.join();
    EXPECT_EQ(Tracked::live, 0);
  }
  EXPECT_EQ(Tracked::live, 0);
}

TEST(Local, value_that_owns_its_local_leaks_nothing) {
  Tracked::reset();
  struct Owner {
    std::shared_ptr<Local<Owner>> local;
    Tracked tracked{1};
  };
  Thread thread([] {
    const auto local = std::make_shared<Local<Owner>>();
    local->get().local = local;
  });
  thread.start();
  thread.join();
  EXPECT_EQ(Tracked::live, 0);
}

TEST(Local, many_are_made_and_dropped) {
  Tracked::reset();
  for (int i = 0; i < 1000; ++i) {
    Local<Tracked> local = tracked_local();
    local.get();
  }
  EXPECT_EQ(Tracked::live, 0);
}

// Threads that end against Locals that go: every value is destroyed once, by whoever comes first.
TEST(LocalStress, ends_of_threads_against_ends_of_locals) {
  Tracked::reset();
  for (int round = 0; round < 200; ++round) {
    std::vector<std::unique_ptr<Local<Tracked>>> locals;
    for (int i = 0; i < 4; ++i) locals.push_back(std::make_unique<Local<Tracked>>([] { return Tracked(1); }));
    std::atomic<int> ready{0};
    std::deque<Thread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&] {
        for (const auto& local : locals) local->get();
        ++ready;
      });
      threads.back().start();
    }
    while (ready != 3) std::this_thread::yield();
    locals.clear();
    threads.clear();
    ASSERT_EQ(Tracked::live, 0);
  }
}

}  // namespace
}  // namespace muster::testing
