// Pools of processes that are changed and held while they work, and what that means for the processes: who stays, who
// goes, who is replaced, and what happens where nobody can be had.

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <random>
#include <ranges>
#include <system_error>
#include <thread>
#include <vector>

#include "tests/api/pool_control.hpp"
#include "tests/support/child.hpp"
#include "tests/support/crowd.hpp"
#include "tests/support/killing.hpp"
#include "tests/support/seeds.hpp"

namespace muster::testing {
namespace {

std::vector<int> sorted(std::vector<int> pids) {
  std::sort(pids.begin(), pids.end());
  return pids;
}

bool is_part(const std::vector<int>& some, const std::vector<int>& all) {
  return std::includes(all.begin(), all.end(), some.begin(), some.end());
}

// ---- who stays, and who goes ----------------------------------------------------------------------------------------

TEST(ProcessControl, pids_follow_the_size_and_who_can_stays) {
  ProcessPool pool(Processes::with({.processes = 2}));
  const std::vector<int> two = all_pids(pool);
  pool.resize(5);
  const std::vector<int> five = sorted(pool.worker_pids());
  EXPECT_EQ(five.size(), 5U) << "all live when it returns";
  EXPECT_TRUE(is_part(two, five));
  pool.resize(3);
  const std::vector<int> three = all_pids(pool);
  EXPECT_TRUE(is_part(three, five));
  EXPECT_TRUE(is_part(two, three));
  pool.resize(1);
  EXPECT_TRUE(is_part(all_pids(pool), two));
}

TEST(ProcessControl, a_worker_that_is_to_leave_and_is_busy_stays_after_all_when_it_is_needed_again) {
  ProcessPool pool(Processes::with({.processes = 3}));
  const std::vector<int> before = all_pids(pool);
  Held held(pool, 3);
  held.await_begun(3);
  pool.resize(1);
  EXPECT_EQ(sorted(pool.worker_pids()), before) << "nobody goes before its task is done";
  pool.resize(3);
  held.let_go();
  expect_to_meet(pool, 3);
  EXPECT_EQ(sorted(pool.worker_pids()), before);
}

TEST(ProcessControl, a_worker_that_leaves_does_not_take_with_it_what_it_has_not_begun) {
  ProcessPool pool(Processes::with({.processes = 2}));
  for (int round = 0; round < 30; ++round) {
    pool.resize(2);
    Held held(pool, 2);
    held.await_begun(2);
    std::vector<AsyncResult<int>> behind;  // in both workers' rings
    for (int i = 0; i < 10; ++i) behind.push_back(pool.apply_async(square, i));
    pool.resize(1);
    held.let_go();
    for (int i = 0; i < 10; ++i) ASSERT_EQ(behind[static_cast<std::size_t>(i)].get(), i * i);
    while (pool.worker_pids().size() != 1) sched_yield();
  }
}

TEST(ProcessControl, a_worker_that_dies_while_it_leaves_costs_the_item_that_it_was_at) {
  ProcessPool pool(Processes::with({.processes = 2}));
  const Notes who;
  Bell bell;
  Gate gate;
  const auto stays = [](const std::string& notes, const std::string& ring_it, const std::string& gate_path) {
    note(notes, getpid());
    return hold(ring_it, gate_path, 1);
  };
  const auto one = pool.apply_async(stays, who.path(), bell.path(), gate.path());
  const auto other = pool.apply_async(stays, who.path(), bell.path(), gate.path());
  bell.await(2);
  pool.resize(1);
  int lost = 0;
  for (const int pid : who.lines()) ASSERT_TRUE(kill_worker(pool, pid));
  for (const auto* call : {&one, &other}) {
    try {
      call->get();
    } catch (const WorkerLost&) {
      ++lost;
    }
  }
  EXPECT_EQ(lost, 2);
  EXPECT_EQ(pool.apply(square, 3), 9);
  EXPECT_EQ(all_pids(pool).size(), 1U);
}

// Makes its worker one that does not come to its end: its standard output is a pipe that is full, and what it has
// printed cannot be flushed.
void clog(const std::string& bell, const std::string& gate, int /*item*/) {
  int ends[2];
  if (pipe2(ends, O_NONBLOCK) != 0) throw_errno("pipe2");
  while (::write(ends[1], "x", 1) == 1) {
  }
  fcntl(ends[1], F_SETFL, 0);
  dup2(ends[1], STDOUT_FILENO);
  std::fputs("never to be read", stdout);
  hold(bell, gate, 0);
}

TEST(ProcessControl, a_worker_that_does_not_come_to_its_end_keeps_no_resize_waiting) {
  ProcessPool pool(Processes::with({.processes = 2}));
  const std::vector<int> before = all_pids(pool);
  Bell bell;
  Gate gate;
  const auto both =
      pool.map_async(muster::bind(clog, bell.path(), gate.path()), std::views::iota(0, 2), {.chunksize = 1});
  bell.await(2);
  gate.open();
  both.wait();
  // Until one has gone before it was needed again.
  while (sorted(pool.worker_pids()) == before) {
    pool.resize(1);
    pool.resize(2);
  }
  expect_to_meet(pool, 2);
}

// ---- where nobody can be had ----------------------------------------------------------------------------------------

// Leaves the process so many descriptors.
class FewDescriptors {
 public:
  explicit FewDescriptors(int free) {
    getrlimit(RLIMIT_NOFILE, &before_);
    while (taken_.empty() || taken_.back() < kMost) taken_.push_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    for (; free > 0; --free) {
      ::close(taken_.back());
      taken_.pop_back();
    }
    rlimit few = before_;
    few.rlim_cur = kMost + 1;
    setrlimit(RLIMIT_NOFILE, &few);
  }
  ~FewDescriptors() {
    for (const int file : taken_) ::close(file);
    setrlimit(RLIMIT_NOFILE, &before_);
  }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;

 private:
  static constexpr int kMost = 250;
  rlimit before_{};
  std::vector<int> taken_;
};

// With so few descriptors: before a channel can be made, or between two, or when the process is there already and
// cannot be taken over.
TEST(ProcessControl, a_pool_that_cannot_grow_stays_as_it_was) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "to look at an exception, UndefinedBehaviorSanitizer opens a pipe";
#endif
  ProcessPool pool(Processes::with({.processes = 2}));
  const std::vector<int> before = all_pids(pool);
  int refused = 0;
  int grown = 0;
  for (int free = 0; free < 20; ++free) {
    Held held(pool, 2);
    held.await_begun(2);
    std::vector<AsyncResult<int>> waiting;
    for (int i = 0; i < 10; ++i) waiting.push_back(pool.apply_async(square, i));
    try {
      const FewDescriptors few(free);
      pool.resize(4);
      ++grown;
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code().value(), EMFILE);
      EXPECT_EQ(pool.processes(), 2);
      ++refused;
    }
    held.let_go();
    for (int i = 0; i < 10; ++i) EXPECT_EQ(waiting[static_cast<std::size_t>(i)].get(), i * i);
    pool.resize(2);
    EXPECT_EQ(all_pids(pool), before);
    pool.resize(3);
    expect_to_meet(pool, 3);
    pool.resize(2);
    EXPECT_EQ(all_pids(pool), before);
  }
  EXPECT_GE(refused, 4);
  EXPECT_GE(grown, 1);
}

TEST(ProcessControl, a_pool_that_the_system_gives_no_more_processes_stays_as_it_was) {
  if (getuid() != 0) GTEST_SKIP() << "only root can become somebody without processes";
  if (sanitized()) GTEST_SKIP() << "a sanitizer has threads, which count";
  if (method_under_test() != StartMethod::fork) GTEST_SKIP() << "the server is somebody else's already";
  const auto ended = run_in_child([] {
    become_somebody();
    // The program, its two threads, the template, and two workers.
    const rlimit few{.rlim_cur = 6, .rlim_max = 6};
    require(setrlimit(RLIMIT_NPROC, &few) == 0, "setrlimit");
    ProcessPool pool({.processes = 1, .start_method = StartMethod::fork});
    pool.resize(2);
    const std::vector<int> before = all_pids(pool);
    for (int round = 0; round < 10; ++round) {
      try {
        pool.resize(6);
        require(false, "there were more processes than may be");
      } catch (const std::system_error& error) {
        require(error.code().value() == EAGAIN, error.what());
      }
      require(pool.processes() == 2, "the size has changed");
      require(pool.map(square, std::views::iota(0, 100))[99] == 99 * 99, "the map is wrong");
      require(all_pids(pool) == before, "others work there");
    }
  });
  EXPECT_TRUE(ended.well()) << ended;
}

TEST(ProcessControl, a_new_worker_whose_initializer_dies_is_the_end_of_the_pool_and_no_hang) {
  const Notes begun;
  const auto dies_later = [](const std::string& path) {
    note(path, 0);
    std::ifstream file(path);
    if (std::distance(std::istream_iterator<int>(file), {}) > 1) _exit(3);
  };
  ProcessPool pool(Processes::with({.processes = 1, .initializer = muster::bind(dies_later, begun.path())}));
  EXPECT_THROW(pool.resize(3), WorkerLost);
  EXPECT_THROW(pool.apply(square, 2), WorkerLost);
}

int parent_here(int /*item*/) { return getppid(); }

// Another one than the last; who asks may meet a worker that is being killed.
int next_template(ProcessPool& pool, int last) {
  for (;;) {
    try {
      const int now = pool.apply(parent_here, 0);
      if (now != last) return now;
    } catch (const WorkerLost&) {
    }
  }
}

// Of a copy of the program there is no second one; others can be had again, and whoever was being added comes from
// those.
TEST(ProcessControl, a_template_that_is_killed_while_a_pool_changes_its_size_is_replaced_or_missed) {
  ProcessPool pool(Processes::with({.processes = 2}));
  std::atomic<bool> over{false};
  std::atomic<bool> missed{false};
  std::thread resizer([&] {
    try {
      for (int i = 0; !over; ++i) pool.resize(1 + i % 5);
    } catch (const Error&) {
      missed = true;
    }
  });
  if (method_under_test() == StartMethod::fork) {
    ::kill(next_template(pool, 0), SIGKILL);
  } else {
    for (int round = 0, last = 0; round < 5; ++round) {
      last = next_template(pool, last);
      ::kill(last, SIGKILL);
    }
    next_template(pool, 0);
    over = true;
  }
  resizer.join();
  EXPECT_EQ(missed, method_under_test() == StartMethod::fork);
  if (missed) {
    EXPECT_THROW(pool.resize(2), Error);
  } else {
    pool.resize(3);
    expect_to_meet(pool, 3);
  }
}

// ---- pauses ---------------------------------------------------------------------------------------------------------

TEST(ProcessControl, workers_that_die_in_a_pause_are_replaced_and_begin_nothing) {
  ProcessPool pool(Processes::with({.processes = 2}));
  const Notes done;
  Bell bell;
  Gate gate;
  const auto first = pool.apply_async(hold, bell.path(), gate.path(), 1);
  const auto second = pool.apply_async(hold, bell.path(), gate.path(), 2);
  bell.await(2);
  const std::vector<int> before = all_pids(pool);
  for (int i = 0; i < 20; ++i) pool.post(note, done.path(), i);
  pool.pause();
  for (const int pid : before) ASSERT_TRUE(kill_worker(pool, pid));
  EXPECT_THROW(first.get(), WorkerLost);
  EXPECT_THROW(second.get(), WorkerLost);
  for (const int pid : all_pids(pool)) EXPECT_FALSE(contains(before, pid));
  EXPECT_EQ(done.lines().size(), 0U);
  pool.resume();
  pool.wait_all();
  EXPECT_EQ(sorted(done.lines()), numbers_to(20));
}

TEST(ProcessControl, what_is_to_be_run_again_waits_for_the_end_of_the_pause) {
  ProcessPool pool(Processes::with({.processes = 1}));
  const Notes begun;
  Bell bell;
  Gate gate;
  const auto stays = [](const std::string& notes, const std::string& ring_it, const std::string& gate_path) {
    note(notes, getpid());
    return hold(ring_it, gate_path, 1);
  };
  const auto call = pool.with({.retries = 1}).apply_async(stays, begun.path(), bell.path(), gate.path());
  bell.await();
  pool.pause();
  const std::vector<int> before = all_pids(pool);
  ASSERT_TRUE(kill_worker(pool, before.front()));
  while (contains(all_pids(pool), before.front())) sched_yield();
  EXPECT_FALSE(call.ready());
  EXPECT_EQ(begun.lines().size(), 1U);
  gate.open();
  pool.resume();
  EXPECT_EQ(call.get(), 1);
  EXPECT_EQ(begun.lines().size(), 2U);
}

TEST(ProcessControl, a_paused_map_of_which_some_is_done_can_be_cancelled) {
  ProcessPool pool(Processes::with({.processes = 1}));
  const Notes done;
  Bell bell;
  Gate gate;
  const auto holds_one = [](const std::string& notes, const std::string& bell_path, const std::string& gate_path,
                            int i) {
    if (i == 5) hold(bell_path, gate_path, 0);
    note(notes, i);
  };
  auto map = pool.map_async(muster::bind(holds_one, done.path(), bell.path(), gate.path()), std::views::iota(0, 100),
                            {.chunksize = 1});
  bell.await();
  pool.pause();
  gate.open();
  while (pool.stats().running > 0 || done.lines().size() < 6) sched_yield();
  EXPECT_TRUE(map.cancel());
  EXPECT_THROW(map.get(), Cancelled);
  EXPECT_EQ(done.lines().size(), 6U);
  pool.resume();
  EXPECT_EQ(pool.apply(square, 3), 9);
}

// ---- all at once ----------------------------------------------------------------------------------------------------

int slow_square(int i) {
  for (int round = 0; round < i % 7; ++round) sched_yield();
  return i * i;
}

// Somebody resizes, somebody pauses, somebody kills, and others call.
class Storm {
 public:
  explicit Storm(std::uint64_t seed) : random_(seed) {}

  void play() {
    auto options = Processes::with({.processes = 1 + pick(random_, 4), .maxtasksperchild = pick(random_, 3) * 7});
    if (pick(random_, 3) == 0) options.initializer = [] { sched_yield(); };
    pool_.emplace(options);
    {
      const Crowd crowd(4, [this, seed = random_()](int number) {
        std::mt19937_64 random(seed + static_cast<unsigned>(number));
        number == 0 ? resize(random) : number == 1 ? hold_up(random) : number == 2 ? kill(random) : call(random);
      });
    }
    pick(random_, 3) > 0 ? expect_whole() : end();
  }

 private:
  template <class Random>
  static int pick(Random& random, int below) {
    return static_cast<int>(random() % static_cast<unsigned>(below));
  }

  template <class Random>
  void resize(Random& random) {
    while (!over_) pool_->resize(1 + pick(random, 6));
  }

  template <class Random>
  void hold_up(Random& random) {
    while (!over_) {
      pool_->pause();
      for (int turns = pick(random, 200); turns > 0; --turns) sched_yield();
      pool_->resume();
      for (int turns = pick(random, 400); turns > 0; --turns) sched_yield();
    }
  }

  template <class Random>
  void kill(Random& random) {
    for (long next = 20; !over_; next = calls_ + 1 + pick(random, 60)) {
      await([&] { return over_ || calls_ >= next; });
      kills_ += kill_one(*pool_, random) ? 1 : 0;
    }
  }

  template <class Random>
  void call(Random& random) {
    const int rounds = sanitized() ? 4 : 10;
    for (int round = 0; round < rounds; ++round) {
      const auto map =
          pool_->map_async(slow_square, std::views::iota(0, 200), {.chunksize = pick(random, 8), .retries = 1000});
      std::vector<AsyncResult<int>> asked;
      for (int i = 0; i < 60; ++i, ++calls_) asked.push_back(pool_->apply_async(slow_square, i));
      for (int i = 0; i < 20; ++i, ++calls_) count([&] { return pool_->apply(slow_square, i); }, i);
      auto stream = pool_->imap(slow_square, std::views::iota(0, 60));
      for (int i = 0; i < 60; ++i, ++calls_) count([&] { return *stream.next(); }, i);
      for (int i = 0; i < 60; ++i) count([&] { return asked[static_cast<std::size_t>(i)].get(); }, i);
      for (int i = 0; i < 200; ++i) EXPECT_EQ(map.get()[static_cast<std::size_t>(i)], i * i);
    }
    over_ = true;
  }

  template <class Get>
  void count(const Get& get, int i) {
    try {
      EXPECT_EQ(get(), i * i);
    } catch (const WorkerLost& loss) {
      EXPECT_EQ(loss.signal(), SIGKILL);
      ++lost_;
    }
  }

  void expect_whole() {
    EXPECT_LE(lost_, kills_);
    const auto again = pool_->map(slow_square, std::views::iota(0, 300), {.chunksize = 1, .retries = 1000});
    for (int i = 0; i < 300; ++i) EXPECT_EQ(again[static_cast<std::size_t>(i)], i * i);
    pool_->wait_all();
    const PoolStats stats = pool_->stats();
    EXPECT_EQ(stats.submitted, stats.finished);
    EXPECT_EQ(all_pids(*pool_).size(), static_cast<std::size_t>(pool_->processes()));
  }

  // In the midst of it all.
  void end() {
    if (pick(random_, 2) == 0) pool_->pause();
    std::vector<AsyncResult<int>> asked;
    for (int i = 0; i < 50; ++i) asked.push_back(pool_->apply_async(slow_square, i));
    pool_->resize(1 + pick(random_, 6));
    if (pick(random_, 2) == 0) kill_one(*pool_, random_);
    const int way = pick(random_, 3);
    if (way == 0) pool_->close();
    if (way == 1) pool_->terminate();
    if (way < 2) pool_->join();
    pool_.reset();
    for (const auto& call : asked) EXPECT_TRUE(call.ready());
  }

  std::mt19937_64 random_;
  std::optional<ProcessPool> pool_;
  std::atomic<bool> over_{false};
  std::atomic<long> calls_{0};
  int kills_ = 0;
  int lost_ = 0;
};

TEST(ProcessControl, resizes_pauses_and_kills_at_random_lose_only_what_was_begun_by_the_dead) {
  for_seeds(sanitized() ? 2 : 6, [](std::uint64_t seed) { Storm(seed).play(); });
}

}  // namespace
}  // namespace muster::testing
