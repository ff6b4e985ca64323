// Large values, one by one: through memory that is used again, with bounds on what is on its way and on what is kept.

#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <new>
#include <numeric>
#include <ranges>
#include <string>
#include <vector>

#include <muster/event.hpp>
#include <muster/shared_array.hpp>

#include "tests/api/process_pool.hpp"
#include "tests/support/asleep.hpp"
#include "tests/support/child.hpp"

namespace muster::testing {
namespace {

constexpr std::size_t kMegabyte = std::size_t{1} << 20U;

std::string blank(std::size_t size) { return std::string(size, static_cast<char>('a' + size % 23)); }
bool is_blank(const std::string& text) { return text == blank(text.size()); }

// What this process has of memory with that name, which workers see, too: files, and bytes that were taken for them.
struct Taken {
  int files = 0;
  std::size_t bytes = 0;
};
Taken taken(const std::string& name) {
  Taken all;
  for (const auto& file : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;  // the folder's own
    const std::string target = std::filesystem::read_symlink(file.path(), gone).string();
    struct stat status = {};
    if (target.rfind("/memfd:" + name + " ", 0) != 0 || stat(file.path().c_str(), &status) != 0) continue;
    ++all.files;
    all.bytes += static_cast<std::size_t>(status.st_blocks) * 512;
  }
  return all;
}

pid_t thread_named(const std::string& name) {
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream file(task.path() / "comm");
    std::string found;
    if (std::getline(file, found) && found == name) return std::stoi(task.path().filename().string());
  }
  throw std::logic_error("no thread has that name");
}

void await_stopped(int pid) {
  for (;;) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    const std::string stat{std::istreambuf_iterator<char>(file), {}};
    const auto name_end = stat.rfind(')');
    if (name_end != std::string::npos && stat.compare(name_end, 3, ") T") == 0) return;
    sched_yield();
  }
}

// A value that is small here and large on its way.
struct Swollen {
  std::size_t size = 0;
  std::string there;
  template <class Archive>
  void save(Archive& archive) const {
    archive(blank(size));
  }
  template <class Archive>
  void load(Archive& archive) {
    archive(there);
    size = there.size();
  }
};
std::size_t weigh(const Swollen& value) { return is_blank(value.there) ? value.there.size() : 0; }
std::size_t weigh_behind(const std::string& bell, const std::string& gate, const Swollen& value) {
  ring(bell);
  pass(gate);
  return weigh(value);
}

TEST(ProcessLarge, results_use_the_same_memory_again) {
  ProcessPool pool(Processes::with({.processes = 1}));
  const std::size_t before = taken("muster-channel").bytes;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(is_blank(pool.apply(blank, 8 * kMegabyte)));
  for (const std::size_t size : {kMegabyte, 5 * kMegabyte, 8 * kMegabyte}) {
    ASSERT_TRUE(is_blank(pool.apply(blank, size)));
  }
  EXPECT_LT(taken("muster-channel").bytes - before, 9 * kMegabyte);
}

TEST(ProcessLarge, results_of_any_size_leave_no_more_than_what_is_kept) {
  constexpr std::size_t kWorkers = 8;
  constexpr std::size_t kEach = 256 * kMegabyte / kWorkers;
  ProcessPool pool(Processes::with({.processes = static_cast<int>(kWorkers)}));
  std::vector<std::size_t> sizes(sanitized() ? 6 : 16);
  for (std::size_t i = 0; i < sizes.size(); ++i) sizes[i] = (i * 7 + 5) % 16 * 3 * kMegabyte + i;
  for (const int chunksize : {1, 2}) {
    const auto texts = pool.map(blank, sizes, {.chunksize = chunksize});
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      ASSERT_EQ(texts[i].size(), sizes[i]);
      ASSERT_TRUE(is_blank(texts[i]));
    }
  }
  EXPECT_LE(taken("muster-channel").bytes, kWorkers * (kEach + kMegabyte));
  EXPECT_EQ(taken("muster-result").files, 0);
}

TEST(ProcessLarge, values_that_grow_while_they_are_written_arrive_whole) {
  ProcessPool pool(Processes::with({.processes = 2}));
  const auto grown = [](std::size_t count) {
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < count; ++i) texts.push_back(blank(i * 37 % 5000));
    return texts;
  };
  for (const std::size_t count : {10U, 100U, 1000U, 3000U, 100U, 20'000U}) {
    const auto texts = pool.apply(grown, count);
    ASSERT_EQ(texts.size(), count);
    for (std::size_t i = 0; i < count; ++i) ASSERT_TRUE(texts[i].size() == i * 37 % 5000 && is_blank(texts[i]));
  }
}

// The pool reads nothing while a callback runs. Results fill the workers' memory meanwhile, and no more than that.
TEST(ProcessLarge, results_that_nobody_reads_wait_for_room) {
  constexpr int kWorkers = 8;
  constexpr int kResults = 12;                  // of each worker
  constexpr std::size_t kSize = 4 * kMegabyte;  // of which 7 find room
  ProcessPool pool(Processes::with({.processes = kWorkers}));
  const std::size_t before = taken("muster-channel").bytes;
  threading::Event reading;
  threading::Event full;
  auto call = pool.apply_async(square, 1);
  call.callback([&](int) {
    reading.set();
    while (taken("muster-channel").bytes - before < kWorkers * 7 * kSize) sched_yield();
    full.set();
  });
  reading.wait();
  auto results = pool.map_async(blank, std::vector<std::size_t>(kWorkers * kResults, kSize), {.chunksize = kResults});
  full.wait();
  const auto& all = results.get();
  ASSERT_EQ(all.size(), static_cast<std::size_t>(kWorkers * kResults));
  for (const std::string& text : all) ASSERT_TRUE(text.size() == kSize && is_blank(text));
}

// Dies in the midst of writing it.
struct Fatal {
  std::size_t size = 0;
  bool dies = false;
  template <class Archive>
  void save(Archive& archive) const {
    archive(size, blank(size));
    if (dies) raise(SIGKILL);
    archive(blank(size));
  }
  template <class Archive>
  void load(Archive& archive) {
    std::string text;
    archive(size, text, text);
  }
};

Fatal fatal(std::size_t size, int i) { return {.size = size, .dies = i % 5 == 3}; }

TEST(ProcessLarge, a_death_while_a_result_is_written_costs_that_one) {
  constexpr std::size_t kItems = sanitized() ? 5 : 12;
  ProcessPool pool(Processes::with({.processes = 3}));
  for (const std::size_t size : {100 * std::size_t{1024}, 3 * kMegabyte, 45 * kMegabyte}) {
    const auto outcomes =
        pool.try_map(muster::bind(fatal, size), std::views::iota(0, static_cast<int>(kItems)), {.chunksize = 4});
    for (std::size_t i = 0; i < kItems; ++i) {
      ASSERT_EQ(outcomes[i].has_value(), i % 5 != 3) << i;
      if (outcomes[i]) {
        ASSERT_EQ(outcomes[i].value().size, size);
      } else {
        EXPECT_THROW(static_cast<void>(outcomes[i].value()), WorkerLost);
      }
    }
  }
  EXPECT_EQ(taken("muster-result").files, 0);
}

TEST(ProcessLarge, a_result_that_the_program_has_no_room_for_is_a_bad_alloc) {
  if (sanitized()) GTEST_SKIP() << "the sanitizer ends a process that has no memory";
  const Ended ended = run_in_child([] {
    ProcessPool pool({.processes = 1, .start_method = StartMethod::fork});
    const int pid = all_pids(pool).at(0);
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const rlimit limit{.rlim_cur = pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) + 600 * kMegabyte,
                       .rlim_max = RLIM_INFINITY};
    require(setrlimit(RLIMIT_AS, &limit) == 0, "setrlimit");
    for (const std::size_t size : {250 * kMegabyte, 450 * kMegabyte}) {
      bool refused = false;
      const std::string held(200 * kMegabyte, 'x');
      try {
        static_cast<void>(pool.apply(blank, size));
      } catch (const std::bad_alloc&) {
        refused = true;
      }
      require(refused, "no room");
      require(pool.apply(blank, 20 * kMegabyte).size() == 20 * kMegabyte, "what fits");
    }
    require(all_pids(pool).at(0) == pid, "the worker lives");
  });
  EXPECT_TRUE(ended.well()) << ended;
}

// ---- inputs ---------------------------------------------------------------------------------------------------------

TEST(ProcessLarge, queued_inputs_are_packed_when_a_worker_is_about_to_need_them) {
  ProcessPool pool(Processes::with({.processes = 2}));
  Gate gate;
  Bell bell;
  std::vector<AsyncResult<std::size_t>> results;
  for (int i = 0; i < 500; ++i) {
    results.push_back(pool.apply_async(weigh_behind, bell.path(), gate.path(), Swollen{kMegabyte, {}}));
  }
  bell.await(2);
  EXPECT_LE(taken("muster-inputs").bytes, 10 * kMegabyte);
  gate.open();
  for (auto& result : results) ASSERT_EQ(result.get(), kMegabyte);
  EXPECT_LE(taken("muster-inputs").bytes, 20 * kMegabyte);
}

TEST(ProcessLarge, very_large_inputs_are_sent_to_workers_that_have_nothing_else) {
  ProcessPool pool(Processes::with({.processes = 2}));
  Gate gate;
  Bell bell;
  std::vector<AsyncResult<std::size_t>> results;
  for (int i = 0; i < 6; ++i) {
    results.push_back(pool.apply_async(weigh_behind, bell.path(), gate.path(), Swollen{40 * kMegabyte, {}}));
  }
  bell.await(2);
  EXPECT_LE(taken("muster-inputs").bytes, 2 * 42 * kMegabyte) << "whole huge pages";
  gate.open();
  for (auto& result : results) ASSERT_EQ(result.get(), 40 * kMegabyte);
}

TEST(ProcessLarge, inputs_of_calls_that_were_taken_back_are_used_again) {
  ProcessPool pool(Processes::with({.processes = 1}));
  Gate gate;
  Bell bell;
  auto busy = pool.apply_async(hold, bell.path(), gate.path(), 1);
  bell.await(1);
  for (int i = 0; i < 300; ++i) {
    auto unwanted = pool.apply_async(weigh, Swollen{kMegabyte, {}});
    ASSERT_TRUE(unwanted.cancel());
  }
  EXPECT_LE(taken("muster-inputs").files, 2);
  auto wanted = pool.apply_async(weigh, Swollen{2 * kMegabyte, {}});
  gate.open();
  EXPECT_EQ(busy.get(), 1);
  EXPECT_EQ(wanted.get(), 2 * kMegabyte);
}

int sum(const std::vector<SharedArray<int>>& arrays) {
  return std::accumulate(arrays.begin(), arrays.end(), 0, [](int all, const auto& array) { return all + array[0]; });
}

// More descriptors wait for the worker than its connection holds; neither who submits nor anybody else waits with them.
TEST(ProcessLarge, a_worker_that_takes_nothing_keeps_nobody) {
  ProcessPool pool(Processes::with({.processes = 1}));
  Gate gate;
  Bell bell;
  auto busy = pool.apply_async(hold, bell.path(), gate.path(), 1);
  bell.await(1);
  std::vector<SharedArray<int>> arrays;
  for (int i = 0; i < 350; ++i) {
    arrays.emplace_back(1);
    arrays.back()[0] = i;
  }
  auto result = pool.apply_async(sum, arrays);
  auto other = pool.apply_async(square, 5);
  gate.open();
  EXPECT_EQ(busy.get(), 1);
  EXPECT_EQ(result.get(), 349 * 350 / 2);
  EXPECT_EQ(other.get(), 25);
}

// Stops the worker when the pool has been told that it failed.
struct Stops : std::exception {
  explicit Stops(int) noexcept {}
  Stops(const Stops&) = delete;
  Stops& operator=(const Stops&) = delete;
  ~Stops() override { raise(SIGSTOP); }
};
std::size_t length(const std::string& text) { return text.size(); }

// The supervisor finds no room, and sleeps; the room comes with records to which there is no answer.
TEST(ProcessLarge, room_in_a_ring_is_heard_of_when_nothing_else_is) {
  ProcessPool pool(Processes::with({.processes = 1}));
  const std::string text(16'000, 'x');
  Gate gate;
  Bell bell;
  auto busy = pool.apply_async(
      [](const std::string& rung, const std::string& path) {
        ring(rung);
        pass(path);
        throw Stops(1);
      },
      bell.path(), gate.path());
  bell.await(1);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(pool.apply_async(length, text).cancel());
  auto wanted = pool.apply_async(length, text);
  gate.open();
  busy.wait();
  await_asleep(thread_named("muster/super"));
  const int worker = all_pids(pool).at(0);
  await_stopped(worker);
  kill(worker, SIGCONT);
  EXPECT_EQ(wanted.get(), text.size());
}

}  // namespace
}  // namespace muster::testing
