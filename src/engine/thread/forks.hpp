#pragma once
// What a worker of this engine has forked (muster/detail/forks.hpp).

#include <muster/detail/forks.hpp>

#include "parts/queue/deque.hpp"

namespace muster::engine::thread {

class ThreadEngine;
class Worker;

class WorkerForks final : public detail::Forks {
 public:
  WorkerForks(ThreadEngine& engine, Worker& worker, const queue::Deque<detail::Task>& deque) noexcept;

  // While a task runs: what the one below it has forked is not for those who wait for this one.
  class Scope {
   public:
    explicit Scope(WorkerForks* forks) noexcept : forks_(forks), outer_(std::exchange(detail::t_forks, forks)) {
      if (forks_ != nullptr) below_ = forks_->exchange({});
    }
    ~Scope() {
      if (forks_ != nullptr) forks_->exchange(below_);
      detail::t_forks = outer_;
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    WorkerForks* const forks_;
    detail::Forks* const outer_;
    Set below_;
  };

 private:
  bool show(detail::ForkedCall& call) noexcept override;
  bool take_back(detail::ForkedCall& call) noexcept override;

  ThreadEngine& engine_;
  Worker& worker_;
};

}  // namespace muster::engine::thread
