// Tiny loops of two: the guest's side, and that of the hatch's owner.

#include "engine/thread/partner.hpp"

#include <utility>

#include "engine/thread/context.hpp"
#include "engine/thread/thread_engine.hpp"
#include "os/interrupt.hpp"
#include "parts/sync/await.hpp"
#include "parts/sync/spin.hpp"

namespace muster::engine::thread {

// ---- the guest ------------------------------------------------------------------------------------------------------

// Where only one may run there is no place beside the hatch's owner.
ThreadEngine::Guest::Guest(ThreadEngine& engine) noexcept : engine_(engine) {
  const bool two_may_run = engine.sleep_.permits() > 1;
  if (two_may_run && engine.partner_.take_seat(this)) {
    has_ = Has::kSeat;
  } else if (engine.sleep_.enter()) {
    has_ = two_may_run && engine.partner_.bring_permit(this) ? Has::kSeat : Has::kPermit;
  }
}

void ThreadEngine::Guest::leave() noexcept {
  const Has had = std::exchange(has_, Has::kNothing);
  if (had == Has::kPermit || (had == Has::kSeat && !engine_.partner_.return_seat(this))) engine_.give_permit_back();
  if (had == Has::kSeatWithoutPermit) engine_.partner_.clear_seat();
}

void ThreadEngine::Guest::give_permit_back() noexcept {
  engine_.partner_.own_permit(this);
  has_ = Has::kSeatWithoutPermit;
  engine_.give_permit_back();
}

// Hands the second half in at the hatch, and runs the first. How much was run; 0: nobody is there.
std::size_t ThreadEngine::run_with_partner(Loop& loop, Guest& guest) noexcept {
  const std::size_t half = Stride::half_end(loop);
  if (half == loop.size || !may_go_on(loop)) return 0;
  const std::uint32_t number = partner_.next();
  if (!hatch_.hand_in_half(number, loop, half)) return 0;
  partner_.handed_in();
  {
    const FrameScope frame({this, nullptr}, nullptr, loop.what);
    if (!loop.run(loop, 0, half)) loop.stopped.store(true, std::memory_order_relaxed);
  }
  if (partner_.take_back(number)) return run_alone(loop, half, os::now(), Stride::kTiny, nullptr);
  return await_partner(loop, number, guest) ? loop.size : half;
}

// Whether it has run its half.
bool ThreadEngine::await_partner(Loop& loop, std::uint32_t number, Guest& guest) noexcept {
  std::atomic<std::uint32_t>& state = partner_.state();
  std::uint32_t seen = 0;
  const auto over = [number, &seen](std::uint32_t value) { return Partner::is_over(seen = value, number); };
  if (!sync::spin_until([&] { return over(state.load(std::memory_order_acquire)); }, sync::kSpin)) {
    guest.give_permit_back();  // whom it waits for may wait for work that needs it
    while (sync::await(state, over, os::next_look(detail::kForever), os::Scope::kPrivate) != detail::Await::kReady) {
      static_cast<void>(may_go_on(loop));
    }
  }
  return Partner::was_run(seen);
}

// ---- the owner of the hatch -----------------------------------------------------------------------------------------

// The half of a tiny loop that lies in the hatch, which stays its own. Its guest does not return before we have ended.
void ThreadEngine::run_half(Worker& worker, std::uint32_t number) noexcept {
  const bool may = has_permit(worker) && !sleep_.crowded();
  if (!may || !partner_.begin(number)) return reopen_hatch(worker);
  worker.searching = false;
  if (sleep_.end_search()) announce_pending();
  begin_batch(worker);
  Loop& loop = hatch_.halved_loop();
  const bool goes_on = may_go_on(loop);
  if (goes_on) {
    const FrameScope frame({this, &worker}, nullptr, loop.what);
    if (!loop.run(loop, hatch_.half_begin(), loop.size)) loop.stopped.store(true, std::memory_order_relaxed);
  }
  // Before the end is told: who begins the next loop then finds us at the hatch. (See settling().)
  reopen_hatch(worker);
  partner_.end(number, goes_on);
}

// Goes on searching there, or leaves it.
void ThreadEngine::reopen_hatch(Worker& worker) noexcept {
  const Hatch::Mark mark = injector_.mark_if_empty();
  if (mark != 0 && worker.deque.empty() && !sleep_.crowded()) {
    if (!worker.searching) worker.searching = sleep_.begin_search();
    if (worker.searching) return hatch_.reopen(mark);
  }
  static_cast<void>(close_hatch(worker));
}

}  // namespace muster::engine::thread
