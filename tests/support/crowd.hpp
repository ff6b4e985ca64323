#pragma once
// Threads that do the same at the same time.

#include <functional>
#include <thread>
#include <vector>

namespace muster::testing {

// Joined by its end.
class Crowd {
 public:
  Crowd(int count, const std::function<void(int)>& body) {
    for (int number = 0; number < count; ++number) threads_.emplace_back(body, number);
  }
  ~Crowd() { join(); }
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  void join() {
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  std::vector<std::thread> threads_;
};

// Whether another thread gets the lock without waiting.
template <class Lock>
bool is_free_for_others(Lock& lock) {
  bool got = false;
  std::thread([&] {
    got = lock.acquire(false);
    if (got) lock.release();
  }).join();
  return got;
}

// Until what another thread is about to do has happened.
template <class Holds>
void await(const Holds& holds) {
  while (!holds()) std::this_thread::yield();
}

}  // namespace muster::testing
