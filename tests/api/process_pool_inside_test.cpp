// Pools inside workers: those that a task makes, and those that a worker has inherited.

#include <csignal>
#include <cstdlib>
#include <numeric>
#include <optional>
#include <ranges>

#include "tests/api/process_pool.hpp"

namespace muster::testing {
namespace {

int sum(const Results<int>& all) { return std::accumulate(all.begin(), all.end(), 0); }

int in_processes(int end) {
  ProcessPool inner(2);
  return sum(inner.map(square, std::views::iota(0, end))) + inner.apply(square, 2);
}
int in_threads(int end) {
  ThreadPool inner(2);
  return sum(inner.map([](int i) { return 3 * i; }, std::views::iota(0, end)));
}
int in_both(int end) {
  const int threads = in_threads(end);
  return threads + in_processes(end) + in_threads(end);
}
int deep(int levels) {
  if (levels == 0) return 1;
  ProcessPool inner(1);
  return 1 + inner.apply(deep, levels - 1);
}

TEST(ProcessInside, pain_10_tasks_may_make_pools_of_their_own) {
  ProcessPool pool(Processes::with({.processes = 2}));
  EXPECT_EQ(pool.apply(in_threads, 4), 18);
  EXPECT_EQ(pool.apply(in_processes, 4), 14 + 4);
  EXPECT_EQ(pool.apply(in_both, 4), 18 + 18 + 18);
  for (const int value : pool.map(in_processes, std::vector(6, 4), {.chunksize = 1})) EXPECT_EQ(value, 18);
  EXPECT_EQ(pool.apply(deep, 4), 5);
}

TEST(ProcessInside, a_loss_inside_is_told_outside) {
  ProcessPool pool(Processes::with({.processes = 1}));
  const auto lose = [](int) {
    ProcessPool inner(1);
    return inner.apply([](int) -> int { std::abort(); }, 1);
  };
  const int pid = all_pids(pool).at(0);
  try {
    pool.apply(lose, 1);
    FAIL() << "nothing was thrown";
  } catch (const WorkerLost& lost) {
    EXPECT_EQ(lost.signal(), SIGABRT);
    EXPECT_NE(lost.pid(), pid);
  }
  EXPECT_EQ(all_pids(pool).at(0), pid) << "the outer worker lives";
}

ProcessPool* inherited = nullptr;
ThreadPool* inherited_threads = nullptr;

// What calls on a copy of a pool throw: one character a call.
template <class Pool>
std::string use(Pool& pool) {
  std::string said;
  const auto attempt = [&said](const auto& call) {
    try {
      call();
      said += '.';
    } catch (const PoolClosed&) {
      said += 'c';
    } catch (const Error&) {
      said += 'E';
    } catch (...) {
      said += '?';
    }
  };
  std::vector<int> out(3);
  attempt([&] { pool.apply(square, 1); });
  attempt([&] { pool.apply_async(square, 1).get(); });
  attempt([&] { pool.post(square, 1); });
  attempt([&] { pool.map(square, std::views::iota(0, 100)); });
  attempt([&] { pool.map_into(square, std::vector{1, 2, 3}, out); });
  attempt([&] { pool.try_map(square, std::vector{1, 2, 3}); });
  attempt([&] { pool.map_async(square, std::vector{1, 2, 3}).get(); });
  attempt([&] { pool.imap(square, std::vector{1, 2, 3}).next(); });
  return said;
}

TEST(ProcessCopies, a_pool_that_a_worker_inherited_refuses_its_calls) {
  ProcessPool outer({.processes = 1, .start_method = StartMethod::fork});
  inherited = &outer;
  {
    ProcessPool pool({.processes = 1, .start_method = StartMethod::fork});
    EXPECT_EQ(pool.apply([] { return use(*inherited); }), "EEEEEEEE");
    EXPECT_EQ(pool.apply([] {
      inherited->terminate();
      inherited->close();
      inherited->join();
      return 1;
    }),
              1);
  }
  inherited = nullptr;
  EXPECT_EQ(outer.apply(square, 3), 9) << "the original goes on";
  EXPECT_EQ(outer.map(square, std::views::iota(0, 100))[99], 99 * 99);
}

Imap<int>* inherited_stream = nullptr;

TEST(ProcessCopies, a_stream_that_a_worker_inherited_refuses_to_be_read) {
  Bell bell;
  Gate gate;
  ProcessPool outer({.processes = 1, .start_method = StartMethod::fork});
  auto stream = outer.imap(muster::bind(hold, bell.path(), gate.path()), std::vector{1, 2, 3});
  bell.await();
  inherited_stream = &stream;
  {
    ProcessPool pool({.processes = 1, .start_method = StartMethod::fork});
    const auto is_refused = [] {
      try {
        static_cast<void>(inherited_stream->next());
        return false;
      } catch (const Error&) {
        return true;
      }
    };
    EXPECT_TRUE(pool.apply(is_refused));
  }
  inherited_stream = nullptr;
  gate.open();
  EXPECT_EQ(stream.next(), 1);
}

TEST(ProcessCopies, a_pool_of_threads_that_a_worker_inherited_refuses_its_calls) {
  ThreadPool outer(2);
  inherited_threads = &outer;
  {
    ProcessPool pool({.processes = 1, .start_method = StartMethod::fork});
    EXPECT_EQ(pool.apply([] { return use(*inherited_threads); }), "EEEEEEEE");
    EXPECT_EQ(pool.apply([] {
      inherited_threads->terminate();
      inherited_threads->join();
      return 1;
    }),
              1);
  }
  inherited_threads = nullptr;
  EXPECT_EQ(outer.apply(square, 3), 9);
}

TEST(ProcessCopies, exit_in_a_task_ends_a_worker_with_pools_of_the_program) {
  static std::optional<ThreadPool> threads;  // its destructor runs in the worker, too
  threads.emplace(2);
  EXPECT_EQ(threads->apply(square, 2), 4);
  ProcessPool pool({.processes = 1, .start_method = StartMethod::fork});
  EXPECT_THROW(pool.apply([] { std::exit(5); }), WorkerLost);  // NOLINT(concurrency-mt-unsafe)
  EXPECT_EQ(pool.apply(square, 3), 9);
  threads.reset();
}

}  // namespace
}  // namespace muster::testing
