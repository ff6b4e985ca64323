#include <muster/thread.hpp>

#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <typeinfo>
#include <utility>

#include <muster/detail/halt.hpp>
#include <muster/error.hpp>
#include <muster/timer.hpp>

#include "api/interrupt.hpp"
#include "api/thread_name.hpp"
#include "api/thread_state.hpp"

namespace muster::detail {

std::size_t checked_stack_size(std::size_t bytes) {
  constexpr std::size_t kLeast = std::size_t{32} << 10;
  if (bytes != 0 && bytes < kLeast)
    throw ValueError("a stack of " + std::to_string(bytes) + " bytes is too small: 32 KiB is the least");
  return bytes;
}

}  // namespace muster::detail

namespace muster::threading {

using detail::LockGuard;
using detail::Threads;
using detail::ThreadState;

namespace {

std::string default_name(const detail::NameSource& named_by) {
  const std::string function = api::callable_name(named_by);
  const std::string name = detail::numbered("Thread");
  return function.empty() ? name : name + " (" + function + ")";
}

// Strangers count as daemons, since the program's end does not wait for them; what they start is none.
bool made_by_daemon() noexcept {
  const ThreadState* const maker = detail::known_state();
  return maker != nullptr && maker->kind == ThreadState::Kind::kMade && maker->daemon;
}

std::shared_ptr<ThreadState> make_state(ThreadOptions options, const detail::NameSource& named_by) {
  detail::halt_point();
  if (options.name.empty()) options.name = default_name(named_by);
  auto state = std::make_shared<ThreadState>(ThreadState::Kind::kMade, std::move(options.name));
  state->daemon = options.daemon.value_or(made_by_daemon());
  return state;
}

void run_body(ThreadState& state) {
  const std::unique_ptr<detail::ThreadBody> body = std::move(state.body);
  if (body != nullptr) body->run(state.stop.get_token());
}

[[noreturn]] void die(const std::string& name) {
  std::fprintf(stderr,
               "muster: thread %s still runs while its object is destroyed: a class derived from Thread must join in "
               "its own destructor, or be made by make_thread\n",
               name.c_str());
  std::terminate();
}

}  // namespace

Thread::Thread(ThreadOptions options) : Thread(std::move(options), {}, nullptr) {}

Thread::Thread(ThreadOptions options, detail::NameSource named_by, std::unique_ptr<detail::ThreadBody> body)
    : ThreadHandle(make_state(std::move(options), named_by)) {
  state_->body = std::move(body);
}

Thread::~Thread() {
  ThreadState& known = *state_;
  if (!known.has(ThreadState::kStarted)) return;
  const bool is_own = &known == detail::known_state();
  if (known.needs_object && !known.is_over()) die(name());
  // What a plain one needs is its state's, so it can go on.
  if (is_own || (known.daemon && !known.is_over())) return;
  if (!known.needs_object) request_stop();
  const os::InterruptsHeld held;
  join();
}

void Thread::start() {
  detail::halt_point();
  if (typeid(*this) != typeid(Thread)) {
    detail::launch(state_, [this, self = self_.lock()] { run(); }, true);
  } else {
    detail::launch(state_, [state = state_.get(), self = self_.lock()] { run_body(*state); }, false);
  }
}

void Thread::run() { run_body(state()); }

std::size_t stack_size(std::size_t bytes) {
  detail::checked_stack_size(bytes);
  Threads& all = detail::threads();
  const LockGuard guard(all.lock);
  return std::exchange(all.stack_size, bytes);
}

std::size_t stack_size() noexcept {
  Threads& all = detail::threads();
  const LockGuard guard(all.lock);
  return all.stack_size;
}

Timer::~Timer() {
  const os::InterruptsHeld held;
  if (is_alive()) join();
}

void Timer::run() {
  if (!finished_.wait(interval_)) Thread::run();
  finished_.set();
}

}  // namespace muster::threading
