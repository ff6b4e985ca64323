// Who a thread is, to itself and to others: names, current_thread, main_thread, enumerate, strangers.

#include <gtest/gtest.h>
#include <unistd.h>
#include <muster/thread_pool.hpp>
#include <muster/threading.hpp>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/leaks.hpp"

namespace muster::testing {

// This program shows its functions to others.
void count_to(int most);
void count_to(int /*most*/) {}
template <class T>
void count_as(T /*most*/) {}
template void count_as(int);

namespace {

void hidden() {}

using namespace std::chrono_literals;
using threading::Event;
using threading::Thread;
using threading::ThreadHandle;

// As the kernel shows a thread of this process.
std::string kernel_name(std::int64_t native_id) {
  std::ifstream comm("/proc/self/task/" + std::to_string(native_id) + "/comm");
  std::string name;
  std::getline(comm, name);
  return name;
}

// The number in "Thread-7 (f)".
int number_of(const ThreadHandle& thread) { return std::stoi(thread.name().substr(thread.name().find('-') + 1)); }

std::string name_after_number(const ThreadHandle& thread) {
  const std::string name = thread.name();
  EXPECT_TRUE(name.starts_with("Thread-")) << name;
  return name.substr(name.find_first_not_of("0123456789", 7) == std::string::npos
                         ? name.size()
                         : name.find_first_not_of("0123456789", 7));
}

bool knows(const std::vector<ThreadHandle>& all, const ThreadHandle& thread) {
  return std::ranges::find(all, thread) != all.end();
}

// A thread that is there until this goes.
class Waiting {
 public:
  Waiting() : thread_([this] { go_.wait(); }) { thread_.start(); }
  ~Waiting() { go_.set(); }
  Thread* operator->() { return &thread_; }
  Thread& operator*() { return thread_; }

 private:
  Event go_;
  Thread thread_;
};

// ---- names ----

struct Greet {
  void operator()() const {}
};
template <class T>
struct GreetAs {
  void operator()() const {}
};
struct Greeter : Thread {
  ~Greeter() override { join(); }
};

TEST(ThreadName, default_tells_number_and_function) {
  const Thread first;
  const Thread second;
  EXPECT_EQ(number_of(second), number_of(first) + 1);
  EXPECT_EQ(name_after_number(first), "");
  EXPECT_EQ(name_after_number(Thread(Greet())), " (Greet)");
  EXPECT_EQ(name_after_number(Thread(GreetAs<std::vector<int>>())), " (GreetAs)");
  EXPECT_EQ(name_after_number(Thread([] {})), " (<lambda>)");
  EXPECT_EQ(name_after_number(Thread(std::function<void()>([] {}))), "") << "which says nothing of what it holds";
  EXPECT_EQ(name_after_number(threading::Timer(1s, Greet())), " (Greet)");
  struct Local {
    void operator()() const {}
  };
  EXPECT_EQ(name_after_number(Thread(Local())), " (Local)");
}

TEST(ThreadName, function_that_is_shown_to_others_is_known_and_no_other) {
  EXPECT_EQ(name_after_number(Thread(&count_to, 7)), " (count_to)");
  EXPECT_EQ(name_after_number(Thread(count_as<int>, 7)), " (count_as)");
  EXPECT_EQ(name_after_number(Thread(&hidden)), "");
}

TEST(ThreadName, is_taken_as_given) {
  EXPECT_EQ(Thread({.name = "myname1"}).name(), "myname1");
  EXPECT_EQ(Thread({.name = "myname2"}, Greet()).name(), "myname2");
  EXPECT_EQ(name_after_number(Thread({.name = ""}, Greet())), " (Greet)");
  Thread thread;
  thread.set_name("later");
  EXPECT_EQ(thread.name(), "later");
}

TEST(ThreadName, is_what_the_kernel_shows) {
  std::string at_start;
  Event read;
  Event go;
  Thread thread({.name = "first"}, [&] {
    at_start = kernel_name(threading::get_native_id());
    read.set();
    go.wait();
  });
  thread.start();
  read.wait();
  EXPECT_EQ(at_start, "first");
  thread.set_name("second");
  EXPECT_EQ(kernel_name(thread.native_id()), "second") << "set by another thread";
  thread.set_name("more than fifteen bytes");
  EXPECT_EQ(kernel_name(thread.native_id()), "more than fifte");
  EXPECT_EQ(thread.name(), "more than fifteen bytes");
  thread.set_name("fourteen bytes\u00e9");
  EXPECT_EQ(kernel_name(thread.native_id()), "fourteen bytes") << "no half characters";
  thread.set_name("");
  EXPECT_EQ(kernel_name(thread.native_id()), "");
  go.set();
  thread.join();
  thread.set_name("after its end");
  EXPECT_EQ(thread.name(), "after its end");
}

TEST(ThreadName, given_before_the_start_or_by_the_thread_itself) {
  std::vector<std::string> seen;
  Thread thread([&] {
    seen.push_back(kernel_name(threading::get_native_id()));
    threading::current_thread().set_name("itself");
    seen.push_back(kernel_name(threading::get_native_id()));
  });
  thread.set_name("before");
  thread.start();
  thread.join();
  EXPECT_EQ(seen, (std::vector<std::string>{"before", "itself"}));
  EXPECT_EQ(thread.name(), "itself");
}

// ---- the main thread ----

TEST(MainThread, is_known_by_name_and_to_all) {
  const ThreadHandle main = threading::main_thread();
  EXPECT_EQ(main.name(), "MainThread");
  EXPECT_EQ(main, threading::current_thread());
  EXPECT_EQ(main.ident(), threading::get_ident());
  EXPECT_EQ(main.native_id(), threading::get_native_id());
  EXPECT_EQ(main.native_id(), getpid());
  EXPECT_TRUE(main.is_alive());
  EXPECT_FALSE(main.daemon());
  std::optional<ThreadHandle> seen;
  Thread thread([&] {
    seen = threading::main_thread();
    EXPECT_NE(threading::main_thread().ident(), threading::current_thread().ident());
    EXPECT_FALSE(seen->join(1ms)) << "which runs";
  });
  thread.start();
  thread.join();
  EXPECT_EQ(seen, main);
  EXPECT_NE(kernel_name(getpid()), "MainThread") << "the process keeps its name until it is given another";
}

// ---- the calling one, and all ----

TEST(CurrentThread, is_equal_to_its_thread) {
  std::optional<ThreadHandle> seen;
  Thread thread([&] { seen = threading::current_thread(); });
  thread.start();
  thread.join();
  EXPECT_EQ(seen, thread);
  EXPECT_NE(threading::current_thread(), thread);
  EXPECT_FALSE(seen->is_alive());
  EXPECT_EQ(seen->name(), thread.name());
}

TEST(ThreadHandle, outlives_the_thread_and_its_object) {
  std::optional<ThreadHandle> handle;
  {
    Thread thread({.name = "gone", .daemon = true}, [] {});
    thread.start();
    thread.join();
    handle = thread;
  }
  EXPECT_EQ(handle->name(), "gone");
  EXPECT_TRUE(handle->daemon());
  EXPECT_FALSE(handle->is_alive());
  EXPECT_NE(handle->native_id(), 0);
  handle->join();
  const ThreadHandle copy = *handle;
  const ThreadHandle moved = std::move(*handle);                        // NOLINT(performance-move-const-arg)
  EXPECT_EQ(copy.name(), handle->name()) << "a handle is never empty";  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(moved, copy);
}

TEST(ThreadHandle, of_a_thread_that_never_started) {
  std::optional<ThreadHandle> handle;
  {
    const Thread thread({.name = "idle"});
    handle = thread;
  }
  EXPECT_FALSE(handle->is_alive());
  EXPECT_EQ(handle->ident(), 0U);
  EXPECT_EQ(handle->native_id(), 0);
  EXPECT_THROW(handle->join(), ThreadError);
}

TEST(Enumerate, knows_the_main_thread_and_those_started_in_order) {
  EXPECT_EQ(threading::enumerate(), std::vector{threading::current_thread()});
  EXPECT_EQ(threading::active_count(), 1U);
  const Thread idle;
  {
    Waiting first;
    Waiting second;
    const std::vector<ThreadHandle> expected{threading::main_thread(), *first, *second};
    EXPECT_EQ(threading::enumerate(), expected);
    EXPECT_EQ(threading::active_count(), 3U);
  }
  EXPECT_EQ(threading::active_count(), 1U);
}

// The tutorial's way to join them all.
TEST(Enumerate, gives_what_can_be_joined) {
  Event go;
  std::vector<std::shared_ptr<Thread>> threads;
  for (int i = 0; i < 4; ++i) {
    threads.push_back(threading::make_thread([&] { go.wait(); }));
    threads.back()->start();
  }
  go.set();
  for (const ThreadHandle& thread : threading::enumerate()) {
    if (thread != threading::current_thread()) thread.join();
  }
  for (const auto& thread : threads) EXPECT_FALSE(thread->is_alive());
  EXPECT_EQ(threading::active_count(), 1U);
}

// ---- strangers ----

TEST(Stranger, shows_up_when_it_asks_and_until_it_ends) {
  Event asked;
  Event go;
  std::optional<ThreadHandle> seen;
  std::thread stranger([&] {
    EXPECT_EQ(threading::active_count(), 1U) << "not before";
    EXPECT_NE(threading::get_ident(), 0U);
    EXPECT_EQ(threading::active_count(), 1U);
    seen = threading::current_thread();
    EXPECT_EQ(seen, threading::current_thread());
    EXPECT_EQ(seen->ident(), threading::get_ident());
    asked.set();
    go.wait();
  });
  asked.wait();
  EXPECT_TRUE(seen->name().starts_with("Dummy-")) << seen->name();
  EXPECT_TRUE(seen->is_alive());
  EXPECT_TRUE(seen->daemon());
  EXPECT_TRUE(knows(threading::enumerate(), *seen));
  EXPECT_EQ(threading::active_count(), 2U);
  EXPECT_FALSE(seen->join(1ms));
  seen->set_name("named");
  EXPECT_EQ(kernel_name(seen->native_id()), "named");
  go.set();
  EXPECT_TRUE(seen->join(1h)) << "Python cannot join one, we can";
  EXPECT_FALSE(seen->is_alive());
  EXPECT_EQ(threading::active_count(), 1U);
  stranger.join();
}

TEST(Stranger, is_what_a_worker_of_a_pool_is) {
  ThreadPool pool(2);
  pool.map([](int i) { return i; }, {1, 2, 3, 4});
  EXPECT_EQ(threading::active_count(), 1U) << "none has asked";
  const std::string name = pool.apply_async([] { return threading::current_thread().name(); }).get();
  EXPECT_TRUE(name.starts_with("Dummy-")) << name;
  EXPECT_EQ(threading::active_count(), 2U);
  pool.close();
  pool.join();
  EXPECT_EQ(threading::active_count(), 1U);
}

TEST(Stranger, may_ask_at_its_very_end) {
  struct Late {
    bool* asked;
    explicit Late(bool* where) : asked(where) {}
    Late(const Late&) = delete;
    Late& operator=(const Late&) = delete;
    ~Late() { *asked = threading::current_thread().is_alive(); }
  };
  bool asked = false;
  std::thread([&] {
    static thread_local const Late late(&asked);
    static_cast<void>(late.asked);
    threading::current_thread();
  }).join();
  EXPECT_TRUE(asked) << "destroyed after what muster knew of the thread";
  EXPECT_EQ(threading::active_count(), 1U);
}

TEST(Thread, knows_itself_at_its_very_end) {
  struct Late {
    std::optional<ThreadHandle>* seen;
    explicit Late(std::optional<ThreadHandle>* where) : seen(where) {}
    Late(const Late&) = delete;
    Late& operator=(const Late&) = delete;
    ~Late() { *seen = threading::current_thread(); }
  };
  std::optional<ThreadHandle> seen;
  Thread thread([&] {
    static thread_local const Late late(&seen);
    static_cast<void>(late.seen);
  });
  thread.start();
  thread.join();
  EXPECT_EQ(seen, thread);
}

}  // namespace
}  // namespace muster::testing
