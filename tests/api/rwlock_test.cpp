#include <gtest/gtest.h>
#include <muster/threading.hpp>

#include <atomic>
#include <chrono>
#include <mutex>
#include <shared_mutex>
#include <thread>

#include "tests/support/crowd.hpp"
#include "tests/support/leaks.hpp"

namespace muster::testing {
namespace {

using namespace std::chrono_literals;
using threading::RWLock;

// How many wait, which there is no call to ask: so many bits each of the lock's only word.
std::uint64_t waiting(const RWLock& lock, unsigned at, unsigned bits) {
  return reinterpret_cast<const std::atomic<std::uint64_t>&>(lock).load() >> at & ((1U << bits) - 1);
}
std::uint64_t waiting_readers(const RWLock& lock) { return waiting(lock, 48, 16); }
std::uint64_t waiting_writers(const RWLock& lock) { return waiting(lock, 17, 14); }
std::uint64_t starving_writers(const RWLock& lock) { return waiting(lock, 3, 14); }

TEST(RWLock, is_for_many_readers_or_one_writer) {
  RWLock lock;
  EXPECT_TRUE(lock.acquire_read());
  EXPECT_TRUE(lock.acquire_read(false));
  EXPECT_FALSE(lock.acquire_write(false));
  EXPECT_FALSE(lock.acquire_write(1ms));
  EXPECT_TRUE(lock.acquire_read(0s)) << "the writer that gave up keeps nobody out";
  for (int reader = 0; reader < 3; ++reader) lock.release_read();
  EXPECT_TRUE(lock.acquire_write());
  EXPECT_FALSE(lock.acquire_read(false));
  EXPECT_FALSE(lock.acquire_read(1ms));
  EXPECT_FALSE(lock.acquire_write(1ms));
  lock.release_write();
  EXPECT_TRUE(lock.acquire_read(false));
  lock.release_read();
  static_assert(sizeof(RWLock) == 8);
}

TEST(RWLock, release_of_what_is_not_held_throws) {
  RWLock lock;
  EXPECT_THROW(lock.release_read(), LockError);
  EXPECT_THROW(lock.release_write(), LockError);
  lock.acquire_read();
  EXPECT_THROW(lock.release_write(), LockError);
  lock.release_read();
  lock.acquire_write();
  EXPECT_THROW(lock.release_read(), LockError);
  lock.release_write();
}

TEST(RWLock, is_a_standard_shared_lockable) {
  RWLock lock;
  {
    const std::shared_lock one(lock);
    std::shared_lock two(lock, std::try_to_lock);
    EXPECT_TRUE(two.owns_lock());
    two.unlock();
    EXPECT_TRUE(two.try_lock_for(1h));
    std::unique_lock writer(lock, std::defer_lock);
    EXPECT_FALSE(writer.try_lock_for(1ms));
    EXPECT_FALSE(writer.try_lock_until(std::chrono::steady_clock::now() + 1ms));
  }
  const std::unique_lock writer(lock, std::try_to_lock);
  EXPECT_TRUE(writer.owns_lock());
}

TEST(RWLock, a_writer_that_has_waited_for_long_is_not_passed_by_new_readers) {
  RWLock lock;
  lock.acquire_read();
  std::thread writer([&] {
    lock.acquire_write();
    lock.release_write();
  });
  await([&] { return starving_writers(lock) == 1; });
  EXPECT_FALSE(lock.acquire_read(false));
  EXPECT_FALSE(lock.acquire_read(1ms));
  lock.release_read();
  writer.join();
  EXPECT_TRUE(lock.acquire_read(false));
  lock.release_read();
}

TEST(RWLock, readers_that_wait_go_before_the_next_writer) {
  RWLock lock;
  lock.acquire_write();
  std::atomic<int> read{0};
  std::atomic<int> written{0};
  Crowd readers(2, [&](int) {
    lock.acquire_read();
    ++read;
    await([&] { return read == 2; });  // beside each other
    EXPECT_EQ(written, 0);
    lock.release_read();
  });
  await([&] { return waiting_readers(lock) == 2; });
  std::thread writer([&] {
    lock.acquire_write();
    ++written;
    lock.release_write();
  });
  await([&] { return waiting_writers(lock) == 1; });
  lock.release_write();
  readers.join();
  writer.join();
  EXPECT_EQ(written, 1);
}

TEST(RWLock, a_writer_that_has_waited_for_long_is_not_passed_by_new_writers) {
  RWLock lock;
  lock.acquire_read();
  std::atomic<bool> enough{false};
  std::thread writer([&] {
    lock.acquire_write();
    await([&] { return enough.load(); });
    lock.release_write();
  });
  await([&] { return starving_writers(lock) == 1; });
  lock.release_read();
  EXPECT_FALSE(lock.acquire_write(false)) << "the lock is kept for the writer, or it has it";
  EXPECT_FALSE(lock.acquire_write(1ms));
  enough = true;
  writer.join();
  EXPECT_TRUE(lock.acquire_write(false));
}

TEST(RWLock, a_writer_that_gives_up_lets_those_read_whom_it_kept_out) {
  RWLock lock;
  lock.acquire_read();
  std::atomic<bool> enough{false};
  std::thread writer([&] {
    do EXPECT_FALSE(lock.acquire_write(20ms));
    while (!enough);
  });
  await([&] { return starving_writers(lock) == 1; });
  enough = true;
  EXPECT_TRUE(lock.acquire_read()) << "beside the first reader";
  writer.join();
  lock.release_read();
  lock.release_read();
  EXPECT_TRUE(lock.acquire_write(false));
}

// Everything at once, with deadlines that pass at any moment: nobody is stranded, and no writer has company.
TEST(RWLock, keeps_readers_and_writers_apart) {
  RWLock lock;
  std::atomic<int> readers{0};
  std::atomic<int> writers{0};
  long value = 0;
  std::atomic<long> writes{0};
  Crowd(6, [&](int number) {
    for (int i = 0; i < 3000; ++i) {
      const auto patience = std::chrono::microseconds((i * 7 + number) % 60);
      const bool writes_now = (i + number) % 3 == 0;
      const bool limited = i % 2 == 0;
      if (writes_now) {
        if (!(limited ? lock.acquire_write(patience) : lock.acquire_write())) continue;
        EXPECT_EQ(++writers, 1);
        EXPECT_EQ(readers, 0);
        ++value;
        ++writes;
        if (i % 32 == 0) std::this_thread::yield();
        --writers;
        lock.release_write();
      } else {
        if (!(limited ? lock.acquire_read(patience) : lock.acquire_read())) continue;
        ++readers;
        EXPECT_EQ(writers, 0);
        const long before = value;
        if (i % 32 == 0) std::this_thread::yield();
        EXPECT_EQ(value, before);
        --readers;
        lock.release_read();
      }
    }
  }).join();
  EXPECT_EQ(value, writes);
  EXPECT_TRUE(lock.acquire_write(false));
}

}  // namespace
}  // namespace muster::testing
