#include "api/timer.hpp"

#include <atomic>
#include <utility>
#include <vector>

#include <muster/detail/lock_word.hpp>

#include "os/os.hpp"
#include "os/process.hpp"

namespace muster::api {

using detail::kForever;
using detail::LockGuard;
using detail::Watch;

namespace {

// A heap by deadline in which each watch knows its place, so that it can be taken out of the middle.
class WatchHeap {
 public:
  bool empty() const noexcept { return heap_.empty(); }
  Watch& first() const noexcept { return *heap_.front(); }

  void insert(Watch& watch) {
    heap_.push_back(&watch);
    watch.place = heap_.size();  // from 1: 0 is nowhere
    rise(watch.place);
  }
  void erase(Watch& watch) noexcept {
    const std::size_t hole = std::exchange(watch.place, 0);
    Watch* last = heap_.back();
    heap_.pop_back();
    if (last == &watch) return;
    put(hole, *last);
    rise(hole);
    sink(last->place);
  }

 private:
  Watch& at(std::size_t place) const noexcept { return *heap_[place - 1]; }
  void put(std::size_t place, Watch& watch) noexcept {
    heap_[place - 1] = &watch;
    watch.place = place;
  }
  void swap(std::size_t a, std::size_t b) noexcept {
    Watch& of_a = at(a);
    put(a, at(b));
    put(b, of_a);
  }
  void rise(std::size_t place) noexcept {
    for (; place > 1 && at(place).deadline < at(place / 2).deadline; place /= 2) swap(place, place / 2);
  }
  void sink(std::size_t place) noexcept {
    for (;;) {
      std::size_t least = place;
      for (std::size_t child = 2 * place; child <= 2 * place + 1 && child <= heap_.size(); ++child) {
        if (at(child).deadline < at(least).deadline) least = child;
      }
      if (least == place) return;
      swap(place, least);
      place = least;
    }
  }

  std::vector<Watch*> heap_;
};

// The timer whose thread this is.
thread_local const void* t_running = nullptr;

}  // namespace

struct Timer::State {
  detail::PrivateLock lock;  // guards the heap, `ended`, and each watch's place and firing
  WatchHeap heap;
  bool ended = false;
  std::atomic<std::uint32_t> changed{0};  // the first deadline may have: the thread sleeps on it
  std::atomic<std::uint32_t> fired{0};    // an expiry has ended: who removes its watch sleeps on it
  os::Thread thread;

  static void ring(std::atomic<std::uint32_t>& bell) noexcept {
    bell.fetch_add(1, std::memory_order_release);
    os::futex_wake(bell, os::kAll, os::Scope::kPrivate);
  }

  void run() noexcept {
    os::set_thread_name("muster/timer");
    t_running = this;
    for (;;) {
      const std::uint32_t seen = changed.load(std::memory_order_acquire);
      Watch* due = nullptr;
      os::Nanos next = kForever;
      {
        const LockGuard guard(lock);
        if (ended) return;
        if (!heap.empty()) next = heap.first().deadline;
        if (next <= os::now()) {
          due = &heap.first();
          heap.erase(*due);
          due->firing = true;
        }
      }
      if (due != nullptr) {
        fire(*due);
      } else {
        const os::Idle idle;
        os::futex_wait(changed, seen, os::Scope::kPrivate, next);
      }
    }
  }

  void fire(Watch& due) noexcept {
    const Watch::Then then = due.expire(due);
    {
      const LockGuard guard(lock);
      due.firing = false;  // from here on the watch may be gone
    }
    ring(fired);
    if (then.call != nullptr) then.call(then.argument);
  }
};

Timer::~Timer() {
  if (!state_) return;
  {
    const LockGuard guard(state_->lock);
    state_->ended = true;
  }
  State::ring(state_->changed);
  if (inside()) {
    state_->thread.detach();
  } else {
    state_->thread.join();
  }
}

Timer::State& Timer::state() {
  const LockGuard guard(starting_);
  if (!state_) {
    auto made = std::make_shared<State>();
    made->thread = os::Thread([made] { made->run(); });
    state_ = std::move(made);
  }
  return *state_;
}

void Timer::add(Watch& watch) {
  State& timer = state();
  bool first = false;
  {
    const LockGuard guard(timer.lock);
    timer.heap.insert(watch);
    first = &timer.heap.first() == &watch;
  }
  if (first) State::ring(timer.changed);
}

void Timer::remove(Watch& watch) noexcept {
  State& timer = *state_;
  for (;;) {
    const std::uint32_t seen = timer.fired.load(std::memory_order_acquire);
    {
      const LockGuard guard(timer.lock);
      if (watch.place != 0) timer.heap.erase(watch);
      if (!watch.firing) return;
    }
    os::futex_wait(timer.fired, seen, os::Scope::kPrivate);
  }
}

bool Timer::inside() const noexcept {
  if (t_running == nullptr) return false;
  const LockGuard guard(starting_);
  return t_running == state_.get();
}

}  // namespace muster::api
