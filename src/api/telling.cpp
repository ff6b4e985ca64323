#include "api/telling.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>

#include "api/thread_state.hpp"

namespace muster::detail {
namespace {

std::string address(const void* at) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%p", at);
  return text.data();
}

const char* type_of(WaitsFor what) noexcept {
  switch (what) {
    case WaitsFor::kLock:
      return "Lock";
    case WaitsFor::kRLock:
      return "RLock";
    case WaitsFor::kRead:
    case WaitsFor::kWrite:
      return "RWLock";
    case WaitsFor::kSemaphore:
      return "Semaphore";
    case WaitsFor::kEvent:
      return "Event";
    case WaitsFor::kCondition:
      return "Condition";
    case WaitsFor::kBarrier:
      return "Barrier";
    case WaitsFor::kResult:
      return "result";
    case WaitsFor::kThread:
      return "the end of";
    case WaitsFor::kNothing:
      break;
  }
  return "nothing";
}

const char* purpose_of(WaitsFor what) noexcept {
  if (what == WaitsFor::kRead) return " to read";
  return what == WaitsFor::kWrite ? " to write" : "";
}

}  // namespace

Telling::Telling() {
  Threads& all = threads();
  const LockGuard guard(all.lock);
  known_.reserve(all.listed.size());
  for (const auto& state : all.listed) known_.push_back({state, state->name, state->native_id.load(), state->daemon});
}

const Telling::Known* Telling::find(const void* state) const noexcept {
  const auto found = std::ranges::find_if(known_, [state](const Known& known) { return known.state.get() == state; });
  return found == known_.end() ? nullptr : &*found;
}

std::string Telling::name(const Someone& thread) const {
  if (const Known* const known = find(thread.state); known != nullptr) return "'" + known->name + "'";
  return thread.native_id != 0 ? "thread " + std::to_string(thread.native_id) : "a thread that has ended";
}

std::string Telling::object(Wait wait) const {
  std::string text = std::string(type_of(wait.what)) + " ";
  if (wait.what == WaitsFor::kThread) return text + name({static_cast<const ThreadState*>(wait.which), 0});
  return text + address(wait.which) + purpose_of(wait.what);
}

// What a wait is told as, and what it needs, are mostly one. But who waits for a Condition needs the lock again.
std::string Telling::wait(const Told& told) const {
  if (told.waits.what == WaitsFor::kNothing) return object(told.needs);
  std::string text = object(told.waits);
  if (told.needs.what != WaitsFor::kNothing && told.needs != told.waits) text += ", then for " + object(told.needs);
  return text;
}

std::string Telling::holders(const Told& told) const {
  std::string text;
  for (const Someone& holder : told.holders) text += (text.empty() ? ", held by " : ", ") + name(holder);
  return text;
}

std::string Telling::circle(const std::vector<Told>& told) const {
  std::string text = "deadlock: ";
  for (std::size_t at = 0; at < told.size(); ++at) {
    const Told& next = told[(at + 1) % told.size()];
    text += (at > 0 ? "; " : "") + name(told[at].thread) + " waits for " + wait(told[at]);
    if (told[at].needs.what == WaitsFor::kThread) continue;
    // Held up by one that waits for the same lock: it goes first.
    const bool is_behind =
        told[at].needs.what == WaitsFor::kRead && next.needs == Wait{WaitsFor::kWrite, told[at].needs.which};
    text += (is_behind ? ", behind " : ", held by ") + name(next.thread);
  }
  return text;
}

std::string Telling::all(const std::vector<Told>& told) const {
  std::string text;
  const auto add = [&](const std::string& who, const Told* what) {
    const bool waits = what != nullptr && what->waits.what != WaitsFor::kNothing;
    text += who + (waits ? "waits for " + wait(*what) + holders(*what) : "runs") + "\n";
  };
  for (const Known& known : known_) {
    const auto found = std::ranges::find(told, known.state.get(), [](const Told& one) { return one.thread.state; });
    const std::string who =
        known.name + " (" + std::to_string(known.native_id) + (known.daemon ? ", daemon): " : "): ");
    add(who, found == told.end() ? nullptr : &*found);
  }
  for (const Told& one : told) {
    const bool is_stranger = one.thread.state == nullptr && one.waits.what != WaitsFor::kNothing;
    if (is_stranger) add("thread " + std::to_string(one.thread.native_id) + ": ", &one);
  }
  return text;
}

}  // namespace muster::detail
