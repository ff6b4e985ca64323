// The pool's end of a worker that has run wild: it writes what it likes into the channel, whenever it likes, and sends
// what it likes through the connection. The pool's end may be told lies about the worker's own items; it gives no more
// outcomes than there are items, no bytes outside of what the worker may write, and goes on in any case.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "engine/process/channel.hpp"
#include "engine/process/link.hpp"
#include "os/process.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace muster::fuzz {
namespace {

using namespace engine::process;

constexpr std::size_t kArenaBytes = std::size_t{48} << 10U;

os::Descriptor copy_of(int descriptor) {
  os::Descriptor copy(fcntl(descriptor, F_DUPFD_CLOEXEC, 3));
  if (!copy) throw std::runtime_error("no descriptor is left");
  return copy;
}

os::Bell& any_bell() {
  static os::Bell bell;
  return bell;
}

class Play {
 public:
  explicit Play(Choices& in)
      : in_(in),
        link_(static_cast<std::uint32_t>(in.below(4) * 5), 0, kArenaBytes),
        given_(link_.descriptors(any_bell())),
        memory_(os::map_shared(copy_of(given_[0]), Channel::kBytes + kArenaBytes, true)),
        connection_(copy_of(given_[1])) {}

  void run() {
    for (int step = 0; step < 500 && !in_.over(); ++step) {
      if (in_.below(2) == 0) {
        worker();
      } else {
        pool();
      }
    }
    while (take()) {
    }
    take_last_words();
  }

 private:
  Channel& channel() noexcept { return *static_cast<Channel*>(memory_.data()); }

  // ---- the worker -----------------------------------------------------------------------------------------------

  void worker() {
    switch (in_.below(8)) {
      case 0:
        return write_word();
      case 1:
        return write_bytes();
      case 2:
        return publish();
      case 3:
        return claim();
      case 4:
        return begin();
      case 5:
        return progress();
      case 6:
        return send_memory();
      default:
        return send_anything();
    }
  }

  void write_word() {
    Channel& to = channel();
    const std::array<std::atomic<std::uint32_t>*, 3> small{&to.up.head, &to.down.head, &to.listener};
    const std::size_t which = in_.below(small.size() + 3);
    if (which < small.size()) return small[which]->store(in_.number<std::uint32_t>());
    if (which == small.size()) return to.note.store(in_.number<std::uint64_t>());
    if (which == small.size() + 1) return to.begun_at.store(in_.number<std::int64_t>());
    to.progress.store(in_.number<std::uint64_t>());
  }

  void write_bytes() {
    const std::size_t at = in_.number<std::uint32_t>() % (Channel::kBytes + kArenaBytes - 64);
    const auto from = in_.bytes(1 + in_.below(64));
    if (!from.empty()) std::memcpy(static_cast<std::byte*>(memory_.data()) + at, from.data(), from.size());
  }

  // A record as a worker writes it, but for what is wrong with it.
  void publish() {
    const std::uint32_t at = up_;
    const auto size = static_cast<std::uint32_t>(queue::kRecordUnit / 4 * (4 + in_.below(256)));
    const auto straight = channel().up_ring().straight(at);
    const queue::RecordHead record{size <= straight ? size : straight, static_cast<std::uint32_t>(in_.below(5))};
    const UpHead head{.count = static_cast<std::uint32_t>(in_.below(4)),
                      .where = static_cast<std::uint32_t>(in_.below(5)),
                      .size = any_size(),
                      .at = any_size(),
                      .nanos = in_.number<std::uint64_t>()};
    if (record.size >= sizeof record + sizeof head) {
      std::memcpy(channel().up_ring().at(at) + sizeof record, &head, sizeof head);
    }
    up_ = (at + record.size) / queue::kRecordUnit * queue::kRecordUnit;
    channel().up_ring().spot(up_).clear();
    channel().up_ring().spot(at).publish(record);
  }

  // Around what is there, and now and then far beyond it.
  std::uint64_t any_size() { return in_.below(16) == 0 ? in_.number<std::uint64_t>() : in_.number<std::uint16_t>(); }

  void claim() {
    if (Entry* const entry = any_entry()) entry->claim->store(static_cast<std::uint32_t>(in_.below(4)));
  }
  void begin() {
    const Entry* const entry = any_entry();
    if (entry == nullptr) return;
    if (in_.below(4) == 0) channel().begun_at.store(in_.number<std::int64_t>());
    const std::uint64_t flags = std::uint64_t{in_.below(8) / 2} << 62U;
    channel().note.store(Note::of(entry->sequence, entry->done + in_.below(2)) | flags);
  }
  void progress() {
    const auto run = static_cast<std::uint16_t>(taken_ + in_.below(2));
    channel().progress.store(Progress::of(run, in_.below(5), in_.number<std::uint32_t>() & Progress::kMost));
  }

  void send_memory() {
    const std::size_t size = in_.number<std::uint16_t>();
    os::Descriptor file(memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!file || ftruncate(file.number(), static_cast<off_t>(size)) != 0) return;
    const std::size_t there = in_.below(2) == 0 ? size : in_.number<std::uint16_t>();
    if (there > 0 && fallocate(file.number(), 0, 0, static_cast<off_t>(std::min(there, size))) != 0) return;
    if (in_.below(4) == 0) fallocate(file.number(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096);
    if (in_.below(4) > 0) fcntl(file.number(), F_ADD_SEALS, F_SEAL_SHRINK);
    const int number = file.number();
    static_cast<void>(os::offer_message(connection_, std::as_bytes(std::span(&size, 1)), {&number, 1}));
  }
  void send_anything() {
    if (in_.below(32) == 0) return connection_.reset();
    if (!connection_) return;
    const auto bytes = in_.bytes(1 + in_.below(16));
    const std::array<int, 3> numbers{given_[0], connection_.number(), given_[1]};
    if (bytes.empty()) return;
    static_cast<void>(os::offer_message(connection_, bytes, std::span(numbers).first(in_.below(4))));
  }

  // ---- the pool -------------------------------------------------------------------------------------------------

  void pool() {
    switch (in_.below(8)) {
      case 0:
      case 1:
        return send();
      case 2:
      case 3:
        take();
        return;
      case 4:
        return link_.release();
      case 5:
        return revoke();
      case 6:
        return judge();
      default:
        return look();
    }
  }

  // Between the question whether there is room and the answer's use the worker may change its mind.
  void send() {
    if (link_.spent() || link_.unsound() || link_.entries().size() >= 64 || !link_.has_room()) return;
    if (in_.below(4) == 0) channel().down.head.store(in_.number<std::uint32_t>());
    const bool large = in_.below(3) == 0;  // nobody reads them: more than some hundreds do not fit on the way
    const std::vector<std::byte> bytes(large ? in_.number<std::uint16_t>() : in_.below(100));
    Entry entry;
    entry.job = &job_;
    entry.range = {0, 1 + in_.below(5), 0};
    entry.in_place = entry.range.end % 2 == 0;
    entry.prompt = !entry.in_place;
    entry.limit = in_.below(2) == 0 ? 0 : 1 + std::int64_t{in_.number<std::uint32_t>()};
    const std::size_t load = link_.load();
    const bool sent = link_.send(std::move(entry), 0, bytes);
    require(link_.load() == load + (sent ? 1 : 0), "an entry that was not sent is counted");
    if (link_.unsound() || !link_.has_room()) return;
    if (in_.below(4) == 0) static_cast<void>(link_.send_common(1 + in_.below(3), 0, bytes));
    link_.flush();
  }

  bool take() {
    const auto arrival = link_.next();
    if (!arrival) return false;
    ++taken_;
    require(!link_.unsound(), "a link that is not sound gave an arrival");
    settle(*arrival);
    return true;
  }

  // As the engine does when the worker is gone.
  void take_last_words() {
    if (const auto last = link_.unpublished()) settle(*last);
    while (Entry* const entry = link_.front()) {
      static_cast<void>(link_.has_begun(*entry));
      static_cast<void>(link_.was_condemned(*entry));
      link_.pop_front();
    }
    require(link_.load() == 0, "entries are left of which nobody knows");
    require(link_.large() == 0, "bytes are left of which nobody knows");
  }

  void settle(const Arrival& arrival) {
    Entry* const entry = link_.front();
    require(entry != nullptr, "there is an outcome of no entry");
    require(arrival.count > 0 && arrival.count <= entry->left(), "there are more outcomes than items");
    const bool failed = arrival.kind == Up::kException || arrival.kind == Up::kOverMemory;
    const bool landed = arrival.kind == Up::kLanded;
    const bool handed_back = arrival.kind == Up::kHandedBack;
    require(arrival.kind == Up::kValues || failed || landed || handed_back, "an outcome is of no kind");
    require(!handed_back || (entry->prompt && entry->done > 0), "what is handed back can be so for ever");
    require(!failed || arrival.count == 1, "several items have one failure");
    require(!landed || (entry->in_place && arrival.bytes.empty()), "values are where there is no place for them");
    require(!failed || arrival.kind == Up::kException || arrival.bytes.empty(), "no memory has bytes");
    touch(arrival.bytes);
    entry->done += arrival.count;
    if (entry->left() == 0) link_.pop_front();
  }

  void revoke() {
    Entry* const entry = any_entry();
    if (entry == nullptr || entry->revoked) return;
    const std::size_t before = link_.load();
    const bool taken_back = link_.revoke(*entry);
    require(link_.load() + (taken_back ? 1 : 0) == before, "an entry that was taken back is counted");
  }

  void judge() {
    const os::Nanos now = os::now() + (in_.below(2) == 0 ? 0 : in_.number<std::uint32_t>());
    if (link_.judge(now) == Link::Judgement::kCondemned) {
      require(link_.front() != nullptr && link_.front()->limit > 0, "an item without a limit is condemned");
    }
  }

  void look() {
    if (const Entry* const entry = link_.front()) {
      static_cast<void>(link_.has_begun(*entry));
      static_cast<void>(link_.was_condemned(*entry));
    }
    hurry();
    static_cast<void>(link_.silent());
    link_.listen(in_.below(2) == 0 ? kNobody : kSupervisor);
    link_.await_answer(link_.attend(this, false));
    link_.leave(this);
  }

  // As the engine cuts an entry short.
  void hurry() {
    if (link_.hurry_at == os::kForever || link_.lingering(link_.hurry_at) == nullptr) return;
    const std::uint32_t sequence = link_.front()->sequence;
    while (take()) {
    }
    Entry* const entry = link_.front();
    if (entry == nullptr || entry->sequence != sequence || link_.unsound()) return;
    const std::size_t taken = link_.cut_short(*entry);
    require(taken >= entry->done && taken <= entry->range.size(), "an entry is cut where it has no items");
    entry->range.end = entry->range.begin + taken;
    if (const auto done = link_.unpublished()) return settle(*done);
    if (entry->left() == 0) link_.pop_front();
  }

  Entry* any_entry() {
    auto& entries = link_.entries();
    return entries.empty() ? nullptr : &entries[in_.below(entries.size())];
  }

  Choices& in_;
  Job job_;  // only its address matters
  Link link_;
  const std::vector<int> given_;
  const os::Mapping memory_;
  os::Descriptor connection_;
  std::uint32_t up_ = 0;   // where an honest worker would write next
  std::size_t taken_ = 0;  // records, as the pool counts them
};

}  // namespace

void play(std::span<const std::byte> input) {
  Choices in(input);
  Play(in).run();
}

}  // namespace muster::fuzz
