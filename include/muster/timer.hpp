#pragma once
// A call that is made later, unless it is cancelled. Python's threading.Timer.

#include <utility>

#include <muster/detail/export.hpp>
#include <muster/duration.hpp>
#include <muster/event.hpp>
#include <muster/thread.hpp>

namespace muster::threading {

// A thread that waits for `interval` and then calls. Begins to wait at start(). Its destructor joins it: cancel()
// first, or make it by make_thread, where that is not wanted.
class MUSTER_EXPORT Timer final : public Thread {
 public:
  template <class F, class... Args>
  explicit Timer(Duration interval, F&& function, Args&&... args)
      : Thread(std::forward<F>(function), std::forward<Args>(args)...), interval_(interval) {}
  ~Timer() override;

  // No call is made, unless it has begun; the thread ends.
  void cancel() noexcept { finished_.set(); }

 protected:
  void run() override;

 private:
  Duration interval_;
  Event finished_;
};

}  // namespace muster::threading
