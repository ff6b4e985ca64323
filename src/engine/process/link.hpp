#pragma once
// The pool's end of one worker: its process, its channel, and the entries that it has.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/process/attached.hpp"
#include "engine/process/channel.hpp"
#include "engine/process/job.hpp"
#include "os/process.hpp"
#include "parts/memory/block_allocator.hpp"
#include "parts/memory/shelf.hpp"
#include "parts/queue/ring.hpp"

namespace muster::engine::process {

// How long a worker that was told to end may take for it.
inline constexpr Nanos kFarewell = 1'000'000'000;

// Items that are in a worker's ring. `done`: so many of them have an outcome.
struct Entry {
  Job* job = nullptr;  // null: the worker's initializer
  Range range;
  std::size_t done = 0;
  std::uint32_t sequence = 0;
  std::atomic<std::uint32_t>* claim = nullptr;  // in the record
  std::uint32_t position = 0;                   // of that in the ring
  std::atomic<std::uint32_t>* taken = nullptr;  // of a prompt entry that may be cut short; see EntryHead
  Nanos limit = 0;                              // an item may take so long; 0: no limit
  bool stop_at_failure = false;
  bool prompt = false;                     // it is cut short where one of its items takes long
  bool in_place = false;                   // its values are left in the job's landing
  bool given = false;                      // the worker has it from the start: it cannot be taken back
  std::shared_ptr<memory::Segment> input;  // its bytes, where they are large
  std::size_t large = 0;                   // how many they are then
  Attached attached;
  bool revoked = false;

  std::size_t left() const noexcept { return range.size() - done; }
};

// One outcome of the front entry, or values of several items.
struct Arrival {
  Up kind;
  std::size_t count;
  std::span<const std::byte> bytes;
  std::uint64_t nanos;
};

// One generation of a worker: from its birth to its burial. Used by one thread at a time.
class Link {
 public:
  // Makes the channel. Throws std::bad_alloc, std::system_error. `entries`: how many it may run; 0: any number.
  // `spinners`: how many of its threads may spin. `arena`: bytes in which it may leave large values, taken as they are
  // needed. `load_of_all`: where its load is counted, too, or null.
  Link(std::uint32_t entries, int spinners, std::size_t arena, std::size_t* load_of_all = nullptr);

  // What the worker is born with; to be given to the template.
  std::vector<int> descriptors(const os::Bell& bell) const;
  void born(os::Process process);
  bool running() const noexcept { return process_.id != 0; }
  int pid() const noexcept { return process_.id; }
  void kill() noexcept { os::send_signal(process_, os::kKill); }

  // Tells the worker to end itself once it has nothing. It is given no more.
  void discharge() noexcept;
  // Takes that back, if it was told so. False: it ends already; look_at says when it should be gone.
  bool keep() noexcept;
  bool discharged() const noexcept { return discharged_; }

  // ---- down ----
  // Whether a record of inline size can be sent now.
  bool has_room() noexcept { return !congested() && !down_.reserve(kRecordMost, kRecordMost).empty(); }
  // Whether it can be given one more now.
  bool takes_entries() noexcept {
    return running() && ready && !discharged_ && quota_ > 0 && load() < credit && !unsound() && has_room();
  }
  // Whether it was given all entries that it may run; then it ends by itself.
  bool spent() const noexcept { return quota_ == 0; }
  // Sends what the entry needs to be known before; then the entry. Each but the first only if has_room(). Throws
  // std::bad_alloc where there is no memory for large bytes. False: there is no room for it now, or none for what comes
  // next; none of them waits. Where descriptors wait in the connection that the worker does not take, there is no room
  // until it takes something; try_again_at says when to look although nothing was heard.
  bool send_codes();
  bool send_memory(const memory::Segment& memory);
  // `landing`: the number of memory that was sent; 0: none.
  bool send_common(std::uint64_t name, std::uint64_t landing, std::span<const std::byte> bytes);
  // The name of what was sent last; 0: nothing yet.
  std::uint64_t common() const noexcept { return common_; }
  // Tells the worker of the memory that it knows and that is gone.
  void forget_gone(const memory::Shelf& shelf);
  // The bytes of entry.input, if it has one, were sent. False: the connection takes no more; see try_again_at().
  bool send(Entry&& next, std::uint32_t code, std::span<const std::byte> bytes);
  Nanos try_again_at() noexcept { return congested() ? try_again_at_ : os::kForever; }
  // Rings once for all that was sent.
  void flush() noexcept;
  // Whether the worker will not answer in a moment, so that it is better to sleep than to spin: it was asleep when it
  // was rung for last, or it waits for this very CPU.
  bool is_slow() noexcept { return !is_moving() && (woken_ || workers_cpu() == os::current_cpu()); }
  // Takes an entry back that the worker has not claimed. False: it has, or the entry was taken back before.
  bool revoke(Entry& entry) noexcept;

  // Of a claimed prompt entry that was at the front when next() found nothing: the worker takes up no further item of
  // it. How many it has taken up.
  std::size_t cut_short(Entry& entry) noexcept;
  // Whether a prompt entry is at the front; sets hurry_at.
  bool is_watched() noexcept;
  // A prompt entry that has been at the front for long, and that the worker has claimed; or null. Sets hurry_at.
  Entry* lingering(Nanos now) noexcept;

  // In the order in which the worker takes them, with those that were revoked. References stay valid.
  memory::Queue<Entry>& entries() noexcept { return entries_; }
  // The first that was not revoked; null if there is none.
  Entry* front() noexcept;
  void pop_front() noexcept;
  // How many were not revoked.
  std::size_t load() const noexcept { return load_; }
  // Bytes of large inputs that are with it, or on their way.
  std::size_t large() const noexcept { return large_; }

  std::size_t credit = 2;         // how many entries it may have at once
  bool ready = false;             // its initializer has run, or it has none
  Nanos look_at = os::kForever;   // when to look whether its item has taken too long
  Nanos hurry_at = os::kForever;  // when to look whether a prompt entry is lingering

  // ---- up ----
  // The next arrival for the front entry; nothing when there is none, or the worker wrote nonsense: then unsound().
  std::optional<Arrival> next();
  // Gives the room of all arrivals so far back; their bytes are gone.
  void release() noexcept;
  // The finished items of its open run that were not taken yet, once next() has found nothing. They are settled then,
  // and passed over when the run arrives.
  std::optional<Arrival> unpublished();
  bool unsound() const noexcept { return unsound_ || !up_.sound(); }
  bool silent() const noexcept { return unsound() || up_.empty(); }
  // Who is to be woken by what the worker publishes next. A caller that is replaced is woken.
  void listen(std::uint32_t who) noexcept;
  // A caller who waits for the worker's next answer, which is that of a task by whose address it is known, looks after
  // the link itself until it leaves. Says what he is to watch. One at a time.
  struct Watch {
    queue::RingSpot spot;    // where the answer will be
    std::uint32_t listener;  // if he is to sleep: the word that says that it is he; else kNobody
  };
  Watch attend(const void* task, bool sleep) noexcept;
  // What it has now is nobody's who waits for it alone.
  void unattend() noexcept { tell_cpu(-1); }
  void leave(const void* task) noexcept;
  bool attended() const noexcept { return attended_for_ != nullptr; }
  // For that caller, without the lock: until the worker has published something there, or something else happened.
  // Gives up after a moment if it is not to sleep. Where others took what was there, the spot may say anything; then
  // it is not he any more who listens.
  void await_answer(const Watch& watch) noexcept;
  // Of a worker that has ended: such a caller goes on, whatever the worker wrote where it sleeps.
  void dismiss() noexcept;

  // ---- what it is at ----
  // Whether the front entry's next item has begun.
  bool has_begun(const Entry& entry) noexcept;
  // The item that has a time limit: condemns it if its time is over. So is a worker that takes too long to end. Sets
  // look_at.
  enum class Judgement : std::uint8_t { kInTime, kCondemned };
  Judgement judge(Nanos now) noexcept;
  // Whether it runs an item of somebody's.
  bool is_busy() noexcept { return running() && ready && note() != Note::kNone; }
  // How long it has run entries; its initializer is none.
  Nanos worked(Nanos now) noexcept;
  void initialized() noexcept;
  bool was_condemned(const Entry& entry) noexcept;

 private:
  static constexpr std::size_t kRecordMost = sizeof(EntryHead) + sizeof(EntryMore) + kInlineBytes;

  // What was taken of a run before it was published.
  struct Early {
    std::uint64_t count = 0;
    std::uint64_t bytes = 0;
  };

  Channel& channel() noexcept { return *static_cast<Channel*>(memory_.data()); }
  queue::RingPages pages_of(std::size_t ring, bool (os::Mapping::*take)(std::size_t, std::size_t) noexcept);
  std::optional<Place> place(std::span<const std::byte> bytes, const memory::Segment* where);
  std::size_t put_entry(Entry& entry, std::uint32_t code, const Place& place, std::span<const std::byte> bytes);
  bool hand_over(std::span<const std::byte> bytes, int descriptor) noexcept;
  bool congested() noexcept;
  void drop_first() noexcept;
  void one_more() noexcept;
  void one_less() noexcept;
  bool knows(std::uint64_t number) const noexcept;
  void put(Down kind, std::span<const std::byte> head, std::span<const std::byte> bytes);
  std::optional<Arrival> read(const queue::RingConsumer::Record& record, const Early& early);
  std::optional<Arrival> rest(const UpHead& head, Up kind, std::span<const std::byte> bytes, const Early& early);
  enum class Fetched : std::uint8_t { kThere, kNoMemory, kNonsense };
  Fetched fetch(const UpHead& head, std::span<const std::byte> behind, std::span<const std::byte>& bytes);
  Fetched fetch_memory(std::size_t size, std::span<const std::byte>& bytes);
  Fetched fetch_arena(const UpHead& head, std::span<const std::byte>& bytes);
  bool is_claimed(const Entry& entry) const noexcept;
  std::optional<Arrival> landed(const Entry& entry) noexcept;
  std::int32_t workers_cpu() noexcept { return channel().workers_cpu.load(std::memory_order_relaxed); }
  void tell_cpu(int cpu) noexcept;
  bool is_moving() noexcept { return workers_cpu() == Channel::kMoving; }
  template <class Answered>
  void make_way(const Answered& answered) noexcept;
  Nanos ran(Nanos now) noexcept;
  std::uint64_t note() noexcept { return channel().note.load(std::memory_order_acquire); }

  os::Mapping memory_;
  const std::size_t arena_bytes_;
  os::Mapping arena_;  // the channel with what is behind it, once something has come that way
  os::Descriptor connection_;
  os::Descriptor workers_end_;
  os::Process process_;
  queue::RingProducer down_;
  queue::RingConsumer up_;
  memory::Queue<Entry> entries_;
  std::size_t load_ = 0;
  std::size_t* const load_of_all_;
  std::size_t large_ = 0;
  std::uint64_t quota_;
  std::uint32_t sequence_ = 0;
  std::uint32_t codes_ = 0;  // the worker knows the numbers below
  std::uint64_t common_ = 0;
  struct Shared {
    std::uint64_t number;
    std::weak_ptr<const memory::Segment> memory;
  };
  std::vector<std::uint64_t> memories_;  // that the worker knows: of the shelf,
  std::vector<Shared> shared_;           // and of others
  std::uint64_t gone_ = 0;               // of the shelf, as it was when they were last looked through
  std::uint16_t runs_ = 0;               // records taken, as Progress counts them
  Early early_;                          // of the open run
  std::uint32_t watched_ = kSequences;   // the prompt entry that was at the front at the last look
  bool unflushed_ = false;
  bool congested_ = false;          // the connection took no more,
  std::uint32_t congested_at_ = 0;  // when the worker had taken so much of the ring
  Nanos try_again_at_ = 0;
  Nanos patience_ = 0;  // how long it was before that
  bool woken_ = false;
  const void* attended_for_ = nullptr;
  int callers_cpu_ = -1;              // as the worker was told
  std::atomic<bool> in_time_{false};  // the last caller who spun was answered meanwhile; callers write it unlocked
  std::uint32_t listener_ = kNobody;  // as it was set last; the worker may have set it back
  std::uint32_t callers_ = 0;         // that sleep, or did
  bool unsound_ = false;
  bool discharged_ = false;
  bool leaves_ = false;
  const Nanos made_at_ = os::now();
  Nanos initializing_ = 0;  // how long that took
  os::Mapping arrived_;     // memory of the last arrival's own
};

}  // namespace muster::engine::process
