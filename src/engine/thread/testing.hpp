#pragma once
// What the tests of this folder submit: tasks and loops written by hand, with a ledger of what became of each.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/thread/inside.hpp"
#include "engine/thread/thread_engine.hpp"
#include "os/os.hpp"
#include "os/testing.hpp"
#include "tests/support/sanitized.hpp"

namespace muster::engine::thread::testing {

using muster::testing::sanitized;
using Body = std::function<void()>;

inline constexpr Nanos kMillisecond = 1'000'000;

// Less where each step costs ten times as much.
inline int rounds(int plain) { return sanitized() ? plain / 5 : plain; }

inline Settings with(int workers, int tasks_per_worker = 0) {
  Settings settings;
  settings.workers = workers;
  settings.tasks_per_worker = tasks_per_worker;
  return settings;
}

// Every task is settled once (by run, drop or its loop's finish) and destroyed once, after that.
struct Ledger {
  std::atomic<int> made{0};
  std::atomic<int> ran{0};
  std::atomic<int> dropped{0};
  std::atomic<int> refused{0};  // by submit; never settled
  std::atomic<int> destroyed{0};

  Ledger() = default;
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;
  ~Ledger() {
    EXPECT_EQ(ran + dropped + refused, made) << "not every task was settled once";
    EXPECT_EQ(destroyed, made) << "tasks leaked";
  }
};

class Job : public detail::Task {
 public:
  Ledger& ledger() noexcept { return ledger_; }
  bool dropped() const noexcept { return dropped_; }

 protected:
  Job(const detail::TaskType& of, Ledger& ledger) noexcept : Task(of, 1), ledger_(ledger) { ledger_.made.fetch_add(1); }
  ~Job() { ledger_.destroyed.fetch_add(1); }

  void settle(std::atomic<int>& how) noexcept {
    how.fetch_add(1);
    const std::uint32_t before = state.fetch_or(kBegun | kDone, std::memory_order_acq_rel);
    EXPECT_EQ(before & kDone, 0U) << "settled twice";
    if ((before & detail::kSleepers) != 0) detail::wake_all(state, detail::Scope::kPrivate);
  }
  static void drop(Task& task, const std::exception_ptr& /*why*/) noexcept {
    auto& job = static_cast<Job&>(task);
    if (job.on_drop) job.on_drop();
    job.dropped_ = true;
    job.settle(job.ledger_.dropped);
  }

 public:
  Body on_drop;

 private:
  Ledger& ledger_;
  bool dropped_ = false;
};

// Calls a function. Awaited ones may be waited for and cancelled, posted ones not.
class Call final : public Job {
 public:
  enum class Kind : std::uint8_t { kAwaited, kPosted };

  Call(Ledger& ledger, Body body, Kind kind = Kind::kAwaited)
      : Job(kind == Kind::kAwaited ? kAwaitedType : kPostedType, ledger), body_(std::move(body)) {}

 private:
  static void run(Task& task) noexcept {
    auto& call = static_cast<Call&>(task);
    call.body_();
    call.settle(call.ledger().ran);
  }
  static void destroy(Task& task) noexcept { delete &static_cast<Call&>(task); }

  static const detail::TaskType kAwaitedType;
  static const detail::TaskType kPostedType;

  Body body_;
};

inline constexpr detail::TaskType Call::kAwaitedType{&run, &drop, &destroy, nullptr, &typeid(Call), true};
inline constexpr detail::TaskType Call::kPostedType{&run, &drop, &destroy, nullptr, &typeid(Call), false};

// A loop that counts how often each of its items is run, and may do more with it.
class Range : public detail::Loop {
 public:
  using Item = std::function<void(std::size_t)>;

  explicit Range(std::size_t items, Item item = {}) : hits_(items), item_(std::move(item)) {
    size = items;
    run = &run_chunk;
    what = &typeid(Range);
  }

  bool each_once() const {
    for (const auto& hit : hits_) {
      if (hit.load(std::memory_order_relaxed) != 1) return false;
    }
    return true;
  }
  bool each_at_most_once() const {
    for (const auto& hit : hits_) {
      if (hit.load(std::memory_order_relaxed) > 1) return false;
    }
    return true;
  }
  bool ran(std::size_t at) const { return hits_[at].load(std::memory_order_relaxed) != 0; }
  // Whether nothing is missing below the last item that was run.
  bool has_no_holes() const {
    bool below = true;
    for (const auto& hit : hits_) {
      const bool here = hit.load(std::memory_order_relaxed) != 0;
      if (here && !below) return false;
      below = here;
    }
    return true;
  }

  // No further chunk after the one with this item.
  std::size_t stop_at = SIZE_MAX;

 private:
  static bool run_chunk(Loop& loop, std::size_t begin, std::size_t end) noexcept {
    auto& range = static_cast<Range&>(loop);
    for (std::size_t at = begin; at < end; ++at) {
      range.hits_[at].fetch_add(1, std::memory_order_relaxed);
      if (range.item_) range.item_(at);
    }
    return range.stop_at < begin || range.stop_at >= end;
  }

  std::vector<std::atomic<std::uint8_t>> hits_;
  Item item_;
};

// A task that is a loop.
class Sweep final : public Job {
 public:
  Sweep(Ledger& ledger, std::size_t items, Range::Item item = {}, Body at_end = {})
      : Job(kType, ledger), range(*this, items, std::move(item)), at_end_(std::move(at_end)) {}

 private:
  struct Part final : Range {
    Part(Sweep& of, std::size_t items, Item item) : Range(items, std::move(item)), whole(of) { finish = &ended; }
    static void ended(Loop& loop) noexcept {
      Sweep& sweep = static_cast<Part&>(loop).whole;
      if (sweep.at_end_) sweep.at_end_();
      sweep.settle(sweep.ledger().ran);
    }
    Sweep& whole;
  };

 public:
  Part range;

 private:
  static Loop* loop_of(Task& task) noexcept { return &static_cast<Sweep&>(task).range; }
  static void destroy(Task& task) noexcept { delete &static_cast<Sweep&>(task); }

  static const detail::TaskType kType;

  Body at_end_;
};

inline constexpr detail::TaskType Sweep::kType{nullptr, &drop, &destroy, &loop_of, &typeid(Sweep), true};

// One reference to a job.
template <class T>
class Ref {
 public:
  Ref() = default;
  explicit Ref(T* job) noexcept : job_(job) {}
  Ref(const Ref& other) noexcept : job_(other.job_) {
    if (job_ != nullptr) job_->retain();
  }
  Ref(Ref&& other) noexcept : job_(std::exchange(other.job_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(job_, other.job_);
    return *this;
  }
  ~Ref() {
    if (job_ != nullptr) job_->release();
  }
  T& operator*() const noexcept { return *job_; }
  T* operator->() const noexcept { return job_; }
  explicit operator bool() const noexcept { return job_ != nullptr; }

 private:
  T* job_ = nullptr;
};

template <class T, class... Arguments>
Ref<T> make(Ledger& ledger, Arguments&&... arguments) {
  return Ref<T>(new T(ledger, std::forward<Arguments>(arguments)...));
}

template <class T>
bool submit(ThreadEngine& engine, const Ref<T>& job, const Terms& terms = {}) {
  job->retain();
  if (engine.submit(*job, terms)) return true;
  job->ledger().refused.fetch_add(1);
  job->release();
  return false;
}

inline Ref<Call> call(ThreadEngine& engine, Ledger& ledger, Body body) {
  Ref<Call> job = make<Call>(ledger, std::move(body));
  submit(engine, job);
  return job;
}

inline void post(ThreadEngine& engine, Ledger& ledger, Body body) {
  submit(engine, make<Call>(ledger, std::move(body), Call::Kind::kPosted));
}

// As the front waits.
template <class T>
Wait wait(const Ref<T>& job, Nanos deadline = detail::kForever) {
  Task& task = *job;
  if (task.done()) return Wait::kDone;
  if (inside_task_of(task.home)) return task.home->wait(task, deadline);
  if (inside_any_task()) return wait_elsewhere(task, deadline) ? Wait::kDone : Wait::kTimedOut;
  const auto end = detail::await_bits(task.state, Task::kDone, deadline, detail::Scope::kPrivate);
  return end == detail::Await::kReady ? Wait::kDone : Wait::kTimedOut;
}

// As the front submits what it waits for at once.
inline void ask(ThreadEngine& engine, Ledger& ledger, Body body) {
  const Ref<Call> job = make<Call>(ledger, std::move(body));
  if (submit(engine, job, {.attended = true})) wait(job);
}

// As the front cancels.
template <class T>
bool cancel(const Ref<T>& job) {
  if (!job->begin()) return false;
  job->home->withdraw(*job, false);
  return true;
}

// Ends an engine as a pool does.
inline void end(ThreadEngine& engine) {
  engine.close();
  EXPECT_TRUE(engine.drain(detail::kForever));
  engine.stop();
}

// Lets `parties` threads pass once all of them have come. Sleeps nowhere, so that it needs nothing of what is tested.
class Meeting {
 public:
  explicit Meeting(int parties) noexcept : missing_(parties) {}
  void join() noexcept {
    missing_.fetch_sub(1);
    while (missing_.load() > 0) os::yield();
  }

 private:
  std::atomic<int> missing_;
};

template <class Holds>
void await(Holds holds) {
  while (!holds()) os::yield();
}

// MUSTER_TEST_SEED repeats a run as far as the scheduler lets it.
inline std::uint64_t seed() {
  static const std::uint64_t kSeed = [] {
    const char* given = std::getenv("MUSTER_TEST_SEED");
    const std::uint64_t value = given != nullptr ? std::strtoull(given, nullptr, 0) : std::random_device{}();
    std::cout << "MUSTER_TEST_SEED=" << value << '\n';
    return value;
  }();
  return kSeed;
}

class Dice {
 public:
  explicit Dice(std::uint64_t stream) : engine_(seed() * 0x9E3779B97F4A7C15U + stream) {}
  int below(int count) { return std::uniform_int_distribution<int>(0, count - 1)(engine_); }

 private:
  std::mt19937_64 engine_;
};

// Asserts that no thread outlives the test.
class NoThreadLeaks : public ::testing::Test {
 protected:
  NoThreadLeaks() : threads_(count_after_one()) {}
  // The kernel takes a moment to remove a thread that was joined.
  ~NoThreadLeaks() override {
    await([this] { return count() <= threads_; });
  }

 private:
  static std::ptrdiff_t count() { return os::testing::count_entries("/proc/self/task"); }
  // A sanitizer starts a thread of its own beside the first of ours.
  static std::ptrdiff_t count_after_one() {
    std::int64_t id = 0;
    os::Thread([&id] { id = os::native_thread_id(); }).join();
    await([id] { return !std::filesystem::exists("/proc/self/task/" + std::to_string(id)); });
    return count();
  }

  const std::ptrdiff_t threads_;
};

}  // namespace muster::engine::thread::testing
