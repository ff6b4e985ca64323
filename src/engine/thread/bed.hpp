#pragma once
// Where one worker sleeps, and is woken.

#include <atomic>
#include <cstdint>

#include "os/os.hpp"

namespace muster::engine::thread {

class Bed {
 public:
  // By its worker, before others can know that it lies here.
  void make() noexcept {
    thread_ = os::native_thread_id();
    called_.store(0, std::memory_order_relaxed);
  }
  // By its worker: sleeps until called. When it was called, if it slept by then; else 0.
  os::Nanos doze() noexcept;
  // By one other, once. `apart`: the caller goes on working, and the worker had better have another CPU.
  void call(bool apart) noexcept;

  const std::atomic<std::uint32_t>& word() const noexcept { return called_; }

 private:
  void wait() noexcept;

  std::atomic<std::uint32_t> called_{1};  // 0: asleep, or about to be
  // Written by the worker before it can be called, and by the caller before it calls.
  std::int64_t thread_ = 0;
  int callers_cpu_ = -1;
  os::Nanos called_at_ = 0;
  bool kept_off_ = false;
  os::CpuSet cpus_{};  // where it may run, while it is kept off one
};

}  // namespace muster::engine::thread
