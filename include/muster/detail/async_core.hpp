#pragma once
// A task whose outcome somebody may ask for: what does not depend on the outcome's type.

#include <atomic>
#include <exception>
#include <functional>
#include <stop_token>
#include <utility>

#include <muster/detail/pool_core.hpp>
#include <muster/detail/task.hpp>

namespace muster::detail {

class MUSTER_EXPORT AsyncCore : public Task {
 public:
  AsyncCore(const TaskType& of, PoolCore& core, std::uint32_t references) noexcept
      : Task(of, references), core_(&core) {}

  // Marks the task as settled, after its callbacks have run in this thread. The outcome must be in place. Only for who
  // won decide().
  void settle() noexcept;
  // Wins the right to write the outcome; a second one is dropped.
  bool decide() noexcept { return !contested_ || !decided_.exchange(true, std::memory_order_acq_rel); }

  // Has `callback` called once: by who settles the task, or here and now if that has happened. What it throws becomes
  // the task's failure.
  void attach(std::function<void()> callback);
  // The exception of a callback, or null.
  std::exception_ptr spoilt() const;

  PoolCore& core() const noexcept { return *core_; }

 protected:
  ~AsyncCore() {
    if (Attached* const attached = attached_.load(std::memory_order_acquire)) destroy(attached);
  }

  bool contested_ = true;  // false where there is one outcome at most, so that nobody need win it

 private:
  struct Attached;

  Attached& attached();
  static void destroy(Attached* attached) noexcept;
  void run_callback(const std::function<void()>& callback) noexcept;

  std::atomic<bool> decided_{false};
  PoolCore* core_;
  // Null until something is attached: most tasks live long in great numbers, and have nothing.
  std::atomic<Attached*> attached_{nullptr};

 public:
  // Requested by cancel and timeout; has a state only where the callable takes a token.
  std::stop_source stop{std::nostopstate};
};

// A counted reference to a task.
template <class T>
class TaskRef {
 public:
  TaskRef() = default;
  // Takes over one reference.
  explicit TaskRef(T* task) noexcept : task_(task) {}
  TaskRef(TaskRef&& other) noexcept : task_(std::exchange(other.task_, nullptr)) {}
  TaskRef& operator=(TaskRef&& other) noexcept {
    TaskRef(std::move(other)).swap(*this);
    return *this;
  }
  ~TaskRef() {
    if (task_ != nullptr) task_->release();
  }
  T* get() const noexcept { return task_; }
  // Hands the reference over.
  T* detach() noexcept { return std::exchange(task_, nullptr); }
  T* operator->() const noexcept { return task_; }
  T& operator*() const noexcept { return *task_; }
  explicit operator bool() const noexcept { return task_ != nullptr; }

 private:
  void swap(TaskRef& other) noexcept { std::swap(task_, other.task_); }
  T* task_ = nullptr;
};

}  // namespace muster::detail
