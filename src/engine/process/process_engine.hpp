#pragma once
// The engine whose workers are processes: it cuts loops into entries, puts them into the workers' rings, settles what
// comes back, and replaces workers that die. One thread does all that, the supervisor; README.md has the whole story.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <vector>

#include <muster/detail/event_count.hpp>
#include <muster/detail/lock_word.hpp>

#include <muster/detail/heap_writer.hpp>
#include "engine/engine.hpp"
#include "engine/process/job.hpp"
#include "engine/process/link.hpp"
#include "engine/process/packed.hpp"
#include "os/os.hpp"
#include "os/process.hpp"
#include "parts/memory/shelf.hpp"
#include "parts/queue/ring.hpp"
#include "parts/start/template.hpp"

namespace muster::engine::process {

struct ProcessSettings {
  int workers = 1;
  int tasks_per_worker = 0;  // a worker is replaced after so many entries; 0: never
  start::Method method = start::Method::kFork;
  // What each worker runs first; its single item has no value. May be null.
  void (*initializer)(detail::RemoteCall&) = nullptr;
  std::vector<std::byte> initializer_input;
  // Makes the exception of a failed initializer from its bytes.
  std::exception_ptr (*read_exception)(std::span<const std::byte>) = nullptr;
  std::vector<int> pass_fds;  // descriptors that workers keep
  // Workers die by os::kTookTooMuchTime where an item takes too long.
  bool limits_cpu_time = false;
};

class ProcessEngine final : public Engine {
 public:
  // Starts the workers, and waits until each has run its initializer. Throws std::system_error when the system gives no
  // process or memory, what an initializer threw, and what start::Template throws.
  explicit ProcessEngine(ProcessSettings settings);
  ~ProcessEngine() override;

  Capabilities capabilities() const noexcept override { return {.shares_memory = false, .can_kill = true}; }
  int workers() const noexcept override { return size_.load(std::memory_order_relaxed); }
  bool submit(Task& task, const Terms& terms) override;
  bool run(Loop& loop, const Terms& terms) override;
  Wait wait(Task& task, Nanos deadline) override;
  void attend(Task& task) override;
  void lend(Task& task) override;
  bool withdraw(Task& task, bool begun_too) override;
  void close() override;
  void terminate() override;
  bool drain(Nanos deadline) override;
  void stop() override;
  void abandon(std::shared_ptr<void> self) override;
  bool resize(int workers) override;
  void pause() override;
  void resume() override;
  std::shared_ptr<detail::Landing> landing(std::size_t bytes) override;
  bool inside() const noexcept override;
  std::vector<const std::type_info*> running() const override;
  Load load() const override;
  std::exception_ptr failure() const override;
  // The workers that live now.
  std::vector<int> worker_ids() const override;

 private:
  enum class Gate : std::uint8_t { kOpen, kClosed, kTerminated };
  // A resize on its way.
  struct Growth {
    std::size_t before = 0;   // so many workers there were
    std::size_t arrived = 0;  // places below have had a worker that was ready
    bool over = false;
    std::exception_ptr why;  // there could not be so many
  };

  // ---- the front's side ----
  // From where a caller waits for the answer to its call.
  struct Seat {
    std::shared_ptr<Link> link;
    std::optional<Link::Watch> watch;
  };
  bool accept(Job& job, Seat* seat);
  bool enter() noexcept;
  void go_out() noexcept;
  void drive(Job& job, Seat* seat);
  void attend(Task& task, Seat seat);
  Seat look_after(Task& task, Seat seat);
  Seat take_seat(const Task& task, bool sleeps);
  void await_end(Job& job);
  std::shared_ptr<Link> link_of(const Task& task);
  bool is_alone() const noexcept;
  bool needs_supervisor() noexcept;
  bool unwatched() noexcept;
  bool hastens() const noexcept;
  Job* take_finished(const Task& task) noexcept;
  void finish_all(Job* first);
  void settled(std::uint64_t jobs);
  std::uint64_t unsettled() const noexcept;
  void wake() noexcept;

  // ---- the supervisor's thread (supervise.cpp) ----
  void supervise();
  // Does what there is to do; false: there was nothing. Finishes jobs, outside of the lock.
  bool turn();
  bool step();
  bool take_inbox();
  void open_inbox();
  void take_in(Job& job);
  void sleep(Nanos deadline);
  bool is_ours(Link& link) noexcept;
  bool others_wait() noexcept;
  bool listen() noexcept;
  bool finish_jobs();
  static void finish(Job& job);

  // ---- workers (workers.cpp); under the lock, but for the first two, which wait ----
  void await_ready();
  void end_workers();
  void dismiss_workers();
  void start_worker(std::size_t place, start::Template& from);
  bool hear_news();
  void hear(start::News news);
  void template_died();
  void bury(std::size_t place, const os::End& end);
  void lose(Link& link, Entry& entry, const os::End& end);
  void replace(std::size_t place);
  void vacate(std::size_t place);
  void refused(std::size_t place, std::exception_ptr why);
  void kill_all() noexcept;
  void fail(std::exception_ptr why);
  bool watch_limits();

  // ---- how many, and whether they begin anything (staff.cpp); under the lock, but for the first ----
  template <class Done>
  bool await_staff(const Done& done);
  void staff(std::size_t count, Growth& growth);
  void set_size(std::size_t count) noexcept;
  std::size_t size() const noexcept { return static_cast<std::size_t>(workers()); }
  void employ(std::size_t place);
  void dismiss_surplus();
  void count_arrivals() noexcept;
  void end_growth(std::exception_ptr why) noexcept;
  void take_back(std::size_t first_place);
  void go_on();
  bool is_ending() noexcept;

  // ---- entries (entries.cpp); under the lock ----
  bool collect();
  bool collect(Link& link);
  bool collect_all(Link& link);
  bool hurry();
  void cut_short(Link& link, Entry& entry);
  void take(Link& link, const Arrival& arrival);
  void initialized(Link& link, const Arrival& arrival);
  void settle(Entry& entry, std::size_t count, detail::Returned returned);
  void settle(Job& job, Range range, const detail::Returned& returned);
  void drop(Job& job, const Range& range);
  void drop_rest(Entry& entry);
  void drop_unwanted(Job& job);
  void give_back(Entry& entry);
  void end_entry(Link& link);
  void left(Job& job);
  void stop_above(Job& job, std::size_t item);
  void revoke(Job& job, std::size_t first);
  bool take_out(Job& job);
  bool leave(Job& job);
  void abort(Job& job);
  bool holds_only(Link& link, const Job& job);
  void put_back(Entry& entry);
  void drop_all();

  // ---- handing out (dispatch.cpp); under the lock ----
  bool dispatch();
  bool could_dispatch() noexcept;
  Nanos try_again_at() noexcept;
  Link* pick() noexcept;
  bool hand_out(Job& job, Link& link);
  static bool send_attached(Link& link, const Attached& attached);
  bool send(Job& job, Link& link, const Range& range, std::uint32_t code);
  void attend(const Job& job, Link& link) noexcept;
  void unsent(Job& job, const Range& range, const std::exception_ptr& error);
  void pack_common(Job& job);
  Range cut(Job& job);
  std::size_t entry_size(Job& job) const noexcept;
  static void learn_pace(Job& job, std::size_t items, std::uint64_t nanos) noexcept;
  bool rebalance();

  const ProcessSettings settings_;
  std::atomic<int> size_{settings_.workers};  // changed under the lock: places below it have a worker, or get one
  const std::shared_ptr<memory::Shelf> shelf_ = std::make_shared<memory::Shelf>();
  os::Bell bell_;

  std::atomic<bool> asleep_{false};  // the supervisor, or it is about to

  mutable detail::PrivateLock inbox_lock_;  // guards the inbox, and changes of what follows
  std::vector<Job*> inbox_;
  std::atomic<bool> inbox_changed_{false};  // there is something in it, or the gate was shut for good
  std::atomic<Gate> gate_{Gate::kOpen};

  mutable detail::PrivateLock lock_;  // guards what follows; may be held when inbox_lock_ is taken, not the other way
  std::unique_ptr<start::Template> template_;
  // By place. Null: no worker there now; a caller may hold one a little longer. Those that are too many leave.
  std::vector<std::shared_ptr<Link>> links_;
  std::size_t in_flight_ = 0;  // entries that any worker has
  Lanes lanes_;
  FinishedJobs finished_;
  std::uint64_t accepted_ = 0;  // less what is in the inbox
  std::exception_ptr failure_;
  const Job* awaited_ = nullptr;  // in this turn: the one whose caller hands it out, and then attends to it
  std::vector<Job*> taken_;       // from the inbox; empty between turns
  std::uint64_t visits_ = 0;      // turns that callers took
  std::uint64_t slept_at_ = 0;    // of these, when the supervisor went to sleep last
  bool napping_ = false;
  Nanos sleeps_until_ = os::kForever;
  bool watching_ = false;  // it sleeps, and will look whether prompt entries linger
  int barren_deaths_ = 0;
  bool starting_ = true;  // the first workers are not ready
  bool ending_ = false;
  bool terminated_ = false;
  bool paused_ = false;
  Growth* growth_ = nullptr;
  Nanos worked_ = 0;  // by workers that are gone
  Packed packed_{shelf_};

  std::atomic<std::uint64_t> unsettled_{0};                           // how many jobs, with the mark:
  static constexpr std::uint64_t kAwaited = std::uint64_t{1} << 63U;  // somebody waits until there are none
  detail::EventCount<detail::Scope::kPrivate> settled_;
  detail::EventCount<detail::Scope::kPrivate> staffed_;  // a growth is over, or will never be
  std::atomic<bool> stopping_{false};
  Nanos heard_at_ = 0;          // when the supervisor last asked its template for news
  std::shared_ptr<void> self_;  // of an abandoned engine, until its thread ends
  os::Thread thread_;
};

}  // namespace muster::engine::process
