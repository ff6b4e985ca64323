#include "tests/chaos/round.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <exception>
#include <new>
#include <optional>
#include <random>
#include <ranges>
#include <thread>
#include <vector>

#include <muster/pool.hpp>

#include "tests/chaos/changer.hpp"
#include "tests/chaos/killer.hpp"
#include "tests/chaos/tasks.hpp"
#include "tests/support/sanitized.hpp"

namespace muster::chaos {
namespace {

using namespace std::chrono_literals;

constexpr int kForEver = 1'000'000;  // retries
// Items of the map in the background. Where workers are replaced all the time, each of a few costs a process.
constexpr int kBackground = testing::sanitized() ? 5'000 : 50'000;
constexpr int kBackgroundOfReplaced = 500;

class Round {
 public:
  Round(const Method& method, std::uint64_t seed, Board& board, Judge& judge)
      : random_(seed),
        board_(board),
        judge_(judge),
        tasks_per_worker_(pick(4) == 0 ? 1 + pick(50) : 0),
        pool_(ProcessOptions{.processes = 1 + pick(4),
                             .maxtasksperchild = tasks_per_worker_,
                             .start_method = method.method,
                             .pass_fds = {Board::descriptor()}}) {}

  void play() {
    {
      std::optional<Killer> killer;
      if (pick(4) > 0) killer.emplace(pool_, board_, judge_, random_(), std::chrono::microseconds(500 << pick(5)));
      std::optional<Changer> changer;
      if (pick(3) == 0) changer.emplace(pool_, judge_, random_(), std::chrono::microseconds(500 << pick(5)));
      // All the time, in the background: every item is right, however often it is begun.
      const long items = 1 + pick(tasks_per_worker_ > 0 ? kBackgroundOfReplaced : kBackground);
      auto background =
          pool_.map_async(mix, std::views::iota(0L, items), {.chunksize = pick_chunk(), .retries = kForEver});
      for (int act = 1 + pick(3); act > 0; --act) play_act();
      check(background.get());
    }
    expect_whole();
    end();
  }

 private:
  int pick(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }
  int pick_chunk() { return pick(3) == 0 ? 1 + pick(100) : 0; }

  void play_act() {
    constexpr std::array kActs{&Round::applies, &Round::streams, &Round::maps,
                               &Round::timed,   &Round::large,   &Round::leaves};
    (this->*kActs[static_cast<std::size_t>(pick(kActs.size()))])();
  }

  // At most Board::kItems, and those of one call after the other.
  std::vector<Task> tasks(int count, bool limited = false) {
    board_.forget_begun();
    const std::uint64_t salt = random_();
    const auto deadly = static_cast<std::uint32_t>(pick(3) * 25);
    std::vector<Task> all;
    for (long item = 0; item < count; ++item) all.push_back({item, salt, Board::descriptor(), deadly, limited});
    return all;
  }

  // ---- what is called ---------------------------------------------------------------------------------------------

  std::vector<AsyncResult<Answer>> apply_all(const std::vector<Task>& tasks) {
    std::vector<AsyncResult<Answer>> pending;
    for (const Task& task : tasks) {
      pending.push_back(pool_.apply_async(work, task).error_callback([this](const std::exception_ptr& error) {
        judge_.heard(error);
      }));
    }
    return pending;
  }

  void applies() {
    const auto all = tasks(1 + pick(200));
    const auto pending = apply_all(all);
    for (std::size_t i = 0; i < all.size(); ++i) judge_.ended(all[i], 0, outcome_of([&] { return pending[i].get(); }));
    check_begun(all);
  }

  // The reader waits all the time, so that it hears of each end at once.
  void streams() {
    const auto all = tasks(1 + pick(400));
    auto results = pool_.imap_unordered(work, all, {.chunksize = pick_chunk(), .window = pick(2) * pick(100)});
    for (std::size_t read = 0; read < all.size(); ++read) {
      const auto outcome = outcome_of([&] { return *results.next(); });
      if (!outcome.has_value()) judge_.heard(outcome.error());
      judge_unordered(all, outcome);
    }
    judge_.demand(!results.next().has_value(), "a stream has more results than items");
    check_begun(all);
  }

  void maps() {
    const auto all = tasks(1 + pick(400));
    const int retries = pick(2) * 2;
    const auto outcomes = pool_.try_map(work, all, {.chunksize = pick_chunk(), .retries = retries});
    for (std::size_t i = 0; i < all.size(); ++i) judge_.ended(all[i], i, outcomes[i]);
    check_begun(all, retries);
  }

  void timed() {
    const auto all = tasks(1 + pick(60), true);
    const auto outcomes = pool_.try_map(work, all, {.chunksize = pick_chunk(), .timeout = 100ms});
    for (std::size_t i = 0; i < all.size(); ++i) judge_.ended(all[i], i, outcomes[i]);
    check_begun(all);
  }

  // Values that travel in memory of their own.
  void large() {
    std::vector<std::vector<long>> values;
    for (int i = 1 + pick(30); i > 0; --i) values.emplace_back(static_cast<std::size_t>(pick(8000)), pick(1000));
    const auto twice = pool_.map(swell, values, {.chunksize = pick(3), .retries = kForEver});
    for (std::size_t i = 0; i < values.size(); ++i) {
      const bool same = std::ranges::equal(values[i], twice[i], {}, [](long value) { return 2 * value; });
      judge_.demand(same, "a large value has become another");
    }
    judge_.right(values.size());
  }

  // Streams that are left at any moment, and what is on its way with them.
  void leaves() {
    for (int streams = 1 + pick(tasks_per_worker_ > 0 ? 5 : 50); streams > 0; --streams) {
      auto results = pool_.imap(mix, std::views::iota(0L), {.chunksize = pick_chunk(), .retries = kForEver});
      const int some = pick(2) * pick(60);
      for (long item = 0; item < some; ++item) {
        judge_.demand(results.next() == mix(item), "an item of a stream that is left is wrong");
      }
      judge_.right(static_cast<std::size_t>(some));
    }
  }

  // ---- what comes of it -------------------------------------------------------------------------------------------

  template <class Get>
  static Outcome<Answer> outcome_of(const Get& get) {
    try {
      return get();
    } catch (...) {
      return std::current_exception();
    }
  }

  // Of any of the tasks. Who threw does not say which one it is, so it is looked for by what it said.
  void judge_unordered(const std::vector<Task>& all, const Outcome<Answer>& outcome) {
    try {
      const auto item = static_cast<std::size_t>(outcome.value().item);
      judge_.ended(all[item % all.size()], item, outcome);
    } catch (const WorkerLost& loss) {
      judge_.ended(all[loss.index() % all.size()], loss.index(), outcome);
    } catch (const std::exception& error) {
      const auto same = [&](const Task& task) {
        const Plan plan = plan_of(task);
        const bool memory = dynamic_cast<const std::bad_alloc*>(&error) != nullptr;
        return memory ? plan == Plan::kNoMemory : plan == Plan::kThrow && text_thrown(task.item) == error.what();
      };
      const auto found = std::ranges::find_if(all, same);
      judge_.ended(found == all.end() ? all.front() : *found, 0, outcome);
    }
  }

  // What had begun when its worker died is not begun again unless that was asked for.
  void check_begun(const std::vector<Task>& all, int retries = 0) {
    for (const Task& task : all) {
      judge_.demand(board_.begun(task.item) <= 1 + retries, fmt::format("item {} was begun once more", task.item));
    }
  }

  void check(const Results<long>& results) {
    for (std::size_t i = 0; i < results.size(); ++i) {
      judge_.demand(results[i] == mix(static_cast<long>(i)), "an item of the map in the background is wrong");
    }
    judge_.right(results.size());
  }

  // Every place has a worker that works.
  void expect_whole() {
    check(pool_.map(mix, std::views::iota(0L, 200L), {.chunksize = 1, .retries = kForEver}));
    while (pool_.worker_pids().size() < static_cast<std::size_t>(pool_.processes())) std::this_thread::yield();
  }

  // With work that is done, or that is dropped. (Otherwise the destructor ends it.)
  void end() {
    const int way = pick(3);
    if (way == 2) return;
    const auto all = tasks(100);
    const auto pending = apply_all(all);
    const bool dropped = way == 1;
    const auto begun = Clock::now();
    if (dropped) {
      pool_.terminate();
    } else {
      pool_.close();
    }
    for (const auto& result : pending) result.wait();
    if (dropped) judge_.heard_after(Clock::now() - begun, "the end of its pool");
    pool_.join();
    for (std::size_t i = 0; i < all.size(); ++i) {
      judge_.ended(all[i], 0, outcome_of([&] { return pending[i].get(); }), dropped);
    }
    check_begun(all);
  }

  std::mt19937_64 random_;
  Board& board_;
  Judge& judge_;
  const int tasks_per_worker_;
  ProcessPool pool_;
};

}  // namespace

void play_round(const Method& method, std::uint64_t seed, Board& board, Judge& judge) {
  judge.begin_round();
  Round(method, seed, board, judge).play();
  judge.rethrow();
}

}  // namespace muster::chaos
