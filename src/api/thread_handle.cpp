#include <muster/thread_handle.hpp>

#include <algorithm>
#include <utility>

#include <muster/detail/halt.hpp>
#include <muster/detail/waits.hpp>
#include <muster/error.hpp>

#include "api/interrupt.hpp"
#include "api/thread_state.hpp"
#include "os/os.hpp"

namespace muster::threading {

using detail::LockGuard;
using detail::Threads;
using detail::ThreadState;

namespace {

bool join_watched(ThreadState& state, detail::Nanos deadline) {
  if (state.has(ThreadState::kEnded)) return detail::join(state, deadline);
  const detail::Waiting waiting(detail::WaitsFor::kThread, &state, deadline);
  return api::interruptibly(deadline, [&](detail::Nanos until) { return detail::join(state, until); });
}

}  // namespace

ThreadState& ThreadHandle::state() const {
  detail::halt_point();
  return *state_;
}

std::string ThreadHandle::name() const {
  const ThreadState& known = state();
  const LockGuard guard(detail::threads().lock);
  return known.name;
}

// A listed thread cannot end while we hold the lock, so its native id is nobody else's.
void ThreadHandle::set_name(std::string name) {
  ThreadState& known = state();
  const LockGuard guard(detail::threads().lock);
  known.name = std::move(name);
  if (known.listed && known.has(ThreadState::kBegun)) os::set_thread_name(known.native_id, known.name);
}

bool ThreadHandle::is_alive() const {
  const ThreadState& known = state();
  return known.has(ThreadState::kStarted) && !known.is_over();
}

void ThreadHandle::join() const { static_cast<void>(join(Duration())); }

bool ThreadHandle::join(Duration timeout) const {
  ThreadState& known = state();
  if (!known.has(ThreadState::kStarted)) throw ThreadError("a thread cannot be joined before it is started");
  if (&known == detail::known_state()) {
    if (known.has_run) return true;
    throw ThreadError("a thread cannot join itself");
  }
  const bool ended = join_watched(known, timeout.deadline());
  detail::halt_point();
  return ended;
}

std::uint64_t ThreadHandle::ident() const {
  state().await(ThreadState::kBegun | ThreadState::kEnded, detail::kForever);
  return state_->ident;
}

std::int64_t ThreadHandle::native_id() const {
  state().await(ThreadState::kBegun | ThreadState::kEnded, detail::kForever);
  return state_->native_id;
}

bool ThreadHandle::daemon() const {
  const ThreadState& known = state();
  const LockGuard guard(detail::threads().lock);
  return known.daemon;
}

void ThreadHandle::set_daemon(bool daemon) {
  ThreadState& known = state();
  const LockGuard guard(detail::threads().lock);
  if (known.has(ThreadState::kStarted)) throw ThreadError("a thread cannot become a daemon, or none, after its start");
  known.daemon = daemon;
}

std::stop_token ThreadHandle::stop_token() const { return state().stop.get_token(); }

bool ThreadHandle::request_stop() { return state().stop.request_stop(); }

ThreadHandle current_thread() {
  detail::halt_point();
  return ThreadHandle(detail::own_state());
}

ThreadHandle main_thread() {
  detail::halt_point();
  Threads& all = detail::threads();
  const LockGuard guard(all.lock);
  return ThreadHandle(all.main);
}

std::vector<ThreadHandle> enumerate() {
  detail::halt_point();
  Threads& all = detail::threads();
  const LockGuard guard(all.lock);
  std::vector<ThreadHandle> found;
  found.reserve(all.listed.size());
  for (const auto& state : all.listed) found.emplace_back(state);
  return found;
}

std::size_t active_count() {
  detail::halt_point();
  Threads& all = detail::threads();
  const LockGuard guard(all.lock);
  return all.listed.size();
}

std::uint64_t get_ident() noexcept {
  detail::halt_point();
  return os::thread_ident();
}

std::int64_t get_native_id() noexcept {
  detail::halt_point();
  return os::native_thread_id();
}

}  // namespace muster::threading
