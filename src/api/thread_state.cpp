#include "api/thread_state.hpp"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "api/waits.hpp"
#include "os/process.hpp"
#include "parts/sync/await.hpp"

namespace muster::detail {

// ---- one ------------------------------------------------------------------------------------------------------------

// Nobody has joined it: a thread that nobody can know of any more.
ThreadState::~ThreadState() {
  if (kernel.joinable()) kernel.detach();
}

void ThreadState::set(std::uint32_t bits) noexcept {
  if ((word.fetch_or(bits, std::memory_order_acq_rel) & kSleepers) != 0) wake_all(word, Scope::kPrivate);
}

void ThreadState::clear(std::uint32_t bits) noexcept {
  if ((word.fetch_and(~bits, std::memory_order_acq_rel) & kSleepers) != 0) wake_all(word, Scope::kPrivate);
}

bool ThreadState::await(std::uint32_t bits, Nanos deadline) noexcept {
  const auto done = [bits](std::uint32_t value) { return (value & bits) != 0 || (value & kStarted) == 0; };
  return sync::await(word, done, deadline, os::Scope::kPrivate) == Await::kReady;
}

bool ThreadState::is_over() const noexcept { return has(kEnded) || (this == known_state() && has_run); }

// ---- all ------------------------------------------------------------------------------------------------------------

namespace {

void before_fork() {
  threads().lock.lock();
  g_waits.lock.lock();
}
void after_fork() {
  g_waits.lock.unlock();
  threads().lock.unlock();
}

// The thread is not in this copy.
void vanish(ThreadState& state) noexcept {
  state.listed = false;
  state.word.fetch_or(ThreadState::kBegun | ThreadState::kEnded, std::memory_order_relaxed);
}

void in_copy() {
  Threads& all = threads();
  std::construct_at(&all.lock);  // who waits for it in the original is not here
  keep_own_waits();
  std::shared_ptr<ThreadState> self;
  for (const auto& state : std::exchange(all.listed, {})) {
    if (state.get() == known_state()) {
      self = state;
    } else {
      vanish(*state);
    }
  }
  if (self == nullptr) self = std::make_shared<ThreadState>(ThreadState::Kind::kMain, "MainThread");
  all.main = self;
  all.list(self);
  become(self);
}

// The main thread is known from the beginning, whoever asks first.
Threads* make_threads() {
  auto* const made = new Threads();
  made->main = std::make_shared<ThreadState>(ThreadState::Kind::kMain, "MainThread");
  made->main->native_id = os::process_id();
  made->main->set(ThreadState::kStarted | ThreadState::kBegun);
  made->list(made->main);
  os::at_forks(&before_fork, &after_fork, &in_copy);
  // For exit() in another thread than the main one, whose own end does it otherwise.
  static_cast<void>(std::atexit([] { end_threads(); }));
  return made;
}

std::shared_ptr<ThreadState> become_known() {
  Threads& all = threads();
  if (runs_main()) {
    become(all.main);
    return all.main;
  }
  auto state = std::make_shared<ThreadState>(ThreadState::Kind::kStranger, numbered("Dummy"));
  state->daemon = true;
  state->set(ThreadState::kStarted);
  if (!is_past_end()) {
    const LockGuard guard(all.lock);
    all.list(state);
  }
  become(state);
  return state;
}

// Before main, so that the main thread's end finds all its other thread-local objects gone.
[[maybe_unused]] const bool kMainKnown = runs_main() && own_state() != nullptr;

}  // namespace

std::shared_ptr<ThreadState> own_state() {
  ThreadState* const known = known_state();
  return known != nullptr ? known->shared_from_this() : become_known();
}

Threads& threads() {
  static Threads* const all = make_threads();
  return *all;
}

void Threads::list(const std::shared_ptr<ThreadState>& state) {
  listed.push_back(state);
  state->listed = true;
}

void Threads::unlist(const ThreadState& state) noexcept {
  const auto found = std::ranges::find_if(listed, [&](const auto& known) { return known.get() == &state; });
  if (found == listed.end()) return;
  (*found)->listed = false;
  listed.erase(found);
}

std::string numbered(const char* prefix) {
  Threads& all = threads();
  const LockGuard guard(all.lock);
  return std::string(prefix) + "-" + std::to_string(++all.named);
}

}  // namespace muster::detail
