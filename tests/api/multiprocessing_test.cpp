// Locks between processes.

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <muster/multiprocessing.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <functional>
#include <mutex>
#include <new>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tests/support/crowd.hpp"
#include "tests/support/forked.hpp"
#include "tests/support/who_waits.hpp"

namespace muster::testing {
namespace {

using namespace std::chrono_literals;
using multiprocessing::Barrier;
using multiprocessing::BoundedSemaphore;
using multiprocessing::Condition;
using multiprocessing::Event;
using multiprocessing::Lock;
using multiprocessing::RLock;
using multiprocessing::Semaphore;
using multiprocessing::Shared;

static_assert(sizeof(Lock) == 8 && sizeof(RLock) == 16 && sizeof(Semaphore) == 4 && sizeof(Event) == 4);

[[noreturn]] void sleep_until_killed() {
  for (;;) pause();
}

template <class Guard>
struct Counted {
  Guard lock;
  long count = 0;
};

template <class L>
class SharedLocks : public ::testing::Test {};
struct Names {
  template <class L>
  static std::string GetName(int /*number*/) {  // NOLINT(readability-identifier-naming): gtest's word
    return std::is_same_v<L, Lock> ? "Lock" : "RLock";
  }
};
using Both = ::testing::Types<Lock, RLock>;
TYPED_TEST_SUITE(SharedLocks, Both, Names);

TYPED_TEST(SharedLocks, exclude_processes_from_each_other) {
  constexpr int kEach = 5000;
  const Shared<Counted<TypeParam>> shared;
  {
    std::vector<Forked> all;
    for (int child = 0; child < 4; ++child) {
      all.emplace_back([&shared] {
        for (int i = 0; i < kEach; ++i) {
          const std::scoped_lock guard(shared->lock);
          ++shared->count;
        }
        return true;
      });
    }
  }
  EXPECT_EQ(shared->count, 4 * kEach);
  EXPECT_FALSE(shared->lock.locked());
}

template <class L>
struct Holding {
  L lock;
  Event held;
};

// A process that has the lock, twice where that can be, and sleeps.
template <class L>
Forked holder_of(const Shared<Holding<L>>& shared) {
  return Forked([&shared] {
    shared->lock.acquire();
    if (std::is_same_v<L, RLock>) shared->lock.acquire();
    shared->held.set();
    sleep_until_killed();
    return false;
  });
}

// Whatever way the next one takes to the lock.
TYPED_TEST(SharedLocks, tell_the_next_taker_of_their_owners_death_and_are_its) {
  const std::array<std::function<bool(TypeParam&)>, 4> takings{
      [](TypeParam& lock) { return lock.acquire(); },
      [](TypeParam& lock) { return lock.acquire(1h); },
      [](TypeParam& lock) { return lock.acquire(false); },
      [](TypeParam& lock) { return lock.acquire(0s); },
  };
  for (const auto& take : takings) {
    const Shared<Holding<TypeParam>> shared;
    Forked holder = holder_of(shared);
    shared->held.wait();
    EXPECT_FALSE(shared->lock.acquire(false));
    EXPECT_FALSE(shared->lock.acquire(2ms));
    const int id = holder.id();
    holder.kill();  // nobody has waited for it yet: it is a zombie
    try {
      take(shared->lock);
      ADD_FAILURE() << "nothing was told";
    } catch (const OwnerDied& died) {
      EXPECT_EQ(died.pid(), id);
    }
    holder.reap();
    EXPECT_TRUE(shared->lock.locked());
    shared->lock.release();
    EXPECT_FALSE(shared->lock.locked());
    EXPECT_THROW(shared->lock.release(), LockError);
    EXPECT_TRUE(shared->lock.acquire());  // it is told once
    shared->lock.release();
  }
}

// It sleeps already when the owner dies, which wakes nobody.
TYPED_TEST(SharedLocks, tell_who_waits_already) {
  const Shared<Holding<TypeParam>> shared;
  Forked holder = holder_of(shared);
  shared->held.wait();
  const Forked waiter([&shared, id = holder.id()] {
    try {
      shared->lock.acquire();
      return false;
    } catch (const OwnerDied& died) {
      shared->lock.release();
      return died.pid() == id;
    }
  });
  holder.kill_and_reap();
}

// The one who was told dies in turn.
TYPED_TEST(SharedLocks, tell_again_when_who_was_told_has_died) {
  const Shared<Holding<TypeParam>> shared;
  Forked holder = holder_of(shared);
  shared->held.wait();
  shared->held.clear();
  holder.kill_and_reap();
  Forked heir([&shared] {
    try {
      shared->lock.acquire();
    } catch (const OwnerDied&) {
      shared->held.set();
    }
    sleep_until_killed();
    return false;
  });
  shared->held.wait();
  heir.kill_and_reap();
  EXPECT_THROW(shared->lock.acquire(), OwnerDied);
}

TEST(SharedLock, may_be_released_by_another_process) {
  const Shared<Holding<Lock>> shared;
  {
    const Forked holder([&shared] { return shared->lock.acquire(); });
  }
  EXPECT_TRUE(shared->lock.locked());
  EXPECT_NO_THROW(shared->lock.release());
  EXPECT_THROW(shared->lock.release(), LockError);
}

TEST(SharedRLock, is_released_by_its_owner_alone) {
  const Shared<Holding<RLock>> shared;
  EXPECT_THROW(shared->lock.release(), LockError);
  shared->lock.acquire();
  shared->lock.acquire();
  EXPECT_TRUE(shared->lock.owned());
  {
    const Forked stranger([&shared] {
      if (shared->lock.owned() || shared->lock.acquire(false)) return false;
      try {
        shared->lock.release();
        return false;
      } catch (const LockError&) {
        return true;
      }
    });
  }
  Crowd(1, [&](int) {
    EXPECT_FALSE(shared->lock.owned());
    EXPECT_THROW(shared->lock.release(), LockError);
  }).join();
  shared->lock.release();
  EXPECT_TRUE(shared->lock.locked());
  shared->lock.release();
  EXPECT_FALSE(shared->lock.locked());
}

// What the dead had taken twice is the heir's once.
TEST(SharedRLock, begins_anew_with_its_heir) {
  const Shared<Holding<RLock>> shared;
  Forked holder = holder_of(shared);
  shared->held.wait();
  holder.kill_and_reap();
  EXPECT_THROW(shared->lock.acquire(), OwnerDied);
  EXPECT_TRUE(shared->lock.owned());
  shared->lock.acquire();
  shared->lock.release();
  EXPECT_TRUE(shared->lock.owned());
  shared->lock.release();
  EXPECT_FALSE(shared->lock.locked());
}

// ---- the others -----------------------------------------------------------------------------------------------------

struct Line {
  Condition changed;
  int made = 0;
  int taken = 0;
  bool over = false;
};

TEST(SharedCondition, hands_values_from_process_to_process) {
  constexpr int kValues = 2000;
  const Shared<Line> line;
  {
    const Forked taker([&line] {
      const std::scoped_lock guard(line->changed);
      while (line->taken < kValues) {
        line->changed.wait_for([&] { return line->made > line->taken; });
        ++line->taken;
        line->changed.notify();
      }
      return true;
    });
    const std::scoped_lock guard(line->changed);
    for (int i = 0; i < kValues; ++i) {
      line->changed.wait_for([&] { return line->made - line->taken < 3; });
      ++line->made;
      line->changed.notify();
    }
  }
  EXPECT_EQ(line->taken, kValues);
}

TEST(SharedCondition, gives_up_after_its_time_and_complains_without_its_lock) {
  const Shared<Line> line;
  EXPECT_THROW(line->changed.wait(), LockError);
  EXPECT_THROW(line->changed.notify(), LockError);
  EXPECT_THROW(line->changed.notify_all(), LockError);
  const std::scoped_lock guard(line->changed);
  EXPECT_FALSE(line->changed.wait(1ms));
  EXPECT_FALSE(line->changed.wait_for([] { return false; }, 1ms));
  EXPECT_THROW(line->changed.notify(-1), ValueError);
  EXPECT_NO_THROW(line->changed.notify(0));
}

TEST(SharedCondition, wakes_all_and_gives_an_rlock_up_to_its_depth) {
  const Shared<Line> line;
  std::vector<Forked> all;
  for (int child = 0; child < 3; ++child) {
    all.emplace_back([&line] {
      const std::scoped_lock guard(line->changed);
      const std::scoped_lock again(line->changed);
      ++line->made;
      line->changed.notify_all();
      line->changed.wait_for([&] { return line->over; });
      return true;
    });
  }
  const std::scoped_lock guard(line->changed);
  line->changed.wait_for([&] { return line->made == 3; });
  line->over = true;
  line->changed.notify_all();
}

// Its lock lies beside it, wherever the memory is.
TEST(SharedCondition, works_with_a_given_lock_at_whatever_address) {
  struct Pair {
    Lock lock;
    Condition changed{lock};
    bool done = false;
  };
  const Shared<Pair> here;
  void* const page = mremap(here.get(), 0, 4096, MREMAP_MAYMOVE);  // the same page a second time
  ASSERT_NE(page, MAP_FAILED);
  Pair& there = *static_cast<Pair*>(page);
  {
    Crowd waiter(1, [&](int) {
      const std::scoped_lock guard(there.lock);
      EXPECT_TRUE(there.changed.wait_for([&] { return there.done; }));
    });
    const std::scoped_lock guard(here->changed);
    EXPECT_FALSE(there.lock.acquire(false));
    here->done = true;
    here->changed.notify_all();
  }
  munmap(page, 4096);
}

// The lock comes back with the news that its owner has died.
TEST(SharedCondition, tells_a_waiter_of_the_death_of_who_has_the_lock) {
  const Shared<Line> line;
  const Forked waiter([&line] {
    line->changed.acquire();
    line->made = 1;
    try {
      line->changed.wait_for([&] { return line->over; });
      return false;
    } catch (const OwnerDied&) {
      line->changed.release();
      return true;
    }
  });
  Forked notifier([&line] {
    line->changed.acquire();
    while (line->made == 0) line->changed.wait(1ms);
    line->over = true;
    line->changed.notify();
    sleep_until_killed();
    return false;
  });
  await([&] { return std::atomic_ref(line->over).load(); });
  notifier.kill_and_reap();
}

TEST(SharedSemaphore, counts_permits_of_all_processes) {
  const Shared<Semaphore> permits(0);
  EXPECT_FALSE(permits->acquire(false));
  EXPECT_FALSE(permits->acquire(1ms));
  {
    const Forked giver([&permits] {
      permits->release(3);
      return true;
    });
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(permits->acquire());
  }
  EXPECT_FALSE(permits->acquire(false));
  const Shared<BoundedSemaphore> bounded(1);
  EXPECT_THROW(bounded->release(), LockError);
}

// Some that wait are killed at any moment, also with a wake-up in their hands: the others get the permits.
TEST(SharedSemaphore, strands_nobody_when_waiters_are_killed) {
  for (int round = 0; round < 20; ++round) {
    const Shared<Semaphore> permits(0);
    Forked doomed([&permits] {
      while (permits->acquire()) permits->release();
      return false;
    });
    const Forked patient([&permits] { return permits->acquire(); });
    permits->release(1);
    doomed.kill_and_reap();
    permits->release(1);  // the doomed one may have died with the first
  }
}

TEST(SharedEvent, is_seen_by_all) {
  const Shared<Event> event;
  EXPECT_FALSE(event->wait(1ms));
  {
    const Forked setter([&event] {
      event->set();
      return true;
    });
    EXPECT_TRUE(event->wait());
  }
  EXPECT_TRUE(event->is_set());
  event->clear();
  EXPECT_FALSE(event->is_set());
}

TEST(SharedEvent, who_waits_goes_on_even_if_it_is_cleared_at_once) {
  const Shared<Event> event;
  for (int round = 0; round < 20; ++round) {
    Crowd crowd(3, [&event](int number) { EXPECT_TRUE(number == 0 ? event->wait() : event->wait(1h)); });
    await_waiting(3);
    event->set();
    event->clear();
    crowd.join();
    ASSERT_FALSE(event->is_set());
  }
}

struct Meeting {
  Barrier barrier{3};
  std::atomic<int> come{0};
  std::atomic<int> actions{0};
};

TEST(SharedBarrier, holds_processes_until_the_last_has_come_again_and_again) {
  constexpr int kRounds = 200;
  const Shared<Meeting> meeting;
  const auto meet = [&meeting] {
    for (int round = 1; round <= kRounds; ++round) {
      ++meeting->come;
      meeting->barrier.wait(1h, [&meeting] { ++meeting->actions; });
      if (meeting->come < 3 * round || meeting->actions != round) return false;
      meeting->barrier.wait();
    }
    return true;
  };
  const Forked one(meet);
  const Forked two(meet);
  EXPECT_TRUE(meet());
}

TEST(SharedBarrier, is_broken_by_who_gives_up_and_as_new_after_reset) {
  const Shared<Meeting> meeting;
  const auto finds_it_broken = [&meeting] {
    try {
      meeting->barrier.wait();
      return false;
    } catch (const BrokenBarrierError&) {
      return true;
    }
  };
  {
    const Forked one(finds_it_broken);
    await([&] { return meeting->barrier.n_waiting() == 1; });
    EXPECT_THROW(meeting->barrier.wait(1ms), BrokenBarrierError);
  }
  EXPECT_TRUE(meeting->barrier.broken());
  EXPECT_TRUE(finds_it_broken());
  meeting->barrier.reset();
  EXPECT_FALSE(meeting->barrier.broken());
  {
    const Forked one(finds_it_broken);
    await([&] { return meeting->barrier.n_waiting() == 1; });
    meeting->barrier.reset();
  }
  EXPECT_EQ(meeting->barrier.n_waiting(), 0);
  meeting->barrier.abort();
  EXPECT_TRUE(meeting->barrier.broken());
}

TEST(SharedBarrier, is_left_by_the_others_when_one_that_had_come_is_killed) {
  const Shared<Meeting> meeting;
  const auto meet = [&meeting] { return meeting->barrier.wait() >= 0; };
  Forked doomed(meet);
  await([&] { return meeting->barrier.n_waiting() == 1; });
  doomed.kill_and_reap();
  const Forked other(meet);
  EXPECT_TRUE(meet());
  EXPECT_EQ(meeting->barrier.n_waiting(), 0);
}

// ---- memory ---------------------------------------------------------------------------------------------------------

struct Mortal {
  explicit Mortal(std::atomic<int>& ends) : deaths(&ends) {}
  ~Mortal() { ++*deaths; }
  Mortal(const Mortal&) = delete;
  Mortal& operator=(const Mortal&) = delete;
  std::atomic<int>* deaths;
};

TEST(Shared, is_destroyed_by_its_maker_alone) {
  const Shared<std::atomic<int>> deaths(0);
  {
    Shared<Mortal> first(*deaths);
    {
      const Forked copy([&first] {
        const Shared<Mortal> moved(std::move(first));
        return moved.get() != nullptr;
      });
    }
    EXPECT_EQ(*deaths, 0);
    const Shared<Mortal> moved(std::move(first));
    EXPECT_EQ(first.get(), nullptr);  // NOLINT(bugprone-use-after-move): what is left is stated
    EXPECT_EQ(&*moved, moved.get());
  }
  EXPECT_EQ(*deaths, 1);
}

TEST(Shared, of_a_type_whose_constructor_throws_is_none) {
  EXPECT_THROW(Shared<Semaphore>(-1), ValueError);
  EXPECT_THROW(Shared<Barrier>(0), ValueError);
  struct Huge {
    std::array<char, std::size_t{1} << 60U> bytes;
  };
  EXPECT_THROW(Shared<Huge>(), std::bad_alloc);
}

}  // namespace
}  // namespace muster::testing
