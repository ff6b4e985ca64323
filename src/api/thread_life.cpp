// How threads begin and end, and the program with them.

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <utility>

#include <muster/detail/halt.hpp>
#include <muster/error.hpp>
#include <muster/excepthook.hpp>

#include "api/thread_state.hpp"
#include "api/thrown.hpp"
#include "api/type_name.hpp"
#include "api/waits.hpp"
#include "os/os.hpp"
#include "os/process.hpp"

namespace muster::detail {
namespace {

constinit thread_local ThreadState* t_state = nullptr;
constinit thread_local bool t_past_end = false;

// A thread of ours makes this before its other thread-local objects, so that it is destroyed after them: then nothing
// of the thread can be seen any more. The main thread's is destroyed when exit() begins, before all static objects.
struct End {
  std::shared_ptr<ThreadState> state;

  End() = default;
  End(const End&) = delete;
  End& operator=(const End&) = delete;
  ~End() {
    const bool is_main = state != nullptr && state == threads().main;
    if (is_main) end_threads();
    end_locals();
    if (state != nullptr && !is_main) leave();
    t_past_end = true;
  }

 private:
  // The main thread does not: destructors of static objects may ask for it.
  void leave() const noexcept {
    t_state = nullptr;
    know_waits_of(nullptr);
    Threads& all = threads();
    const LockGuard guard(all.lock);
    all.unlist(*state);
    state->set(ThreadState::kEnded);  // with the lock held: a copy of the process must find it listed or ended
  }
};
thread_local End t_end;

// ---- the beginning --------------------------------------------------------------------------------------------------

void tell(const std::shared_ptr<ThreadState>& state, std::exception_ptr failure) {
  api::Thrown thrown = api::describe(failure);
  threading::excepthook({.exception = std::move(failure),
                         .type = api::type_name(*thrown.type),
                         .text = std::move(thrown.text),
                         .thread = threading::ThreadHandle(state)});
}

void take_name(const ThreadState& state) noexcept {
  const LockGuard guard(threads().lock);
  os::set_thread_name(state.name);
}

// All of a thread's life but what its thread-local objects do at their end.
void live(const std::shared_ptr<ThreadState>& state, std::function<void()>& code) noexcept {
  become(state);
  take_name(*state);
  if (state->daemon) may_be_halted();
  try {
    code();
  } catch (...) {
    tell(state, std::current_exception());
  }
  state->body.reset();
  state->has_run = true;
  code = nullptr;  // the Thread may go with it, and its destructor finds that its thread is over
}

// Listed before there is a thread: a fork in between must find it. Returns the size of its stack.
std::size_t announce(const std::shared_ptr<ThreadState>& state, bool needs_object) {
  Threads& all = threads();
  const LockGuard guard(all.lock);
  if (state->has(ThreadState::kStarted)) throw ThreadError("a thread can only be started once");
  all.list(state);
  state->needs_object = needs_object;
  state->set(ThreadState::kStarted);
  return all.stack_size;
}

void withdraw(ThreadState& state) noexcept {
  Threads& all = threads();
  const LockGuard guard(all.lock);
  all.unlist(state);
  state.clear(ThreadState::kStarted);
}

}  // namespace

void launch(const std::shared_ptr<ThreadState>& state, std::function<void()> code, bool needs_object) {
  const std::size_t stack_size = announce(state, needs_object);
  try {
    auto life = [state, code = std::move(code)]() mutable { live(state, code); };
    os::Thread kernel(std::move(life), stack_size, os::Signals::kInherited);
    const LockGuard guard(threads().lock);
    state->kernel = std::move(kernel);
  } catch (...) {
    withdraw(*state);
    throw;
  }
}

void become(const std::shared_ptr<ThreadState>& state) noexcept {
  state->ident.store(os::thread_ident(), std::memory_order_relaxed);
  state->native_id.store(os::native_thread_id(), std::memory_order_relaxed);
  state->set(ThreadState::kStarted | ThreadState::kBegun);
  if (t_past_end) return;  // t_end is gone
  t_end.state = state;
  t_state = state.get();
  know_waits_of(t_state);
}

ThreadState* known_state() noexcept { return t_state; }
bool is_past_end() noexcept { return t_past_end; }
void watch_end() noexcept { static_cast<void>(&t_end); }

// ---- the end --------------------------------------------------------------------------------------------------------

bool join(ThreadState& state, Nanos deadline) {
  if (!state.await(ThreadState::kEnded, deadline)) return false;
  os::Thread kernel;
  {
    const LockGuard guard(threads().lock);
    kernel = std::move(state.kernel);
  }
  if (kernel.joinable()) kernel.join();
  return true;
}

bool runs_main() noexcept { return os::native_thread_id() == os::process_id(); }

namespace {

std::shared_ptr<ThreadState> first_to_wait_for() noexcept {
  Threads& all = threads();
  const LockGuard guard(all.lock);
  const auto found = std::ranges::find_if(all.listed, [](const auto& state) {
    return state->kind == ThreadState::Kind::kMade && !state->daemon && state.get() != t_state;
  });
  return found == all.listed.end() ? nullptr : *found;
}

// Nobody is left to catch what a check throws: it is said, and the wait goes on with a limit that never comes,
// unchecked.
void join_at_end(ThreadState& state) noexcept {
  try {
    const Waiting waiting(WaitsFor::kThread, &state, kForever);
    join(state, kForever);
  } catch (const DeadlockError& circle) {
    std::fprintf(stderr, "muster: the program cannot end: %s\n", circle.what());
    const Waiting waiting(WaitsFor::kThread, &state, kForever - 1);
    join(state, kForever);
  }
}

}  // namespace

void end_threads() noexcept {
  if (runs_main()) threads().main->set(ThreadState::kEnded);  // a thread that we wait for may be waiting for it
  while (const std::shared_ptr<ThreadState> state = first_to_wait_for()) join_at_end(*state);
  halt_daemons();
}

}  // namespace muster::detail
