#include "engine/process/worker.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>

#include "engine/process/call.hpp"
#include "engine/process/channel.hpp"
#include "engine/process/inside.hpp"
#include "engine/process/whereabouts.hpp"
#include "os/process.hpp"
#include "parts/memory/shelf.hpp"
#include "parts/sync/spin.hpp"
#include "parts/sync/spin_budget.hpp"
#include "parts/wire/code.hpp"

namespace muster::engine::process {
namespace {

// The pool sent what makes no sense, or is gone: there is nobody to tell.
constexpr int kNoSense = 70;

// Of this process: memory by the numbers that the pool gives.
std::unordered_map<std::uint64_t, std::shared_ptr<memory::Segment>> g_known;

class Worker {
 public:
  Worker(os::Mapping& memory, os::Descriptor connection, os::Descriptor bell)
      : channel_(*static_cast<Channel*>(memory.data())),
        connection_(std::move(connection)),
        down_(channel_.down_ring()),
        call_(memory, connection_, os::Bell(std::move(bell))) {}

  // Until the pool says that it is enough, or this worker has run as many entries as it may.
  void run() {
    for (std::uint64_t left = channel_.entries; left > 0;) {
      const auto record = next();
      if (!record) return;
      unanswered_ = true;
      switch (static_cast<Down>(record->kind)) {
        case Down::kCode:
          learn(record->bytes);
          break;
        case Down::kMemory:
          take_memory(record->bytes);
          break;
        case Down::kForget:
          g_known.erase(head_of<ForgetHead>(record->bytes).number);
          break;
        case Down::kCommon:
          take_common(record->bytes);
          break;
        case Down::kEntry:
          left -= run_entry(record->bytes) ? 1U : 0U;
          break;
        default:
          os::end_process(kNoSense);
      }
      down_.release();
    }
  }

 private:
  // Nothing: it is to leave. The pool sends no more to whom it has told so, unless it takes that back in time.
  std::optional<queue::RingConsumer::Record> next() {
    for (;;) {
      if (const auto record = down_.next()) return record;
      if (!down_.sound()) os::end_process(kNoSense);
      std::uint32_t asked = channel_.stay.load(std::memory_order_acquire);
      if (asked == kIsToLeave && !down_.empty()) continue;  // what was given before we were told
      if (asked == kIsToLeave && channel_.stay.compare_exchange_strong(asked, kLeaves, std::memory_order_acq_rel)) {
        return std::nullopt;
      }
      // The pool may wait for the room of records to which there is no answer.
      if (std::exchange(unanswered_, false)) call_.tell();
      wait_for_news();
    }
  }

  void wait_for_news() {
    const auto some = [this] { return !down_.empty() || channel_.stay.load(std::memory_order_seq_cst) == kIsToLeave; };
    const bool spins = !whereabouts_.shares_cpu();
    if (spins && sync::spin_until(some, spin_.nanos())) return;
    const os::Nanos from = os::now() - (spins ? spin_.nanos() : 0);
    channel_.work.sleep_until(some);
    const os::Nanos called = channel_.work.called_at();
    if (called > from) spin_.learn(called - from, os::now() - called);
  }

  template <class Head>
  static Head head_of(std::span<const std::byte> bytes) {
    Head head;
    std::memcpy(&head, bytes.data(), sizeof head);
    return head;
  }

  static void learn(std::span<const std::byte> bytes) {
    const auto head = head_of<CodeHead>(bytes);
    if (!wire::learn_code(head.id, head.place)) os::end_process(kNoSense);
  }

  void take_common(std::span<const std::byte> bytes) {
    const auto head = head_of<CommonHead>(bytes);
    os::Mapping memory;
    try {
      const auto input = find(head.place, bytes.subspan(sizeof head), memory);
      call_.set_common(input, head.landing != 0 ? known(head.landing) : nullptr);
    } catch (...) {
      call_.set_common({}, nullptr, std::current_exception());
    }
  }

  // Where it cannot be mapped, the entries that want it fail.
  void take_memory(std::span<const std::byte> bytes) {
    const auto head = head_of<MemoryHead>(bytes);
    try {
      os::Mapping memory = receive_memory(head.size, head.use != memory::Use::kInputs);
      // What is shared may be given on to workers of a pool of our own.
      g_known[head.number] = head.use == memory::Use::kShared
                                 ? memory::Segment::shared(std::move(memory))
                                 : std::make_shared<memory::Segment>(std::move(memory), head.use, head.number);
    } catch (const std::exception&) {
      g_known.erase(head.number);
    }
  }

  static std::shared_ptr<memory::Segment> known(std::uint64_t number) {
    const auto at = g_known.find(number);
    if (at == g_known.end()) throw std::bad_alloc();
    return at->second;
  }

  // False when the pool had taken the entry back. Memory of its own comes in the order of the records, so it is taken
  // in any case.
  bool run_entry(std::span<std::byte> bytes) {
    auto& head = *reinterpret_cast<EntryHead*>(bytes.data());
    bytes = bytes.subspan(sizeof head);
    const bool ours = claim(head);
    EntryMore more{.limit = 0, .place = {.size = head.size, .where = Place::kInline}};
    if ((head.flags & EntryHead::kMore) != 0) {
      more = head_of<EntryMore>(bytes);
      bytes = bytes.subspan(sizeof more);
    }
    os::Mapping memory;
    std::span<const std::byte> input;
    std::exception_ptr why;
    try {
      input = find(more.place, bytes, memory);
    } catch (...) {
      why = std::current_exception();
    }
    if (!ours) return false;
    call_.run(head, more.limit, input, std::move(why));
    whereabouts_.answered(call_.ended_at());
    unanswered_ = false;
    return true;
  }

  static bool claim(EntryHead& head) noexcept {
    std::uint32_t found = head.claim.load(std::memory_order_relaxed);
    if (found == kGiven) return true;
    return found == kFree && head.claim.compare_exchange_strong(found, kClaimed, std::memory_order_acq_rel);
  }

  // The bytes of a record: behind its head, or in memory of their own.
  std::span<const std::byte> find(const Place& place, std::span<const std::byte> behind, os::Mapping& memory) {
    if (place.where == Place::kInline) return behind.first(std::min<std::size_t>(behind.size(), place.size));
    if (place.where > Place::kKnown)
      return {static_cast<std::byte*>(known(place.where - Place::kKnown)->data), place.size};
    memory = receive_memory(place.size, false);
    return {static_cast<const std::byte*>(memory.data()), place.size};
  }

  os::Mapping receive_memory(std::size_t size, bool writable) {
    for (;;) {
      os::Message message = os::receive_message(connection_);
      if (message.state == os::Message::State::kClosed) os::end_process(kNoSense);
      if (message.state == os::Message::State::kMessage && message.descriptors.size() == 1) {
        return os::map_shared(std::move(message.descriptors.front()), size, writable);
      }
      const int descriptor = connection_.number();
      bool ready = false;
      os::wait_readable({&descriptor, 1}, {&ready, 1}, os::kForever);
    }
  }

  Channel& channel_;
  const os::Descriptor connection_;
  queue::RingConsumer down_;
  Call call_;
  Whereabouts whereabouts_{channel_};
  sync::SpinBudget spin_;
  bool unanswered_ = false;  // the last records
};

// Of this process.
std::size_t g_place = 0;
os::Mapping* g_memory = nullptr;  // goes with the process: whatever ends it may still look into it
Channel* g_channel = nullptr;

}  // namespace

std::size_t worker_here() noexcept { return g_place; }

std::uint64_t item_here() noexcept {
  const std::uint64_t note = g_channel->note.load(std::memory_order_relaxed);
  return (note & Note::kNone) != 0 ? 0 : note + 1;
}

std::shared_ptr<detail::Landing> memory_here(std::uint64_t number) noexcept {
  const auto at = g_known.find(number);
  return at != g_known.end() && at->second->use() == memory::Use::kShared ? at->second : nullptr;
}

int work(start::Birth birth) {
  wire::forget_codes();
  g_known.clear();
  g_place = birth.place;
  auto& given = birth.descriptors;
  g_memory = new os::Mapping(os::map_shared(std::move(given.at(0)), Channel::kBytes, true));
  g_channel = static_cast<Channel*>(g_memory->data());
  sync::limit_spinners(g_channel->spinners);
  Worker(*g_memory, std::move(given.at(1)), std::move(given.at(2))).run();
  return 0;
}

}  // namespace muster::engine::process
