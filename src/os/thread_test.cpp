#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "os/os.hpp"
#include "os/testing.hpp"

namespace muster::os {
namespace {

// Large enough that a thread of the least stack would not start if its thread-local variables were not counted in.
thread_local char thread_locals[1 << 20];

// Runs `body` on a thread of its own, so that what it sets dies with it.
void on_a_thread(std::function<void()> body) { Thread(std::move(body)).join(); }

sigset_t signal_mask() {
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return mask;
}

// ---- life ----

TEST(Thread, runs_its_body_on_another_thread) {
  const std::int64_t here = native_thread_id();
  std::int64_t there = here;
  Thread thread([&] { there = native_thread_id(); });
  EXPECT_TRUE(thread.joinable());
  thread.join();
  EXPECT_FALSE(thread.joinable());
  EXPECT_NE(there, here);
}

TEST(Thread, default_is_no_thread) { EXPECT_FALSE(Thread().joinable()); }

TEST(Thread, captures_are_gone_after_join) {
  auto captured = std::make_shared<int>(1);
  Thread thread([captured] {});
  thread.join();
  EXPECT_EQ(captured.use_count(), 1);
}

TEST(Thread, detached_runs_on) {
  std::atomic<std::uint32_t> done{0};
  Thread thread([&] {
    done.store(1);
    // The word may be gone once this thread is seen to be done: futex_wake allows that.
    futex_wake(done, kAll, Scope::kPrivate);
  });
  thread.detach();
  EXPECT_FALSE(thread.joinable());
  while (done.load() == 0) futex_wait(done, 0, Scope::kPrivate);
}

TEST(Thread, move_takes_the_thread) {
  Thread from([] {});
  Thread to(std::move(from));
  EXPECT_FALSE(from.joinable());  // NOLINT(bugprone-use-after-move): what this test is about
  EXPECT_TRUE(to.joinable());
  from = std::move(to);
  EXPECT_FALSE(to.joinable());  // NOLINT(bugprone-use-after-move)
  from.join();
}

TEST(Thread, second_join_throws) {
  Thread thread([] {});
  thread.join();
  EXPECT_THROW(thread.join(), std::system_error);
  EXPECT_THROW(thread.detach(), std::system_error);
  EXPECT_THROW(Thread().join(), std::system_error);
}

TEST(Thread, join_of_itself_throws) {
  Thread thread;
  std::atomic<bool> assigned{false};
  std::atomic<int> error{0};
  thread = Thread([&] {
    while (!assigned.load()) yield();
    try {
      thread.join();
      error.store(-1);
    } catch (const std::system_error& thrown) {
      error.store(thrown.code().value());
    }
  });
  assigned.store(true);
  while (error.load() == 0) yield();
  EXPECT_EQ(error.load(), EDEADLK);
  thread.join();
}

TEST(Thread, without_body_throws) { EXPECT_THROW(Thread(std::function<void()>()), std::system_error); }

TEST(Thread, many_leave_nothing_behind) {
  const std::ptrdiff_t descriptors = testing::open_descriptors();
  for (int i = 0; i < 200; ++i) on_a_thread([] { thread_stack(); });
  EXPECT_EQ(testing::open_descriptors(), descriptors);
}

class ThreadDeathTest : public ::testing::Test {
 protected:
  ThreadDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(ThreadDeathTest, exception_that_leaves_the_body_ends_the_program) {
  EXPECT_DEATH(on_a_thread([] { throw std::runtime_error("out of the body"); }), "out of the body");
}

TEST_F(ThreadDeathTest, destruction_unjoined_ends_the_program) {
  EXPECT_EXIT(Thread([] {}), ::testing::KilledBySignal(SIGABRT), "");
}

TEST_F(ThreadDeathTest, assignment_over_unjoined_ends_the_program) {
  const auto assign = [] {
    Thread thread([] {});
    thread = Thread();
  };
  EXPECT_EXIT(assign(), ::testing::KilledBySignal(SIGABRT), "");
}

// ---- signals ----

TEST(ThreadSignals, are_blocked_except_faults_and_profilers) {
  sigset_t mask;
  on_a_thread([&] { mask = signal_mask(); });
  for (const int blocked : {SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGALRM, SIGUSR1, SIGPIPE, SIGRTMIN}) {
    EXPECT_EQ(sigismember(&mask, blocked), 1) << strsignal(blocked);
  }
  for (const int open : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGPROF}) {
    EXPECT_EQ(sigismember(&mask, open), 0) << strsignal(open);
  }
}

TEST(ThreadSignals, of_the_starting_thread_stay_as_they_were) {
  const sigset_t before = signal_mask();
  on_a_thread([] {});
  EXPECT_THROW(Thread([] {}, std::size_t{1} << 60), std::system_error);
  const sigset_t after = signal_mask();
  for (int signal = 1; signal <= SIGRTMAX; ++signal) {
    EXPECT_EQ(sigismember(&before, signal), sigismember(&after, signal)) << signal;
  }
}

TEST(ThreadSignals, blocked_by_the_starting_thread_stay_blocked) {
  std::thread([] {
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGPROF);
    pthread_sigmask(SIG_BLOCK, &mask, nullptr);
    on_a_thread([&] { mask = signal_mask(); });
    EXPECT_EQ(sigismember(&mask, SIGPROF), 1);
  }).join();
}

TEST(ThreadSignals, may_be_those_of_the_starting_thread) {
  const auto mask_of_a_thread = [] {
    sigset_t mask;
    Thread([&] { mask = signal_mask(); }, 0, Signals::kInherited).join();
    return mask;
  };
  const sigset_t open = mask_of_a_thread();
  EXPECT_EQ(sigismember(&open, SIGINT), 0);
  std::thread([&] {
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &mask, nullptr);
    const sigset_t inherited = mask_of_a_thread();
    EXPECT_EQ(sigismember(&inherited, SIGUSR1), 1);
    EXPECT_EQ(sigismember(&inherited, SIGUSR2), 0);
  }).join();
}

// ---- stack ----

TEST(ThreadStack, holds_the_locals_of_main_and_of_others) {
  const auto check = [] {
    const char local = 0;
    const Stack stack = thread_stack();
    const auto here = reinterpret_cast<std::uintptr_t>(&local);
    EXPECT_GE(here, stack.lowest);
    EXPECT_LT(here, stack.lowest + stack.size);
  };
  check();
  on_a_thread(check);
}

TEST(ThreadStack, is_usable_from_its_lowest_byte) {
  on_a_thread([] {
    const Stack stack = thread_stack();
    auto* const lowest = reinterpret_cast<volatile char*>(stack.lowest);
    *lowest = 1;
    EXPECT_EQ(*lowest, 1);
  });
}

TEST(ThreadStack, is_as_large_as_asked) {
  constexpr std::size_t kAsked = (std::size_t{32} << 20) + 1;
  std::size_t size = 0;
  Thread([&] { size = thread_stack().size; }, kAsked).join();
  EXPECT_GE(size, kAsked);
}

TEST(ThreadStack, too_small_is_rounded_up_beyond_the_thread_local_variables) {
  Thread([] { thread_locals[sizeof thread_locals - 1] = 1; }, 1).join();
}

TEST(ThreadStack, beyond_the_address_space_throws) {
  for (const std::size_t size : {std::size_t{1} << 60, SIZE_MAX / 2, SIZE_MAX}) {
    EXPECT_THROW(Thread([] {}, size), std::system_error) << size;
  }
}

// ---- identity ----

TEST(ThreadId, is_the_process_id_on_the_main_thread) { EXPECT_EQ(native_thread_id(), getpid()); }

TEST(ThreadId, of_a_forked_child_is_its_own) {
  native_thread_id();
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) _exit(native_thread_id() == getpid() ? 0 : 1);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

std::string renamed(std::string_view name) {
  std::string kept;
  on_a_thread([&] {
    set_thread_name(name);
    kept = thread_name();
  });
  return kept;
}

TEST(ThreadName, is_kept_up_to_15_bytes) {
  EXPECT_EQ(renamed("worker"), "worker");
  EXPECT_EQ(renamed("exactly15bytes!"), "exactly15bytes!");
  EXPECT_EQ(renamed("more than 15 bytes of name"), "more than 15 by");
  EXPECT_EQ(renamed(""), "");
  EXPECT_EQ(renamed(std::string_view()), "");
}

TEST(ThreadName, is_not_cut_within_a_character) {
  EXPECT_EQ(renamed("fourteen bytes\u00e9"), "fourteen bytes");
  EXPECT_EQ(renamed("thirteen byte\u00e9"), "thirteen byte\u00e9");
  EXPECT_EQ(renamed("twelve bytes\U0001F980"), "twelve bytes");
  EXPECT_EQ(renamed("eleven byte\U0001F980!"), "eleven byte\U0001F980");
}

TEST(ThreadName, may_be_given_by_another_thread) {
  std::atomic<std::int64_t> id{0};
  std::atomic<std::uint32_t> step{0};
  std::string seen;
  Thread thread([&] {
    id = native_thread_id();
    while (step == 0) yield();
    seen = thread_name();
  });
  while (id == 0) yield();
  set_thread_name(id, "named by another");
  step = 1;
  thread.join();
  EXPECT_EQ(seen, "named by anothe");
  set_thread_name(std::int64_t{INT32_MAX}, "nobody");
  const std::string before = thread_name();
  set_thread_name(native_thread_id(), "itself");
  EXPECT_EQ(thread_name(), "itself");
  set_thread_name(before);
}

TEST(ThreadIdent, tells_threads_apart) {
  const std::uint64_t here = thread_ident();
  EXPECT_NE(here, 0U);
  EXPECT_EQ(here, thread_ident());
  on_a_thread([&] { EXPECT_NE(thread_ident(), here); });
}

TEST(ThreadName, that_is_not_utf8_is_cut_at_15_bytes) {
  EXPECT_EQ(renamed(std::string(40, '\x80')), std::string(15, '\x80'));
}

// ---- affinity ----

TEST(ThreadAffinity, is_ascending_and_not_empty) {
  const std::vector<int> cpus = thread_affinity();
  ASSERT_FALSE(cpus.empty());
  for (std::size_t i = 1; i < cpus.size(); ++i) EXPECT_LT(cpus[i - 1], cpus[i]);
}

TEST(ThreadAffinity, is_what_was_set_and_is_inherited) {
  const std::vector<int> all = thread_affinity();
  on_a_thread([&] {
    const std::vector<int> last{all.back()};
    set_thread_affinity(last);
    EXPECT_EQ(thread_affinity(), last);
    on_a_thread([&] { EXPECT_EQ(thread_affinity(), last); });
    set_thread_affinity(all);
    EXPECT_EQ(thread_affinity(), all);
  });
  EXPECT_EQ(thread_affinity(), all);
}

TEST(ThreadAffinity, of_another_thread_leaves_out_the_callers_cpu_until_that_one_allows_it_again) {
  const std::vector<int> all = thread_affinity();
  std::atomic<std::int64_t> id{0};
  std::atomic<int> turn{0};
  CpuSet before{};
  std::vector<int> kept_off;
  Thread other([&] {
    id = native_thread_id();
    while (turn < 1) yield();
    kept_off = thread_affinity();
    if (turn == 1) allow_again(before);
    EXPECT_EQ(thread_affinity(), all);
  });
  while (id == 0) yield();
  on_a_thread([&] {
    set_thread_affinity({all.front()});  // so that it is known which CPU that is
    turn = keep_off_this_cpu(id, before) ? 1 : 2;
  });
  other.join();
  EXPECT_EQ(turn, all.size() > 1 ? 1 : 2) << "who may run on this CPU only is left there";
  EXPECT_EQ(kept_off, turn == 1 ? std::vector<int>(all.begin() + 1, all.end()) : all);
}

TEST(ThreadAffinity, of_a_thread_that_is_not_there_or_may_run_nowhere_else_is_left) {
  CpuSet before{};
  EXPECT_FALSE(keep_off_this_cpu(INT32_MAX, before));
  on_a_thread([&] {
    const std::vector<int> one{thread_affinity().front()};
    set_thread_affinity(one);
    EXPECT_FALSE(keep_off_this_cpu(native_thread_id(), before));
    EXPECT_EQ(thread_affinity(), one);
    EXPECT_EQ(current_cpu(), one.front());
  });
}

TEST(ThreadAffinity, to_no_cpu_throws) {
  const std::vector<int> before = thread_affinity();
  for (const std::vector<int>& cpus : {std::vector<int>{}, {-1}, {INT32_MIN}, {INT32_MAX}, {1'000'000}}) {
    EXPECT_THROW(set_thread_affinity(cpus), std::system_error);
  }
  EXPECT_EQ(thread_affinity(), before);
}

}  // namespace
}  // namespace muster::os
