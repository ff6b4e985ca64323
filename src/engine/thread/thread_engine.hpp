#pragma once
// The engine whose workers are threads of this process. README.md beside this file tells how it works.

#include <atomic>
#include <exception>
#include <memory>
#include <span>
#include <vector>

#include "engine/engine.hpp"
#include "engine/thread/board.hpp"
#include "engine/thread/context.hpp"
#include "engine/thread/hatch.hpp"
#include "engine/thread/lasting.hpp"
#include "engine/thread/partner.hpp"
#include "engine/thread/roster.hpp"
#include "engine/thread/seats.hpp"
#include "engine/thread/sleep.hpp"
#include "engine/thread/stride.hpp"
#include "engine/thread/tiny_loops.hpp"
#include "engine/thread/worker.hpp"
#include "os/process.hpp"
#include "parts/queue/injector.hpp"

namespace muster::engine::thread {

class ThreadEngine final : public Engine {
 public:
  // Starts the workers. With a worker_enter hook it waits for each worker's, and throws the first exception of one.
  explicit ThreadEngine(Settings settings);
  ~ThreadEngine() override;

  Capabilities capabilities() const noexcept override { return {.shares_memory = true, .can_kill = false}; }
  int workers() const noexcept override { return size_.load(std::memory_order_relaxed); }

  int sharers() const noexcept { return settings_.sharers; }
  bool submit(Task& task, const Terms& terms) override;
  bool run(Loop& loop, const Terms& terms) override;
  Wait wait(Task& task, Nanos deadline) override;
  void lend(Task& task) override;
  bool withdraw(Task& task, bool begun_too) override;
  void settling(const Task& task) noexcept override;

  void close() override;
  void terminate() override;
  void hold() noexcept override { held_.fetch_add(1, std::memory_order_relaxed); }
  void let_go() noexcept override;
  bool drain(Nanos deadline) override;
  bool drain_to_stop(Nanos deadline) override;
  void stop() override;
  void abandon(std::shared_ptr<void> self) override;

  bool resize(int workers) override;
  void pause() override;
  void resume() override;

  bool inside() const noexcept override { return context() != nullptr; }
  std::vector<const std::type_info*> running() const override;
  Load load() const override;
  std::exception_ptr failure() const override;

  // See inside.hpp.
  static bool wait_elsewhere(Task& task, Nanos deadline) noexcept;

 private:
  using Lane = queue::Injector<Task>;
  enum class Gate : std::uint8_t { kOpen, kClosed, kTerminated };

  struct Goal {  // a wait is over when the masked word has this value
    std::uint32_t mask;
    std::uint32_t value;
  };

  struct Chunk {  // items of a loop
    std::size_t begin;
    std::size_t end;
  };

  struct Found {  // what a helper may run
    Task* task = nullptr;
    Slot* slot = nullptr;
    explicit operator bool() const noexcept { return task != nullptr || slot != nullptr; }
  };

  // Keeps the engine in memory while a thread that is none of its workers settles a task of it.
  class Visit {
   public:
    explicit Visit(ThreadEngine& engine) noexcept : engine_(engine) {
      engine_.visitors_.fetch_add(1, std::memory_order_relaxed);
    }
    ~Visit() { engine_.visitors_.fetch_sub(1, std::memory_order_release); }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

   private:
    ThreadEngine& engine_;
  };

  // A thread from outside that works on its own loop, by a permit: the one that is kept at the hatch for such, or
  // another.
  class alignas(8) Guest {
   public:
    explicit Guest(ThreadEngine& engine) noexcept;
    ~Guest() { leave(); }
    Guest(const Guest&) = delete;
    Guest& operator=(const Guest&) = delete;

    explicit operator bool() const noexcept { return has_ != Has::kNothing; }
    bool has_seat() const noexcept { return has_ == Has::kSeat; }
    // Gives all back.
    void leave() noexcept;
    // Gives back the permit of the seat, but not the seat.
    void give_permit_back() noexcept;

   private:
    enum class Has : std::uint8_t { kNothing, kPermit, kSeat, kSeatWithoutPermit };
    ThreadEngine& engine_;
    Has has_ = Has::kNothing;
  };

  // A task enters another engine, to wait there or to run something: meanwhile its own may use its seat (seats.hpp).
  // Of the engine that is entered, if any, nobody is absent.
  class LeaveOfAbsence {
   public:
    explicit LeaveOfAbsence(const ThreadEngine* entered) noexcept;
    ~LeaveOfAbsence() {
      if (seats_ != nullptr) seats_->resume();
    }
    LeaveOfAbsence(const LeaveOfAbsence&) = delete;
    LeaveOfAbsence& operator=(const LeaveOfAbsence&) = delete;

   private:
    Seats* seats_ = nullptr;
  };

  // staff.cpp: workers come and go
  void run_thread(Worker& worker);
  void staff(int workers);
  void set_size(int workers) noexcept;
  void employ(Worker& worker);
  void start_thread(Worker& worker);
  void await_arrival(int workers) noexcept;
  bool wait_for_permit(Worker& worker) noexcept;
  bool dismissed(Worker& worker) noexcept;
  bool retire(Worker& worker) noexcept;

  // thread_engine.cpp: accepting, settling, ending
  void clear_out() noexcept;
  void settle_leftovers() noexcept;
  bool accept(const Context* here, bool follow_up) noexcept;
  void settled(Worker* worker) noexcept;
  bool quiet() const noexcept;
  void tell_if_quiet() noexcept;
  void stop_workers() noexcept;
  // What follows up on an accepted call may still come in; it is dropped, and then nothing comes any more.
  void refuse_all() noexcept { gate_.store(Gate::kTerminated, std::memory_order_seq_cst); }
  bool terminated() const noexcept { return gate_.load(std::memory_order_relaxed) == Gate::kTerminated; }
  void push_with_care(Lane& lane, Task& task, Worker* worker);
  void push_own(Task& task, Worker& worker);
  void sweep(Worker& worker) noexcept;
  void drop(Task& task, Worker* worker) noexcept;
  void drop_queued() noexcept;
  void drop_lane(Lane& lane, Worker* self) noexcept;
  void fail(std::exception_ptr why) noexcept;

  // worker.cpp: a worker's life
  bool live(Worker& worker) noexcept;
  void enter(Worker& worker) noexcept;
  void leave(Worker& worker) noexcept;
  void begin_batch(Worker& worker) noexcept;
  void end_batch(Worker& worker) noexcept;
  void pin(const Worker& worker) const noexcept;
  bool has_permit(const Worker& worker) const noexcept;
  bool work_once(Worker& worker) noexcept;
  Found take_shared(Worker& worker) noexcept;
  Found take_fairly(Worker& worker) noexcept;
  bool search(Worker& worker) noexcept;
  void begin_search_early(Worker& worker) noexcept;
  bool come_to_search(Worker& worker) noexcept;
  bool take_handed(Worker& worker) noexcept;
  Task* close_hatch(Worker& worker) noexcept;
  void rest(Worker& worker) noexcept;
  bool pending() const noexcept;
  void announce_pending() noexcept {
    if (pending()) sleep_.notify();
  }
  Task* take_injected(Worker& worker) noexcept;
  static Task* take_one(Lane& lane) noexcept;
  Task* steal(const Worker& thief) noexcept;
  Slot* join_any(const Worker& worker) noexcept;
  void take_up(Worker& worker, Found found) noexcept;
  bool put_back(Worker& worker, Found found) noexcept;
  bool worn_out(const Worker& worker) const noexcept;
  void receive(Task& task, Worker* worker) noexcept;
  void execute(Task& task, Worker* worker) noexcept;

  // loop.cpp: loops
  void begin_loop(Task& task, Worker* worker) noexcept;
  void run_from_outside(Loop& loop) noexcept;
  // Of the caller in its loop: takes chunks, as part of a task of ours or by a permit of its own; or only waits; or
  // waits, in a task of another pool, until it finds a seat.
  enum class Part : std::uint8_t { kWorks, kGuest, kWaits, kSeeksSeat };
  void run_owned(Loop& loop, Worker* worker, Part part, Guest* guest = nullptr) noexcept;
  std::size_t run_alone(Loop& loop, std::size_t from, Nanos began, Nanos patience, Worker* worker) noexcept;
  void was_shared(const Loop& loop, Nanos began, Nanos expected, int sharers, bool with_caller) noexcept;
  std::size_t begin_tiny(Loop& loop, Nanos expected, Nanos began, Worker* worker, Guest* guest) noexcept;
  void announce(Slot& slot, Loop& loop, std::size_t from, Task* task, Worker* worker) noexcept;
  bool may_go_on(Loop& loop) const noexcept;
  bool must_leave(const Worker* worker) const noexcept;
  void work_on(Slot& slot, Worker* worker, Chunk chunk = {}) noexcept;
  bool take_chunk(Slot& slot, const Stride& stride, const Worker* worker, Chunk& chunk) noexcept;
  void leave(Slot& slot, Worker* worker) noexcept;
  void pass_by(Slot& slot) noexcept;
  void finish(Loop& loop, Task& task, Worker* worker) noexcept;
  void give_permit_back() noexcept;
  void await_crew(Slot& slot, Worker* worker, Part part) noexcept;
  void await_crew_or_seat(Slot& slot) noexcept;

  // partner.cpp: tiny loops of two
  std::size_t run_with_partner(Loop& loop, Guest& guest) noexcept;
  bool await_partner(Loop& loop, std::uint32_t number, Guest& guest) noexcept;
  void run_half(Worker& worker, std::uint32_t number) noexcept;
  void reopen_hatch(Worker& worker) noexcept;

  // forks.cpp: calls that lie on a worker's stack
  friend class WorkerForks;
  bool show(detail::ForkedCall& call, Worker& worker) noexcept;
  bool take_back(detail::ForkedCall& call, Worker& worker) noexcept;

  // wait.cpp: waiting inside tasks
  const Context* context() const noexcept;
  bool may_run_here(const Context* here) const noexcept {
    return !special_ || (here != nullptr && here->worker != nullptr);
  }
  static void unqueue(Task& task, const Context* here) noexcept;
  void run_here(Task& task, const Context* here) noexcept;
  void run_on_fresh_stack(Task& task, const Context* here) noexcept;
  void wait_helping(std::atomic<std::uint32_t>& word, Goal goal, Nanos deadline, Worker* worker) noexcept;
  Found find_descendant(const std::atomic<std::uint32_t>& word, const Worker* self) noexcept;
  void run_found(Found found, Worker* worker) noexcept;
  void nudge(const Worker& worker) noexcept;

  const Settings settings_;
  const std::uint32_t generation_ = os::generation();
  // Tasks must see a worker of their own: nothing of this engine runs on another thread.
  const bool special_;
  const Lasting<Sleep>::Owned sleeps_ = Lasting<Sleep>::acquire();
  Sleep& sleep_ = *sleeps_;
  const Lasting<Seats>::Owned seats_ = Lasting<Seats>::acquire();
  Partner partner_;  // of who runs a tiny loop: the owner of the hatch
  Hatch hatch_;      // one call that a searcher begins next,
  Lane urgent_;      // what has a priority above 0,
  Lane injector_;    // what comes from outside without one,
  Lane lowly_;       // and what has one below 0
  Board board_;
  Roster<Worker> workers_;  // changed under the roster lock
  // How many there shall be; those with greater numbers go. Changed under the roster lock.
  std::atomic<int> size_;
  alignas(64) TinyLoops tiny_loops_;  // written by callers, while workers read what is above

  Tally outside_;  // by read-modify-writes
  alignas(64) std::atomic<int> visitors_{0};
  alignas(64) std::atomic<Gate> gate_{Gate::kOpen};  // read once a task and once a chunk
  std::atomic<bool> stopping_{false};
  std::atomic<bool> stops_when_quiet_{false};
  alignas(64) std::atomic<int> helpless_{0};  // tasks asleep in a wait, whom the push of a descendant should stir
  std::atomic<int> awaiting_quiet_{0};
  std::atomic<std::uint32_t> quiet_word_{0};
  std::atomic<int> held_{0};

  detail::PrivateLock roster_lock_;        // guards who is employed, their threads' handles, paused_, self_, abandoned_
  std::atomic<std::uint32_t> entered_{0};  // how many worker_enters have ended, well or not
  std::atomic<std::uint32_t> alive_{0};    // worker threads that have not gone for good
  bool paused_ = false;
  bool abandoned_ = false;
  std::shared_ptr<void> self_;  // keeps us until the last worker of an abandoned engine is gone

  mutable detail::PrivateLock failure_lock_;
  std::exception_ptr failure_;  // of an initializer
};

}  // namespace muster::engine::thread
