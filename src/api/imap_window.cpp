#include <muster/detail/imap_window.hpp>

#include <algorithm>
#include <atomic>

#include <muster/error.hpp>

#include "api/interrupt.hpp"
#include "engine/thread/inside.hpp"

namespace muster::detail {
namespace {

// Enough for workers that finish out of step; each chunk in flight costs its items' memory.
constexpr std::size_t kChunksAWorker = 32;

std::size_t chunk_items(const CallOptions& options) {
  const auto chunk = static_cast<std::size_t>(std::max(1, checked_count(options.chunksize, "chunksize")));
  const auto window = static_cast<std::size_t>(checked_count(options.window, "window"));
  return window == 0 ? chunk : std::min(chunk, window);
}

std::size_t window_chunks(const CallOptions& options, std::size_t chunk, int workers) {
  if (options.window == 0) return kChunksAWorker * static_cast<std::size_t>(workers + 1);
  return static_cast<std::size_t>(options.window) / chunk;
}

}  // namespace

std::uint64_t Arrivals::next_number() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

ImapWindow::ImapWindow(PoolCore& core, const CallOptions& options, bool ordered, bool sized)
    : core_(&core),
      home_(core.weak_from_this()),
      options_(options),
      ordered_(ordered),
      sized_(sized),
      chunk_(chunk_items(options)),
      window_(window_chunks(options, chunk_, core.processes())),
      arrivals_(std::make_shared<Arrivals>()) {}

ImapWindow::~ImapWindow() = default;

void ImapWindow::start() {
  core_->require_open();
  const LockGuard guard(lock_);
  // The first chunk is the call itself, and refused by a closed pool; the others are part of it.
  follow_up_ = false;
  if (!submit_one()) return;
  follow_up_ = true;
  fill(window_);
}

// Under the lock. False when nothing more will come.
bool ImapWindow::submit_one() {
  if (exhausted_ || cut_off_) return false;
  TaskRef<AsyncCore> chunk(read_chunk());
  if (!chunk) {
    exhausted_ = true;
    return false;
  }
  core_->submit(*chunk, options_, follow_up_);
  in_flight_.push_back(std::move(chunk));
  return true;
}

// Under the lock.
void ImapWindow::fill(std::size_t most) {
  try {
    while (in_flight_.size() < most && submit_one()) {
    }
  } catch (const PoolClosed&) {
    cut_off_ = true;
  } catch (...) {
    exhausted_ = true;
    input_failure_ = std::current_exception();
  }
}

AsyncCore* ImapWindow::next_chunk(Nanos deadline) {
  for (;;) {
    std::uint32_t seen = 0;
    AsyncCore* oldest = nullptr;
    {
      const LockGuard guard(lock_);
      // Several at a time: each hand-over may wake a worker.
      if (in_flight_.size() <= window_ - window_ / 2) fill(window_);
      if (in_flight_.empty()) {
        end_of_input();
        return nullptr;
      }
      seen = arrivals_->seen();
      if (AsyncCore* settled = pick()) return settled;
      oldest = in_flight_.front().get();  // stays: only the reader takes out of the window
    }
    // A task that reads in completion order cannot wait for any of several: it helps the oldest.
    const bool one = ordered_ || engine::thread::inside_any_task();
    if (one && deadline == kForever) {
      if (const std::shared_ptr<PoolCore> home = home_.lock()) home->await(*oldest);
    }
    const auto arrived = [&](Nanos until) { return arrivals_->wait(seen, until); };
    if (!(one ? wait_for(*oldest, deadline) : api::interruptibly(deadline, arrived))) {
      throw TimeoutError("next(): no result within the timeout");
    }
  }
}

// Under the lock: takes a settled chunk out of the window, if there is one that is next.
AsyncCore* ImapWindow::pick() noexcept {
  const auto end = ordered_ ? in_flight_.begin() + 1 : in_flight_.end();
  const auto found = std::find_if(in_flight_.begin(), end, [](const auto& chunk) { return chunk->done(); });
  if (found == end) return nullptr;
  AsyncCore* chunk = found->detach();
  in_flight_.erase(found);
  return chunk;
}

// Under the lock: what there is to be said at the end, once.
void ImapWindow::end_of_input() {
  if (input_failure_) std::rethrow_exception(std::exchange(input_failure_, nullptr));
  if (cut_off_ && !std::exchange(exhausted_, true)) {
    throw PoolClosed("the pool ended before the input of this imap did");
  }
}

void ImapWindow::stop() noexcept {
  const os::InterruptsHeld held;
  std::deque<TaskRef<AsyncCore>> left;
  {
    const LockGuard guard(lock_);
    exhausted_ = true;
    left.swap(in_flight_);
  }
  std::erase_if(left, [](const auto& chunk) { return !is_of_this_process(*chunk); });
  for (const auto& chunk : left) cancel(*chunk);
  for (const auto& chunk : left) wait_for(*chunk, kForever);
}

void ImapWindow::conclude() noexcept {
  const LockGuard guard(lock_);
  if (sized_) fill(SIZE_MAX);
  cut_off_ = true;
}

}  // namespace muster::detail
