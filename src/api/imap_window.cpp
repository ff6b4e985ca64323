#include <muster/detail/imap_window.hpp>

#include <algorithm>
#include <atomic>

#include <muster/detail/waits.hpp>
#include <muster/error.hpp>

#include "api/interrupt.hpp"
#include "engine/process/inside.hpp"
#include "engine/thread/inside.hpp"

namespace muster::detail {
namespace {

// Enough for workers that finish out of step; each item in flight costs its memory.
constexpr std::size_t kChunksAWorker = 32;
// The same of chunks that have grown: it is long until one is done.
constexpr std::size_t kGrownChunksAWorker = 4;
// What a chunk costs is little against what it takes then; and its first item does not wait long for its last.
constexpr std::uint64_t kChunkPicos = 50'000'000;
constexpr std::size_t kMostItems = 64;
// Its inputs go through a worker's ring.
constexpr std::uint64_t kChunkBytes = 8192;

std::size_t chunk_items(const CallOptions& options) {
  const auto chunk = static_cast<std::size_t>(std::max(1, checked_count(options.chunksize, "chunksize")));
  const auto window = static_cast<std::size_t>(checked_count(options.window, "window"));
  return window == 0 ? chunk : std::min(chunk, window);
}

}  // namespace

std::uint64_t Arrivals::next_number() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

ImapWindow::ImapWindow(PoolCore& core, const CallOptions& options, bool ordered, bool sized, ChunkSize size)
    : core_(&core),
      home_(core.weak_from_this()),
      options_(options),
      ordered_(ordered),
      sized_(sized),
      workers_(static_cast<std::size_t>(core.processes())),
      grows_(size == ChunkSize::kGrown && options.chunksize == 0 && !options.timeout.limited()),
      arrivals_(std::make_shared<Arrivals>()),
      chunk_(chunk_items(options)) {}

ImapWindow::~ImapWindow() = default;

void ImapWindow::start() {
  core_->require_open();
  const LockGuard guard(lock_);
  // The first chunk is the call itself, and refused by a closed pool; the others are part of it.
  follow_up_ = false;
  if (!submit_one()) return;
  follow_up_ = true;
  fill(window());
}

// In items.
std::size_t ImapWindow::window() const noexcept {
  if (options_.window != 0) return static_cast<std::size_t>(options_.window);
  const std::size_t chunks = grows_ ? std::max(kChunksAWorker, kGrownChunksAWorker * chunk_) : kChunksAWorker * chunk_;
  return chunks * (workers_ + 1);
}

// One that proves too large is cut short by the engine; so it need not change at once for a single slow item. Who reads
// in a task helps the chunk that he waits for, and hears of single items only when that is over.
void ImapWindow::grow() noexcept {
  // A chunk that took long was perhaps only kept from a CPU; one that was fast was not fast by chance.
  const std::uint64_t heard = arrivals_->pace.load(std::memory_order_relaxed);
  if (heard != heard_ && heard_ != 0 && heard > pace_) {
    pace_ += std::min(pace_, (heard - pace_) / 4 + 1);
  } else if (heard != heard_) {
    pace_ = heard;
  }
  heard_ = heard;
  const std::uint64_t bytes = arrivals_->bytes.load(std::memory_order_relaxed);
  std::size_t wanted = 1;
  if (pace_ > 0 && !engine::thread::inside_any_task() && !core_->is_inside()) {
    wanted = std::min<std::size_t>(kMostItems, kChunkPicos / pace_ + 1);
    if (bytes > 0) wanted = std::min<std::size_t>(wanted, kChunkBytes / bytes + 1);
    if (options_.window != 0) wanted = std::min(wanted, window() / (kGrownChunksAWorker * workers_) + 1);
  }
  chunk_ = std::clamp(wanted, chunk_ / 2 + chunk_ % 2, 2 * chunk_);
}

// Under the lock. False when nothing more will come.
bool ImapWindow::submit_one() {
  if (exhausted_ || cut_off_) return false;
  std::size_t items = 0;
  TaskRef<AsyncCore> chunk(read_chunk(items));
  if (!chunk) {
    exhausted_ = true;
    return false;
  }
  core_->submit(*chunk, options_, follow_up_);
  in_flight_.push_back({std::move(chunk), items});
  items_ += items;
  return true;
}

// Under the lock.
void ImapWindow::fill(std::size_t most) {
  try {
    while (!exhausted_ && !cut_off_) {
      if (grows_) grow();
      if (chunk_ > most - std::min(most, items_) || !submit_one()) return;
    }
  } catch (const PoolClosed&) {
    cut_off_ = true;
  } catch (...) {
    exhausted_ = true;
    input_failure_ = std::current_exception();
  }
}

bool ImapWindow::await_outcomes(Nanos deadline) {
  for (;;) {
    TaskRef<AsyncCore> settled;
    std::uint32_t seen = 0;
    AsyncCore* oldest = nullptr;
    {
      const LockGuard guard(lock_);
      // Several at a time: each hand-over may wake a worker.
      if (const std::size_t most = window(); items_ <= most - most / 2) fill(most);
      if (in_flight_.empty()) {
        end_of_input();
        return false;
      }
      seen = arrivals_->seen();
      if (take_next(settled)) {
        if (!settled) return true;
      } else {
        oldest = in_flight_.front().chunk.get();  // stays: only the reader takes out of the window
      }
    }
    if (settled) {
      unpack(*settled);
      return true;
    }
    if (!wait(*oldest, seen, deadline)) throw TimeoutError("next(): no result within the timeout");
  }
}

// Under the lock: has what is there of a chunk unpacked, or takes one that is settled out of the window. False: there
// is nothing that is next.
bool ImapWindow::take_next(TaskRef<AsyncCore>& settled) {
  const auto end = ordered_ ? in_flight_.begin() + 1 : in_flight_.end();
  for (auto at = in_flight_.begin(); at != end; ++at) {
    if (at->chunk->done()) {
      items_ -= at->items;
      settled = std::move(at->chunk);
      in_flight_.erase(at);
      return true;
    }
    if (grows_ && unpack_early(*at->chunk)) return true;
  }
  return false;
}

// Until something has arrived; false when the deadline passed first. A task that waits helps the oldest chunk: it
// cannot wait for any of several, or for a part of one.
bool ImapWindow::wait(Task& oldest, std::uint32_t seen, Nanos deadline) {
  const bool inside = engine::thread::inside_any_task();
  if ((ordered_ || inside) && deadline == kForever) {
    if (const std::shared_ptr<PoolCore> home = home_.lock()) home->attend(oldest);
  }
  const bool whole = inside || engine::process::inside_callback_of(oldest.home) || (ordered_ && !grows_);
  if (whole || !is_of_this_process(oldest)) return wait_for(oldest, deadline);
  const Waiting waiting(WaitsFor::kResult, &oldest, deadline);
  return api::interruptibly(deadline, [&](Nanos until) { return arrivals_->wait(seen, until); });
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
  std::deque<InFlight> left;
  {
    const LockGuard guard(lock_);
    exhausted_ = true;
    left.swap(in_flight_);
    items_ = 0;
  }
  std::erase_if(left, [](const InFlight& each) { return !is_of_this_process(*each.chunk); });
  for (const InFlight& each : left) cancel(*each.chunk);
  for (const InFlight& each : left) wait_for(*each.chunk, kForever);
}

void ImapWindow::conclude() noexcept {
  const LockGuard guard(lock_);
  if (sized_) fill(SIZE_MAX);
  cut_off_ = true;
}

}  // namespace muster::detail
