#include "tests/chaos/judge.hpp"

#include <fmt/format.h>

#include <csignal>
#include <new>
#include <stdexcept>

namespace muster::chaos {
namespace {

constexpr Clock::duration kMost = std::chrono::seconds(1);

void raise_to(std::atomic<Clock::rep>& most, Clock::duration time) {
  Clock::rep seen = most.load();
  while (time.count() > seen && !most.compare_exchange_weak(seen, time.count())) {
  }
}

// Whether a process that dies so is reported so.
bool fits(Death death, const WorkerLost& loss) {
  switch (death) {
    case Death::kExit:
      return loss.signal() == 0 && loss.exit_code() == 17;
    case Death::kSegfault:
    case Death::kOverflow:
      return loss.signal() == SIGSEGV;
    case Death::kAbort:
    case Death::kMemoryLimit:
      return loss.signal() == SIGABRT;
    default:
      return loss.signal() == SIGKILL;
  }
}

}  // namespace

void Judge::demand(bool holds, const std::string& what) {
  if (holds) return;
  const std::scoped_lock lock(mutex_);
  if (found_.empty()) found_ = what;
}

void Judge::rethrow() const {
  const std::scoped_lock lock(mutex_);
  if (!found_.empty()) throw std::runtime_error(found_);
}

void Judge::ended(const Task& task, std::size_t place, const Outcome<Answer>& outcome, bool dropped) {
  if (!outcome.has_value()) return failed(task, place, outcome.error(), dropped);
  const Answer& answer = outcome.value();
  demand(answer.item == task.item && answer.value == mix(task.item) && plan_of(task) == Plan::kAnswer,
         fmt::format("item {} has the answer {} of item {}", task.item, answer.value, answer.item));
  ++right_;
}

void Judge::failed(const Task& task, std::size_t place, const std::exception_ptr& why, bool dropped) {
  try {
    std::rethrow_exception(why);
  } catch (const WorkerLost& loss) {
    lost(task, place, loss);
  } catch (const TimeoutError&) {
    demand(task.limited, fmt::format("item {} has no time limit and ran into it", task.item));
    board_.count(Death::kTimeLimit);  // the pool itself killed the worker
    ++late_;
  } catch (const Cancelled&) {
    demand(dropped, fmt::format("item {} was dropped, and nobody asked for it", task.item));
    ++dropped_;
  } catch (const std::bad_alloc&) {
    demand(plan_of(task) == Plan::kNoMemory, fmt::format("item {} found no memory", task.item));
    ++thrown_;
  } catch (const std::exception& error) {
    demand(plan_of(task) == Plan::kThrow && error.what() == text_thrown(task.item),
           fmt::format("item {} failed: {}", task.item, error.what()));
    ++thrown_;
  }
}

// A death costs one item: one that explains two of them, or none, is not among ours.
void Judge::lost(const Task& task, std::size_t place, const WorkerLost& loss) {
  ++lost_;
  const auto how = fmt::format("item {}, lost with process {} (signal {}, exit code {}): ", task.item, loss.pid(),
                               loss.signal(), loss.exit_code());
  const auto at = board_.died_at(loss.pid());
  demand(at.has_value(), how + "nobody killed it");
  demand(board_.explains_loss(loss.pid()), how + "that process has lost one already");
  demand(loss.index() == place, how + fmt::format("it came as item {} of its map, not {}", loss.index(), place));
  const auto own = death_of(task, loss.pid());
  demand(loss.signal() == SIGKILL || (own && fits(*own, loss)), how + "that is not how it died");
}

void Judge::heard(const std::exception_ptr& loss) {
  try {
    std::rethrow_exception(loss);
  } catch (const WorkerLost& lost) {
    if (const auto at = board_.died_at(lost.pid())) heard_after(Clock::now() - *at, "a death");
  } catch (...) {
    return;
  }
}

void Judge::heard_after(Clock::duration time, const std::string& what) {
  using Ms = std::chrono::duration<double, std::milli>;
  raise_to(longest_, time);
  const Clock::duration starved(starved_.load());
  demand(time <= kMost + starved,
         fmt::format("it took {:.0f} ms until {} was told of (the machine itself delays by {:.0f} ms)",
                     Ms(time).count(), what, Ms(starved).count()));
}

void Judge::starved(Clock::duration time) { raise_to(starved_, time); }

}  // namespace muster::chaos
