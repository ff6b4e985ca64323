// Locks between processes, beside the C library's robust ones and a lock of one process.

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
#include <muster/multiprocessing.hpp>
#include <muster/threading.hpp>

#include <cerrno>
#include <csignal>

#include "bench/locks/works.hpp"

namespace bench {
namespace {

using muster::multiprocessing::Event;
using muster::multiprocessing::Shared;

// Tells whoever takes it after a death by throwing, too.
class Robust {
 public:
  Robust() {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    check(pthread_mutex_init(&mutex_, &attributes) == 0, "a robust mutex");
    pthread_mutexattr_destroy(&attributes);
  }
  ~Robust() { pthread_mutex_destroy(&mutex_); }
  Robust(const Robust&) = delete;
  Robust& operator=(const Robust&) = delete;

  void lock() {
    if (pthread_mutex_lock(&mutex_) != EOWNERDEAD) return;
    pthread_mutex_consistent(&mutex_);
    throw muster::OwnerDied(0);
  }
  void unlock() { pthread_mutex_unlock(&mutex_); }

 private:
  pthread_mutex_t mutex_;
};

// From the death of a process that holds the lock until a thread that waits for it knows, in milliseconds.
template <class Lock>
double owner_died() {
  struct Held {
    Lock lock;
    Event held;
  };
  const Shared<Held> shared;
  const pid_t holder = fork();
  if (holder == 0) {
    shared->lock.lock();
    shared->held.set();
    for (;;) pause();
  }
  check(holder > 0, "fork");
  shared->held.wait();
  std::latch begun(2);
  Clock::time_point told;
  std::thread waiter([&] {
    begun.arrive_and_wait();
    try {
      shared->lock.lock();
    } catch (const muster::OwnerDied&) {
      told = Clock::now();
    }
    shared->lock.unlock();
  });
  begun.arrive_and_wait();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // long enough asleep for the waiter
  const Clock::time_point killed = Clock::now();
  kill(holder, SIGKILL);
  waiter.join();
  waitpid(holder, nullptr, 0);
  check(told > killed, "owner_died");
  return std::chrono::duration<double, std::milli>(told - killed).count();
}

template <class Lock>
void add_shared(std::vector<Work>& works, const std::string& impl, int threads) {
  works.push_back({"shared_alone", impl, "ns", uncontended<Lock>});
  works.push_back({"shared_short", impl, "ns", [threads] { return contended<Lock>(threads, 0); }});
  works.push_back({"shared_long", impl, "ns", [threads] { return contended<Lock>(threads, kLong); }});
}

}  // namespace

std::vector<Work> shared_locks(int threads) {
  std::vector<Work> works;
  add_shared<muster::multiprocessing::Lock>(works, kOurs, threads);
  add_shared<Robust>(works, "robust", threads);
  add_shared<muster::threading::Lock>(works, "private", threads);
  works.push_back({"owner_died", kOurs, "ms", owner_died<muster::multiprocessing::Lock>});
  works.push_back({"owner_died", "robust", "ms", owner_died<Robust>});
  return works;
}

}  // namespace bench
