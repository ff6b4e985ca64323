// Built with MUSTER_DEADLOCK: waits that would close a circle throw.

#include <gtest/gtest.h>
#include <muster/threading.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>

#include "tests/support/crowd.hpp"
#include "tests/support/who_waits.hpp"

namespace muster::testing {
namespace {

using namespace std::chrono_literals;
using threading::Condition;
using threading::Event;
using threading::Lock;
using threading::RLock;
using threading::RWLock;
using threading::Thread;

static_assert(detail::kDeadlockChecked);
static_assert(sizeof(Lock) == 4 && sizeof(RLock) == 8 && sizeof(RWLock) == 8);

// The text of the DeadlockError that the call throws, "" if it throws none.
std::string refusal_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const DeadlockError& error) {
    return error.what();
  }
  return "";
}

// A thread that takes what is given, says so, and then does the rest.
class Taker {
 public:
  Taker(const std::string& name, const std::function<void()>& take, const std::function<void()>& then)
      : thread_({.name = name}, [this, take, then] {
          take();
          taken_.set();
          then();
        }) {
    thread_.start();
    taken_.wait();
  }
  void join() { thread_.join(); }
  const Thread& thread() const { return thread_; }

 private:
  Event taken_;
  Thread thread_;
};

TEST(Deadlock, of_two_threads_that_cross_is_refused_and_named) {
  Lock mine;
  Lock theirs;
  mine.acquire();
  Taker other(
      "other", [&] { theirs.acquire(); },
      [&] {
        const std::scoped_lock guard(mine);
        theirs.release();
      });
  await_waiting("other", object("Lock", &mine));
  EXPECT_EQ(told_of("other"), "waits for " + object("Lock", &mine) + ", held by 'MainThread'");
  EXPECT_EQ(refusal_of([&] { theirs.acquire(); }), "deadlock: 'MainThread' waits for " + object("Lock", &theirs) +
                                                       ", held by 'other'; 'other' waits for " + object("Lock", &mine) +
                                                       ", held by 'MainThread'");
  // All is as before.
  EXPECT_TRUE(mine.locked());
  EXPECT_FALSE(theirs.acquire(false));
  EXPECT_EQ(told_of("MainThread"), "runs");
  mine.release();  // and the other one goes on
  const std::scoped_lock guard(theirs);
  other.join();
}

TEST(Deadlock, of_three_threads_names_them_in_order) {
  RLock a;
  Lock b;
  RLock c;
  a.acquire();
  a.acquire();
  Taker two(
      "two", [&] { b.acquire(); },
      [&] {
        const std::scoped_lock guard(a);
        b.release();
      });
  Taker three(
      "three", [&] { c.acquire(); },
      [&] {
        const std::scoped_lock guard(b);
        c.release();
      });
  await_waiting("two", "RLock");
  await_waiting("three", "Lock");
  EXPECT_EQ(refusal_of([&] { c.lock(); }), "deadlock: 'MainThread' waits for " + object("RLock", &c) +
                                               ", held by 'three'; 'three' waits for " + object("Lock", &b) +
                                               ", held by 'two'; 'two' waits for " + object("RLock", &a) +
                                               ", held by 'MainThread'");
  a.release();
  EXPECT_TRUE(a.owned());
  EXPECT_NE(refusal_of([&] { c.lock(); }), "");  // held as long as it was taken
  a.release();
  const std::scoped_lock guard(c);
  two.join();
  three.join();
}

TEST(Deadlock, of_a_thread_with_itself_is_refused) {
  Lock lock;
  lock.acquire();
  EXPECT_EQ(refusal_of([&] { lock.acquire(); }),
            "deadlock: 'MainThread' waits for " + object("Lock", &lock) + ", held by 'MainThread'");
  lock.release();
  EXPECT_TRUE(lock.acquire());
  lock.release();
  RLock again;
  again.acquire();
  EXPECT_EQ(refusal_of([&] { again.acquire(); }), "");
  again.release();
  again.release();
}

TEST(Deadlock, is_no_matter_of_who_has_released_or_given_away) {
  Lock lock;
  lock.acquire();
  Thread([&] { lock.release(); }).start();  // joined at once
  lock.acquire();
  EXPECT_NE(refusal_of([&] { lock.acquire(); }), "");
  Taker other("other", [&] { lock.release(); }, [] {});
  other.join();
  EXPECT_EQ(refusal_of([&] { lock.acquire(); }), "");
}

TEST(Deadlock, through_a_join_is_refused_to_the_joiner) {
  Lock lock;
  lock.acquire();
  Taker other("other", [] {}, [&] { const std::scoped_lock guard(lock); });
  await_waiting("other", "Lock");
  EXPECT_EQ(refusal_of([&] { other.join(); }),
            "deadlock: 'MainThread' waits for the end of 'other'; 'other' waits for " + object("Lock", &lock) +
                ", held by 'MainThread'");
  EXPECT_FALSE(other.thread().join(0s));
  lock.release();
  other.join();
}

TEST(Deadlock, through_a_join_is_refused_to_who_is_joined) {
  Lock lock;
  Event joining;
  std::string refusal;
  Thread joined({.name = "joined"}, [&] {
    joining.wait();
    refusal = refusal_of([&] { lock.acquire(); });
  });
  joined.start();
  Taker joiner(
      "joiner", [&] { lock.acquire(); },
      [&] {
        joined.join();
        lock.release();
      });
  await_waiting("joiner", "the end of 'joined'");
  joining.set();
  joiner.join();
  EXPECT_EQ(refusal, "deadlock: 'joined' waits for " + object("Lock", &lock) +
                         ", held by 'joiner'; 'joiner' waits for the end of 'joined'");
}

template <class Guard>
void expect_circle_through_condition(Guard& lock, Condition& changed, const char* type) {
  Lock needed;
  Taker waiter(
      "waiter", [&] { needed.acquire(); },
      [&] {
        {
          const std::scoped_lock guard(lock);
          changed.wait();
        }
        needed.release();
      });
  await_waiting("waiter", "Condition");
  const std::scoped_lock guard(lock);
  // Notified or not, it cannot go on before we release the lock.
  EXPECT_EQ(refusal_of([&] { needed.acquire(); }),
            "deadlock: 'MainThread' waits for " + object("Lock", &needed) + ", held by 'waiter'; 'waiter' waits for " +
                object("Condition", &changed) + ", then for " + object(type, &lock) + ", held by 'MainThread'");
  changed.notify();
  await_waiting("waiter", object(type, &lock));
  EXPECT_NE(refusal_of([&] { needed.acquire(); }), "");
  lock.release();
  waiter.join();
  lock.acquire();
}

TEST(Deadlock, through_a_conditions_lock_is_refused_to_the_other_one) {
  Lock lock;
  Condition of_lock(lock);
  expect_circle_through_condition(lock, of_lock, "Lock");
  RLock rlock;
  Condition of_rlock(rlock);
  expect_circle_through_condition(rlock, of_rlock, "RLock");
}

TEST(Deadlock, through_readers_and_writers_is_refused) {
  RWLock shared;
  Lock lock;
  lock.acquire();
  Taker reader(
      "reader", [&] { shared.acquire_read(); },
      [&] {
        const std::scoped_lock guard(lock);
        shared.release_read();
      });
  await_waiting("reader", "Lock");
  EXPECT_EQ(refusal_of([&] { shared.acquire_read(); }), "");
  shared.release_read();
  EXPECT_EQ(refusal_of([&] { shared.acquire_write(); }),
            "deadlock: 'MainThread' waits for " + object("RWLock", &shared, " to write") +
                ", held by 'reader'; 'reader' waits for " + object("Lock", &lock) + ", held by 'MainThread'");
  lock.release();
  reader.join();

  lock.acquire();
  Taker writer(
      "writer", [&] { shared.acquire_write(); },
      [&] {
        const std::scoped_lock guard(lock);
        shared.release_write();
      });
  await_waiting("writer", "Lock");
  EXPECT_NE(refusal_of([&] { shared.acquire_read(); }), "");
  lock.release();
  writer.join();
}

TEST(Deadlock, of_a_reader_with_itself_is_refused) {
  RWLock shared;
  shared.acquire_read();
  EXPECT_NE(refusal_of([&] { shared.acquire_write(); }), "");  // no reader becomes a writer
  Taker writer("writer", [] {}, [&] { const std::scoped_lock guard(shared); });
  // Until it has waited for a while new readers pass it.
  await([&] { return !std::shared_lock(shared, std::try_to_lock).owns_lock(); });
  EXPECT_EQ(refusal_of([&] { shared.acquire_read(); }),
            "deadlock: 'MainThread' waits for " + object("RWLock", &shared, " to read") +
                ", behind 'writer'; 'writer' waits for " + object("RWLock", &shared, " to write") +
                ", held by 'MainThread'");
  shared.release_read();
  writer.join();
}

TEST(Deadlock, is_nothing_that_a_time_limit_ends) {
  Lock mine;
  Lock theirs;
  mine.acquire();
  Taker other(
      "other", [&] { theirs.acquire(); },
      [&] {
        EXPECT_TRUE(mine.acquire(1h));
        theirs.release();
        mine.release();
      });
  await_waiting("other", "Lock");
  EXPECT_FALSE(theirs.acquire(1ms));
  EXPECT_FALSE(mine.acquire(1ms));
  EXPECT_FALSE(other.thread().join(1ms));
  // The other one's wait has a limit, so ours has an end, too. It is let go by a third.
  Thread third([&] {
    await_waiting("MainThread", "Lock");
    mine.release();
  });
  third.start();
  theirs.acquire();
  theirs.release();
  other.join();
}

TEST(Deadlock, is_not_seen_in_a_lock_that_is_new_where_an_old_one_was) {
  alignas(Lock) std::array<std::byte, sizeof(Lock)> place{};
  auto* lock = std::construct_at(reinterpret_cast<Lock*>(place.data()));
  lock->acquire();
  std::destroy_at(lock);
  lock = std::construct_at(reinterpret_cast<Lock*>(place.data()));
  Taker other(
      "other", [&] { lock->acquire(); },
      [&] {
        await_waiting("MainThread", "Lock");
        lock->release();
      });
  EXPECT_EQ(refusal_of([&] { lock->acquire(); }), "");
  lock->release();
  other.join();
}

TEST(Deadlock, is_not_seen_in_what_a_thread_that_is_gone_has_held) {
  Lock lock;
  Taker gone("gone", [&] { lock.acquire(); }, [] {});
  gone.join();
  Taker waiter("waiter", [] {}, [&] { lock.acquire(); });
  await_waiting("waiter", "Lock");
  EXPECT_EQ(told_of("waiter"), "waits for " + object("Lock", &lock) + ", held by a thread that has ended");
  lock.release();
  waiter.join();
}

TEST(DeadlockDeathTest, in_a_destructor_ends_the_program_with_its_name) {
  const auto destroy_joining = [] {
    Lock lock;
    lock.acquire();
    Thread other({.name = "other"}, [&] { lock.acquire(); });
    other.start();
    await_waiting("other", "Lock");
  };
  EXPECT_DEATH(destroy_joining(), "deadlock: 'MainThread' waits for the end of 'other'");
}

// It would hang. Here a stranger has mercy.
[[noreturn]] void end_with_a_lock_that_a_thread_wants() {
  Lock lock;
  lock.acquire();
  Thread other({.name = "other"}, [&] { lock.acquire(); });
  other.start();
  await_waiting("other", "Lock");
  std::thread([&] {
    await_waiting("MainThread", "the end of 'other'");
    lock.release();
  }).detach();
  std::exit(0);  // NOLINT(concurrency-mt-unsafe)
}

TEST(DeadlockDeathTest, at_the_programs_end_is_said) {
  EXPECT_EXIT(end_with_a_lock_that_a_thread_wants(), ::testing::ExitedWithCode(0),
              "the program cannot end: deadlock: 'MainThread' waits for the end of 'other'; 'other' waits for Lock");
}

}  // namespace
}  // namespace muster::testing
