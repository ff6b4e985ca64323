#pragma once
// The window of an imap: chunks that were submitted and not yet read. What does not depend on the items' types.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <utility>

#include <muster/detail/async_core.hpp>
#include <muster/detail/event_count.hpp>
#include <muster/detail/lock_word.hpp>
#include <muster/detail/pool_core.hpp>

namespace muster::detail {

// Tells a reader that takes chunks in the order of their completion that one has come. Outlives the reader.
class MUSTER_EXPORT Arrivals : public EventCount<Scope::kPrivate> {
 public:
  // No other stream of the program has this number.
  std::uint64_t number() const noexcept { return number_; }

  Pace pace{0};                         // of the stream's items
  std::atomic<std::uint64_t> bytes{0};  // of an input as it travels, lately

 private:
  static std::uint64_t next_number() noexcept;

  const std::uint64_t number_ = next_number();
};

// How many items are in a chunk where the call does not say it.
enum class ChunkSize : std::uint8_t {
  kGiven,  // one
  kGrown,  // one at first, then as many as take long enough for what a chunk costs
};

class MUSTER_EXPORT ImapWindow : public Feed {
 public:
  // Throws ValueError for negative options.
  ImapWindow(PoolCore& core, const CallOptions& options, bool ordered, bool sized, ChunkSize size);
  ~ImapWindow() override;

  // Submits the first chunks. Throws as a submission does, and what reading the input throws.
  void start();
  // The reader has enough: drops what has not begun and waits for the rest.
  void stop() noexcept;
  void conclude() noexcept override;

 protected:
  // Waits for what is to be handed out next, and has it unpacked; false at the end. See Imap::next for what it throws.
  bool await_outcomes(Nanos deadline);

  // Takes the outcomes of a settled chunk, which has left the window.
  virtual void unpack(AsyncCore& chunk) = 0;
  // Takes those that are there of one that is in the window still; false: none that is next. Under the lock.
  virtual bool unpack_early(AsyncCore& chunk) = 0;

  // Reads up to chunk() inputs into a task, and says how many; null at the end of the input. Called under the lock, by
  // one thread at a time. What reading throws goes on; but inputs that were read before it must come as a chunk first.
  virtual AsyncCore* read_chunk(std::size_t& items) = 0;

  PoolCore& core() const noexcept { return *core_; }
  std::size_t chunk() const noexcept { return chunk_; }
  bool grows() const noexcept { return grows_; }
  bool ordered() const noexcept { return ordered_; }
  std::size_t workers() const noexcept { return workers_; }
  const CallOptions& options() const noexcept { return options_; }
  const std::shared_ptr<Arrivals>& arrivals() const noexcept { return arrivals_; }

 private:
  struct InFlight {
    TaskRef<AsyncCore> chunk;
    std::size_t items;
  };

  std::size_t window() const noexcept;
  void fill(std::size_t most);
  bool submit_one();
  void grow() noexcept;
  bool take_next(TaskRef<AsyncCore>& settled);
  bool wait(Task& oldest, std::uint32_t seen, Nanos deadline);
  void end_of_input();

  PoolCore* core_;
  const std::weak_ptr<PoolCore> home_;  // the same: the reader may read on when the pool is gone
  const CallOptions options_;
  const bool ordered_;
  const bool sized_;
  const std::size_t workers_;
  const bool grows_;
  const std::shared_ptr<Arrivals> arrivals_;

  PrivateLock lock_;  // guards the input and what follows
  std::size_t chunk_;
  std::uint64_t heard_ = 0;  // of an item's cost, last, in picoseconds; 0: nothing
  std::uint64_t pace_ = 0;   // what is believed of it
  std::deque<InFlight> in_flight_;
  std::size_t items_ = 0;   // in flight
  bool follow_up_ = true;   // what is submitted belongs to a call that was accepted
  bool exhausted_ = false;  // the input has ended, or failed
  bool cut_off_ = false;    // the pool ended before the input did
  std::exception_ptr input_failure_;
};

}  // namespace muster::detail
