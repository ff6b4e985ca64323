#pragma once
// The window of an imap: chunks that were submitted and not yet read. What does not depend on the items' types.

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

 private:
  static std::uint64_t next_number() noexcept;

  const std::uint64_t number_ = next_number();
};

class MUSTER_EXPORT ImapWindow : public Feed {
 public:
  // Throws ValueError for negative options.
  ImapWindow(PoolCore& core, const CallOptions& options, bool ordered, bool sized);
  ~ImapWindow() override;

  // Submits the first chunks. Throws as a submission does, and what reading the input throws.
  void start();
  // The reader has enough: drops what has not begun and waits for the rest.
  void stop() noexcept;
  void conclude() noexcept override;

 protected:
  // The next settled chunk, with the window's reference to it; null at the end. See Imap::next for what it throws.
  AsyncCore* next_chunk(Nanos deadline);

  // Reads up to chunk() inputs into a task; null at the end of the input. Called under the lock, by one thread at a
  // time. What reading throws goes on; but inputs that were read before it must come as a chunk first.
  virtual AsyncCore* read_chunk() = 0;

  PoolCore& core() const noexcept { return *core_; }
  std::size_t chunk() const noexcept { return chunk_; }
  const CallOptions& options() const noexcept { return options_; }
  const std::shared_ptr<Arrivals>& arrivals() const noexcept { return arrivals_; }

 private:
  void fill(std::size_t most);
  bool submit_one();
  AsyncCore* pick() noexcept;
  void end_of_input();

  PoolCore* core_;
  const std::weak_ptr<PoolCore> home_;  // the same: the reader may read on when the pool is gone
  const CallOptions options_;
  const bool ordered_;
  const bool sized_;
  const std::size_t chunk_;
  const std::size_t window_;  // in chunks
  const std::shared_ptr<Arrivals> arrivals_;

  PrivateLock lock_;  // guards the input and what follows
  std::deque<TaskRef<AsyncCore>> in_flight_;
  bool follow_up_ = true;   // what is submitted belongs to a call that was accepted
  bool exhausted_ = false;  // the input has ended, or failed
  bool cut_off_ = false;    // the pool ended before the input did
  std::exception_ptr input_failure_;
};

}  // namespace muster::detail
