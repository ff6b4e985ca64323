// Workers that die at any instruction: every item settles, at most one is lost a death, all others are right, and the
// pool is whole afterwards. MUSTER_TEST_ROUNDS makes it longer, MUSTER_TEST_SEED replays a round.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>
#include <muster/pool.hpp>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <random>
#include <ranges>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/killing.hpp"
#include "tests/support/leaks.hpp"
#include "tests/support/seeds.hpp"

namespace muster::testing {
namespace {

long mix(long i) { return i * 2654435761 % 1000003; }
std::string spell(long i) { return std::string(static_cast<std::size_t>(i % 97), 'x') + std::to_string(mix(i)); }
std::vector<long> swell(long i) { return std::vector<long>(static_cast<std::size_t>(i % 5) * 1500, mix(i)); }

// What became of many items.
struct Tally {
  std::size_t right = 0;
  std::size_t wrong = 0;
  std::size_t lost = 0;

  template <class T>
  void add(const Outcome<T>& outcome, const T& expected) {
    if (outcome.has_value()) {
      ++(outcome.value() == expected ? right : wrong);
      return;
    }
    try {
      outcome.value();
    } catch (const WorkerLost& loss) {
      EXPECT_EQ(loss.signal(), SIGKILL);
      EXPECT_GT(loss.pid(), 0);
      ++lost;
    } catch (const std::exception& error) {
      ++wrong;
      ADD_FAILURE() << error.what();
    }
  }
};

class Chaos {
 public:
  explicit Chaos(std::uint64_t seed) : random_(seed) {}

  void play() {
    const int workers = 1 + pick(4);
    ProcessPool pool(ProcessOptions{.processes = workers, .maxtasksperchild = pick(4) == 0 ? 1 + pick(50) : 0});
    switch (pick(4)) {
      case 0:
        stream(pool, mix);
        break;
      case 1:
        stream(pool, spell);
        break;
      case 2:
        stream(pool, swell);
        break;
      default:
        calls(pool);
        break;
    }
    expect_whole(pool);
  }

 private:
  int pick(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }

  // Kills between the items that an imap gives.
  template <class T>
  void stream(ProcessPool& pool, T (*f)(long)) {
    const long items = 1 + pick(4000);
    const CallOptions options{.chunksize = pick(3) == 0 ? 1 + pick(100) : 1, .retries = pick(2) * 1000};
    auto results = pool.imap(f, std::views::iota(0L, items), options);
    Tally tally;
    std::size_t kills = 0;
    for (long i = 0; i < items; ++i) {
      if (pick(100) < 4) kills += kill_one(pool, random_) ? 1U : 0U;
      tally.add(take<T>(results), f(i));
    }
    EXPECT_EQ(tally.wrong, 0U);
    EXPECT_LE(tally.lost, options.retries > 0 ? 0 : kills);
    EXPECT_EQ(tally.right + tally.lost, static_cast<std::size_t>(items));
  }

  template <class T>
  static Outcome<T> take(Imap<T>& results) {
    try {
      return Outcome<T>(*results.next());
    } catch (...) {
      return Outcome<T>(std::current_exception());
    }
  }

  // Kills while single calls, and a map, are on their way.
  void calls(ProcessPool& pool) {
    std::vector<AsyncResult<long>> pending;
    std::size_t kills = 0;
    const long items = 1 + pick(2000);
    auto map = pool.map_async(mix, std::views::iota(0L, items), {.chunksize = pick(20), .retries = 1000});
    for (long i = 0; i < items; ++i) {
      pending.push_back(pool.apply_async(mix, i));
      if (pick(100) < 3) kills += kill_one(pool, random_) ? 1U : 0U;
    }
    Tally tally;
    for (long i = 0; i < items; ++i) tally.add(outcome_of(pending[static_cast<std::size_t>(i)]), mix(i));
    EXPECT_EQ(tally.wrong, 0U);
    EXPECT_LE(tally.lost, kills);
    for (long i = 0; i < items; ++i) EXPECT_EQ(map.get()[static_cast<std::size_t>(i)], mix(i));
  }

  static Outcome<long> outcome_of(const AsyncResult<long>& result) {
    try {
      return result.get();
    } catch (...) {
      return std::current_exception();
    }
  }

  // Every place has a worker that works.
  static void expect_whole(ProcessPool& pool) {
    const auto again = pool.map(mix, std::views::iota(0L, 500L), {.chunksize = 1, .retries = 1000});
    for (long i = 0; i < 500; ++i) EXPECT_EQ(again[static_cast<std::size_t>(i)], mix(i));
    while (pool.worker_pids().size() < static_cast<std::size_t>(pool.processes())) std::this_thread::yield();
  }

  std::mt19937_64 random_;
};

TEST(ProcessChaos, killed_workers_lose_at_most_the_item_they_were_at) {
  for_seeds(40, [](std::uint64_t seed) { Chaos(seed).play(); });
}

// The caller takes the worker's answer itself; the worker may be gone before, and others wait as well.
TEST(ProcessChaos, callers_that_wait_are_answered_or_told_of_the_loss) {
  for_seeds(4, [](std::uint64_t seed) {
    ProcessPool pool(2);
    std::atomic<long> calls{0};
    std::atomic<bool> over{false};
    std::atomic<std::size_t> lost{0};
    std::size_t kills = 0;
    std::jthread killer([&] {
      std::mt19937_64 random(seed);
      for (long next = 20; !over.load(); next = calls.load() + 1 + static_cast<long>(random() % 100)) {
        while (calls.load() < next && !over.load()) std::this_thread::yield();
        kills += kill_one(pool, random) ? 1U : 0U;
      }
    });
    {
      std::vector<std::jthread> callers;
      for (int caller = 0; caller < 3; ++caller) {
        callers.emplace_back([&] {
          for (long i = 0; i < 700; ++i, ++calls) {
            try {
              EXPECT_EQ(pool.apply(mix, i), mix(i));
            } catch (const WorkerLost&) {
              ++lost;
            }
          }
        });
      }
    }
    over = true;
    killer.join();
    EXPECT_LE(lost.load(), kills);
    EXPECT_EQ(pool.apply(mix, 5L), mix(5));
  });
}

// ---- workers that end themselves ------------------------------------------------------------------------------------

int overflow_stack(int depth) {
  volatile char frame[4096];
  frame[0] = static_cast<char>(depth);
  return depth < 0 ? 0 : overflow_stack(depth + 1) + frame[0];
}

// What the tasks of this test do, by their number modulo 16.
enum Way { kExitNow = 3, kExit = 5, kAbort = 7, kOverflow = 9, kCpuLimit = 11, kFileLimit = 13 };

int go_wrong(int i) {
  switch (i % 16) {
    case kExitNow:
      _exit(17);
    case kExit:
      std::exit(18);
    case kAbort:
      std::abort();
    case kOverflow:
      std::signal(SIGSEGV, SIG_DFL);  // a sanitizer would end the process in its own way
      return overflow_stack(0);
    case kCpuLimit: {
      const rlimit none{0, 0};
      setrlimit(RLIMIT_CPU, &none);
      for (volatile bool ever = true; ever;) {
      }
      return 0;
    }
    case kFileLimit: {
      const rlimit none{0, 0};
      setrlimit(RLIMIT_FSIZE, &none);
      const int file = open(".", O_TMPFILE | O_RDWR, 0600);
      return static_cast<int>(write(file, "x", 1));
    }
    default:
      return 2 * i;
  }
}

void expect_loss(const Outcome<int>& outcome, int i) {
  ASSERT_FALSE(outcome.has_value()) << i;
  try {
    outcome.value();
  } catch (const WorkerLost& loss) {
    EXPECT_EQ(loss.index(), static_cast<std::size_t>(i));
    switch (i % 16) {
      case kExitNow:
        EXPECT_EQ(loss.exit_code(), 17);
        break;
      case kExit:
        EXPECT_EQ(loss.exit_code(), 18);
        break;
      case kAbort:
        EXPECT_EQ(loss.signal(), SIGABRT);
        break;
      case kOverflow:
        EXPECT_EQ(loss.signal(), SIGSEGV);
        break;
      case kCpuLimit:
        EXPECT_TRUE(loss.signal() == SIGXCPU || loss.signal() == SIGKILL);
        break;
      default:
        EXPECT_EQ(loss.signal(), SIGXFSZ);
        break;
    }
  }
}

TEST(ProcessChaos, workers_that_end_themselves_lose_only_the_item_that_did_it) {
  for (const int chunksize : {0, 1, 8}) {
    ProcessPool pool(3);
    const auto outcomes = pool.try_map(go_wrong, std::views::iota(0, 64), {.chunksize = chunksize});
    for (int i = 0; i < 64; ++i) {
      const bool wrong = std::set<int>{kExitNow, kExit, kAbort, kOverflow, kCpuLimit, kFileLimit}.contains(i % 16);
      if (wrong) {
        expect_loss(outcomes[static_cast<std::size_t>(i)], i);
      } else {
        EXPECT_EQ(outcomes[static_cast<std::size_t>(i)].value(), 2 * i);
      }
    }
    EXPECT_EQ(pool.apply(go_wrong, 16), 32);
  }
}

}  // namespace
}  // namespace muster::testing
