// Where the system gives little, and where much happens: nothing is lost, nothing is left.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>

#include <muster/error.hpp>

#include "parts/start/testing.hpp"
#include "tests/support/child.hpp"
#include "tests/support/leaks.hpp"

// NOLINTBEGIN(performance-unnecessary-value-param): what a Body takes
namespace muster::start::testing {
namespace {

using muster::testing::become_somebody;
using muster::testing::Holdings;
using muster::testing::require;
using muster::testing::run_in_child;

using Limit = EachMethod;
INSTANTIATE_TEST_SUITE_P(Template, Limit, kAllMethods, &name_of);

// Leaves so many numbers free.
class FullTable {
 public:
  explicit FullTable(int free) {
    const rlimit few{.rlim_cur = kNumbers, .rlim_max = kNumbers};
    require(setrlimit(RLIMIT_NOFILE, &few) == 0, "setrlimit");
    for (;;) {
      const int number = open("/dev/null", O_RDONLY | O_CLOEXEC);
      if (number < 0) break;
      taken_.emplace_back(number);
    }
    taken_.resize(taken_.size() - static_cast<std::size_t>(free));
  }

 private:
  static constexpr rlim_t kNumbers = 100;
  std::vector<os::Descriptor> taken_;
};

// One template and one worker, with what may be refused; whether the worker ran.
bool try_everything(Method method) {
  try {
    const os::Descriptor given = os::process_handle(os::process_id());
    Template made(method, &return_place, {});
    const std::array descriptors{given.number()};
    if (!made.request(7, descriptors)) return false;
    News told = await_news(made);
    if (told.what == What::kRefused) {
      require(told.error == EMFILE, "refused for another reason");
      require(told.place == 7, "another was refused");
      return false;
    }
    if (told.what == What::kClosed) return false;
    require(told.what == What::kStarted && told.process.handle, "started without a handle");
    told = await_news(made);
    require(told.what == What::kEnded && told.end.code == 7, "it ended otherwise");
    return true;
  } catch (const std::system_error& error) {
    require(error.code().value() == EMFILE || error.code().value() == EBADF, error.what());
    return false;
  }
}

TEST_P(Limit, on_descriptors_is_an_error_at_each_step_and_leaves_nothing) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "to look at an exception, UndefinedBehaviorSanitizer opens a pipe";
#endif
  const Method method = GetParam();
  const auto ended = run_in_child([method] {
    if (method != Method::kFork) serve();
    int failures = 0;
    bool worked = false;
    for (int free = 0; free < 12; ++free) {
      const Holdings before = Holdings::now();
      {
        const FullTable full(free);
        worked = try_everything(method);
      }
      if (!worked) ++failures;
      const std::string left = muster::testing::leaked_since(before);
      require(left.empty(), left.c_str());
    }
    require(failures > 3, "the table was not full");
    require(worked, "it never worked");
  });
  EXPECT_TRUE(ended.well()) << ended;
}

int tell_and_sleep(Birth birth) {
  const os::Descriptor own = os::process_handle(os::process_id());
  const std::array handle{own.number()};
  say(birth.descriptors.at(0), "here", handle);
  return sleep_for_ever({});
}

TEST_P(Limit, on_processes_is_refused_with_its_reason_and_the_template_goes_on) {
  if (getuid() != 0) GTEST_SKIP() << "only root can become somebody without processes";
  const Method method = GetParam();
  const auto ended = run_in_child([method] {
    become_somebody();
#ifdef __SANITIZE_THREAD__
    constexpr rlim_t kProcesses = 8;  // each has a thread of the sanitizer's, which counts
#else
    constexpr rlim_t kProcesses = 4;
#endif
    const rlimit few{.rlim_cur = kProcesses, .rlim_max = kProcesses};
    require(setrlimit(RLIMIT_NPROC, &few) == 0, "setrlimit");
    if (method != Method::kFork) serve();
    const Holdings before = Holdings::now();
    {
      auto [here, there] = os::message_pair();
      const std::array given{there.number()};
      Template made(method, &tell_and_sleep, {});
      std::map<std::uint32_t, os::Process> running;
      int refused = 0;
      for (std::uint32_t place = 0; place < 6; ++place) {
        require(made.request(place, given), "request");
        News told = await_news(made);
        if (told.what == What::kRefused) {
          require(told.error == EAGAIN && told.place == place, "the reason");
          ++refused;
        } else {
          require(told.what == What::kStarted, "started");
          hear(here);  // by now it has the sanitizer's thread or was refused one, and takes no place any more
          running[place] = std::move(told.process);
        }
      }
      require(refused >= 3 && !running.empty(), "some are refused");
      auto& [place, worker] = *running.begin();
      os::send_signal(worker, os::kKill);
      require(await_end(made, worker).signal == os::kKill, "killed");
      start_worker(made, place, given);
    }
    bool refused = false;
    try {
      std::vector<std::unique_ptr<Template>> many;
      for (int i = 0; i < 6; ++i)
        many.push_back(std::make_unique<Template>(method, &return_place, std::span<const int>()));
    } catch (const std::system_error& error) {
      refused = error.code().value() == EAGAIN;
    } catch (const Error&) {
      refused = method == Method::kSpawn;  // before its main this program needs a thread, for LeakWatch
    }
    require(refused, "templates are processes too");
    const std::string left = muster::testing::leaked_since(before);
    require(left.empty(), left.c_str());
    os::end_process(0);  // a search for leaks would want a process
  });
  EXPECT_TRUE(ended.well()) << ended;
}

// Its program could neither watch it nor kill it.
TEST_P(Limit, a_worker_whose_handle_finds_no_room_is_ended_and_called_refused) {
  const Method method = GetParam();
  const auto ended = run_in_child([method] {
    if (method != Method::kFork) serve();
    auto [here, there] = os::message_pair();
    const std::array given{there.number()};
    Template made(method, &tell_and_sleep, {});
    os::Process worker;
    {
      require(made.request(3, given), "request");
      worker.handle = std::move(hear(here).descriptors.at(0));
      const FullTable full(0);
      const News told = await_news(made);
      require(told.what == What::kRefused && told.error == EMFILE && told.place == 3, "refused");
    }
    require(ends(worker), "it is ended");
    const os::Process next = start_worker(made, 4, given);
    require(!made.news(), "nobody hears of the first one's end");
    os::send_signal(next, os::kKill);
    require(await_end(made, next).signal == os::kKill, "the next one is told of");
  });
  EXPECT_TRUE(ended.well()) << ended;
}

// How many descriptors it has that it should not: of other workers, say, whose handles their template still holds.
int count_riches(Birth /*birth*/) {
  int riches = 0;
  for (int number = 3; number < 1024; ++number) {
    const int flags = fcntl(number, F_GETFL);
    if (flags >= 0 && (flags & O_PATH) == 0) ++riches;
  }
  return riches;
}

TEST_P(Limit, news_that_nobody_reads_stop_no_template_and_reach_no_worker) {
  const std::uint32_t many = sanitized() ? 150 : 600;  // reports, more than a connection holds
  Template made(GetParam(), &count_riches, {});
  std::set<std::uint32_t> ended;
  // The template must go on reading requests while its reports wait, or this would wait for ever.
  for (std::uint32_t place = 0; place < many; ++place) ASSERT_TRUE(made.request(place, {}));
  while (ended.size() < many) {
    const News told = await_news(made);
    if (told.what == What::kEnded) {
      EXPECT_TRUE(ended.insert(told.place).second);
      EXPECT_EQ(told.end.code, 0);
    } else {
      ASSERT_EQ(told.what, What::kStarted);
    }
  }
}

TEST_P(Limit, a_template_full_of_news_notices_its_end) {
  const int many = sanitized() ? 150 : 600;
  Template made(GetParam(), &return_place, {});
  for (int place = 0; place < many; ++place) ASSERT_TRUE(made.request(0, {}));
}

TEST_P(Limit, a_thousand_rounds_leave_nothing) {
  const int rounds = sanitized() ? 50 : 1000;
  const Holdings before = Holdings::now();
  for (int round = 0; round < rounds; ++round) {
    Template made(GetParam(), round % 2 == 0 ? &return_place : &sleep_for_ever, {});
    const os::Process worker = start_worker(made);
    if (round % 4 == 0) await_end(made, worker);
    if (round % 8 == 1) made.request(1, {});
  }
  EXPECT_EQ(muster::testing::leaked_since(before), "");
}

// ---- beside threads ----

// Locks that every program has: of malloc, of stdio, its own. And the library's.
void hold_locks(std::mutex& mutex, const std::atomic<bool>& over) {
  while (!over.load()) {
    const std::lock_guard guard(mutex);
    flockfile(stdout);
    std::vector<std::unique_ptr<char[]>> blocks;
    for (std::size_t size = 1; size < 100'000; size *= 3) blocks.push_back(std::make_unique<char[]>(size));
    funlockfile(stdout);
  }
}

std::mutex g_mutex;

int use_locks(Birth birth) {
  const std::lock_guard guard(g_mutex);
  std::printf("%s", "");
  const std::vector<char> memory(1'000'000, 'x');
  return memory[birth.place] == 'x' ? 17 : 0;
}

TEST(Forkserver, starts_beside_threads_that_hold_locks) {
  const int rounds = sanitized() ? 30 : 500;
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) threads.emplace_back([&] { hold_locks(g_mutex, over); });
  for (int round = 0; round < rounds; ++round) {
    Template made(Method::kForkserver, &use_locks, {});
    const os::Process worker = start_worker(made);
    EXPECT_EQ(await_end(made, worker).code, 17);
  }
  over = true;
  for (std::thread& thread : threads) thread.join();
}

TEST(Forkserver, makes_templates_for_several_threads_at_once) {
  constexpr int kRounds = sanitized() ? 10 : 60;
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < 4; ++i) {
    threads.emplace_back([i] {
      for (int round = 0; round < kRounds; ++round) {
        Template made(Method::kForkserver, &return_place, {});
        EXPECT_EQ(await_end(made, start_worker(made, i)).code, static_cast<int>(i));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace muster::start::testing
// NOLINTEND(performance-unnecessary-value-param)
