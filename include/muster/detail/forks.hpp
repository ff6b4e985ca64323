#pragma once
// Forks: calls that lie on the stack of a worker's task. A worker keeps what it forks to itself, which costs no atomic
// operation, and shows only the few oldest, which are the most work: so those that are idle find some, and in a deep
// recursion hardly any fork is ever shown. After U. Acar,
// A. Charguéraud and M. Rainey, "Scheduling parallel programs by work stealing with private deques" (PPoPP 2013).

#include <atomic>
#include <cstdint>
#include <utility>

#include <muster/detail/export.hpp>
#include <muster/detail/task.hpp>

namespace muster::detail {

// A call that was forked, as its worker keeps it. Once it is shown it is a task like any other, whose last reference
// says that it is done: nothing of it is touched after that.
class MUSTER_EXPORT ForkedCall : public Task {
 public:
  explicit ForkedCall(const TaskType& of) noexcept : Task(of, 1) {}

 protected:
  ~ForkedCall() = default;
  static void finish(Task& task) noexcept;

 private:
  friend class Forks;
  ForkedCall* older_ = nullptr;
  ForkedCall* newer_ = nullptr;
};

// What a worker has forked in the task that it runs now and shows nobody. All calls are its own.
class MUSTER_EXPORT Forks {
 public:
  Forks(const Forks&) = delete;
  Forks& operator=(const Forks&) = delete;

  engine::Engine* home() const noexcept { return home_; }

  void push(ForkedCall& call) noexcept {
    call.older_ = newest_;
    (newest_ != nullptr ? newest_->newer_ : oldest_) = &call;
    newest_ = &call;
    const std::int64_t shown = bottom_->load(std::memory_order_relaxed) - top_->load(std::memory_order_relaxed);
    if (shown < kMostShown) show_oldest();
  }
  // The call that was pushed last, or shown. True: it is the caller's to run. False: somebody else has run it; may wait
  // for that.
  bool pop(ForkedCall& call) noexcept {
    if (newest_ != &call) return take_back(call);
    newest_ = call.older_;
    (newest_ != nullptr ? newest_->newer_ : oldest_) = nullptr;
    return true;
  }

 protected:
  // `top` and `bottom`: what the worker shows lies between them.
  Forks(engine::Engine* home, const std::atomic<std::int64_t>& top, const std::atomic<std::int64_t>& bottom) noexcept
      : home_(home), top_(&top), bottom_(&bottom) {}
  ~Forks() = default;

  // Shows a call to others; false when that cannot be done now.
  virtual bool show(ForkedCall& call) noexcept = 0;
  // As pop, of one that was shown.
  virtual bool take_back(ForkedCall& call) noexcept = 0;

  // What was forked before a task began that another one waits for is not that task's.
  struct Set {
    ForkedCall* oldest = nullptr;
    ForkedCall* newest = nullptr;
  };
  Set exchange(Set set) noexcept { return {std::exchange(oldest_, set.oldest), std::exchange(newest_, set.newest)}; }

 private:
  // Of a recursion of depth d about d ** 4 / 24 forks are shown then. One would do if those that are idle came at once:
  // a recursion of few long calls has made its forks before anybody wakes up.
  static constexpr std::int64_t kMostShown = 4;

  void show_oldest() noexcept;

  engine::Engine* const home_;
  const std::atomic<std::int64_t>* const top_;
  const std::atomic<std::int64_t>* const bottom_;
  ForkedCall* oldest_ = nullptr;
  ForkedCall* newest_ = nullptr;
};

// Of the worker that runs this thread's innermost task; null outside, and where that is done by somebody else.
extern MUSTER_EXPORT constinit thread_local Forks* t_forks;

}  // namespace muster::detail
