#pragma once
// In a worker: one entry after another being run, and what comes of its items on the way into the ring.

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <muster/detail/remote_call.hpp>

#include "engine/process/arena.hpp"
#include "engine/process/channel.hpp"
#include "os/process.hpp"
#include "parts/memory/shelf.hpp"
#include "parts/queue/ring.hpp"

namespace muster::engine::process {

// Values are written into the open run: room in the ring that is reserved and not yet published. There is one at any
// time, so that it need not be made while a caller waits. Each finished item moves `progress` on, so that it survives a
// death. A value that does not fit into what is left of the run is spilled: to ordinary memory first, to go into a
// fresh run, or, if it is large, to where the pool will read it (Arena).
class Call final : public detail::RemoteCall {
 public:
  // `memory`: the channel's.
  Call(os::Mapping& memory, const os::Descriptor& connection, os::Bell bell);

  // Runs the entry. What fails outside of its items is the failure of each that is left; `why`: it has failed already.
  void run(EntryHead& head, os::Nanos limit, std::span<const std::byte> input, std::exception_ptr why = nullptr);
  // When the last entry had its last outcome, by os::now().
  os::Nanos ended_at() const noexcept { return begun_at_ + static_cast<os::Nanos>(ran_); }
  // Wakes who sleeps until this worker has done something.
  void tell() noexcept;
  // What the following entries share, until it is called again. `landing`: where they leave values, or null.
  void set_common(std::span<const std::byte> bytes, std::shared_ptr<memory::Segment> landing,
                  std::exception_ptr why = nullptr);

 private:
  void start_timed() noexcept override;
  void finish_slowly() override;
  void fail(void (*write_failure)(detail::Writer&)) noexcept override;
  void more(std::size_t size) override;
  std::byte* land(std::size_t item_size) override;
  void landed(std::size_t items) noexcept override;

  void call(const EntryHead& head, std::exception_ptr why);
  void end_timed() noexcept;

  void open_run(std::size_t least = 0) noexcept;
  void close_run() noexcept;
  void hand_back() noexcept;
  std::span<std::byte> wait_for_room(std::size_t least, std::size_t most) noexcept;
  void publish(Up kind, const UpHead& head, std::byte* record) noexcept;
  void publish_item(Up kind, std::span<const std::byte> bytes);
  void publish_large(Up kind, std::size_t size);
  void leave_spill() noexcept;
  std::uint64_t nanos() const noexcept;

  Channel& channel_;
  const os::Descriptor& connection_;
  os::Bell bell_;
  queue::RingProducer up_;
  Arena arena_;

  std::vector<std::byte> common_copy_;
  std::shared_ptr<void> made_common_;
  std::exception_ptr common_failure_;
  std::shared_ptr<memory::Segment> landing_;

  bool given_ = false;       // a call whose caller waits: how long it took is not told, so the clock is read after
  os::Nanos limit_ = 0;      // that an item may take
  os::Nanos begun_at_ = 0;   // of the entry
  std::uint64_t ran_ = 0;    // since then, at the last record
  os::Nanos worked_ = 0;     // of the entries before
  std::size_t settled_ = 0;  // items of the entry that were published
  std::uint16_t runs_ = 0;   // records published, as Progress counts them
  std::byte* run_end_ = nullptr;
  std::byte* resume_ = nullptr;  // where in the run the next item begins, while one is spilled; else null
  std::unique_ptr<std::byte[]> spill_;
};

}  // namespace muster::engine::process
