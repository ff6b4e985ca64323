#include "api/waits.hpp"

#include <memory>

#include "api/holders.hpp"
#include "os/os.hpp"
#include "os/process.hpp"

namespace muster::detail {

constinit WaitRecords g_waits;

namespace {

constinit thread_local WaitRecord t_waits;
constinit bool g_is_copy = false;  // of another process: its main thread may be any of that one's

void link(WaitRecord& record) noexcept {
  record.previous = nullptr;
  record.next = g_waits.first;
  if (g_waits.first != nullptr) g_waits.first->previous = &record;
  g_waits.first = &record;
}

void unlink(const WaitRecord& record) noexcept {
  (record.previous != nullptr ? record.previous->next : g_waits.first) = record.next;
  if (record.next != nullptr) record.next->previous = record.previous;
}

// Takes the record out of the list while its storage is still there. The main thread's storage stays, and that thread
// still waits for others when its thread-local objects are gone.
struct Leaving {
  bool armed = false;

  ~Leaving() {
    if (t_waits.stays) return;
    const LockGuard guard(g_waits.lock);
    unlink(t_waits);
    if constexpr (kDeadlockChecked) abandon_held(t_waits);
    t_waits.is_listed = false;
    t_waits.is_gone = true;
  }
};
thread_local Leaving t_leaving;

void enlist() noexcept {
  t_leaving.armed = true;  // makes it, so that it is destroyed
  t_waits.is_listed = true;
  t_waits.stays = os::native_thread_id() == os::process_id() && !g_is_copy;
  const LockGuard guard(g_waits.lock);
  t_waits.native_id = os::native_thread_id();
  link(t_waits);
}

}  // namespace

// ---- a record -------------------------------------------------------------------------------------------------------

// Who reads something of the new wait sees by the turn that it has begun.
void WaitRecord::tell(Wait wait) noexcept {
  const std::uint32_t before = turn.load(std::memory_order_relaxed);
  turn.store(before + 1, std::memory_order_relaxed);
  what.store(wait.what, std::memory_order_release);
  which.store(wait.which, std::memory_order_release);
  turn.store(before + 2, std::memory_order_release);
}

// Who is met in the middle of telling, again and again, neither waits yet nor any more.
Wait WaitRecord::told() const noexcept {
  constexpr int kTries = 100;
  for (int tries = 0; tries < kTries; ++tries) {
    const std::uint32_t before = turn.load(std::memory_order_acquire);
    const Wait wait{what.load(std::memory_order_acquire), which.load(std::memory_order_acquire)};
    if (before % 2 == 0 && turn.load(std::memory_order_relaxed) == before) return wait;
    os::yield();
  }
  return {};
}

WaitRecord& own_waits() noexcept {
  if (!t_waits.is_listed && !t_waits.is_gone) enlist();
  return t_waits;
}

void know_waits_of(const ThreadState* state) noexcept {
  WaitRecord& own = own_waits();
  const LockGuard guard(g_waits.lock);
  own.state = state;
  own.native_id = os::native_thread_id();
}

void keep_own_waits() noexcept {
  std::construct_at(&g_waits.lock);
  g_is_copy = true;
  g_waits.first = nullptr;
  if (t_waits.is_listed) link(t_waits);
  if constexpr (kDeadlockChecked) keep_own_held(t_waits);
}

// ---- a wait ---------------------------------------------------------------------------------------------------------

Waiting::Waiting(WaitsFor what, const void* which, Nanos deadline) noexcept(!kDeadlockChecked) {
  WaitRecord& own = own_waits();
  if constexpr (kDeadlockChecked) is_checked_ = deadline == kForever && check_wait(own, {what, which});
  is_told_ = own.what.load(std::memory_order_relaxed) == WaitsFor::kNothing;
  if (is_told_) own.tell({what, which});
}

Waiting::~Waiting() {
  if (is_told_) t_waits.tell({});
  if constexpr (kDeadlockChecked) {
    if (is_checked_) end_need(t_waits);
  }
}

// ---- all of them ----------------------------------------------------------------------------------------------------

Someone someone(const WaitRecord& record) noexcept { return {record.state, record.native_id}; }

std::vector<Told> all_waits() {
  std::vector<Told> all;
  const LockGuard guard(g_waits.lock);
  for (const WaitRecord* record = g_waits.first; record != nullptr; record = record->next) {
    all.push_back({someone(*record), record->told(), record->needs, {}});
    if constexpr (kDeadlockChecked) all.back().holders = holders_of(record->needs);
  }
  return all;
}

}  // namespace muster::detail
