// A lock and what it guards in memory that processes share; and what happens when one dies with the lock.

#include <muster/multiprocessing.hpp>
#include <muster/pool.hpp>

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <ranges>

using namespace muster;

// account
struct Account {
  multiprocessing::Lock lock;
  long balance = 0;
};
multiprocessing::Shared<Account> account;  // made before the workers are forked

void deposit(int amount) {
  const std::scoped_lock guard(account->lock);
  account->balance += amount;
}
// end

// careless
void careless() {
  account->lock.acquire();
  account->balance += 1;
  std::abort();  // with the lock
}
// end

int main() {
  ProcessPool pool({.processes = 4, .start_method = StartMethod::fork});
  pool.map(deposit, std::views::iota(1, 101));
  std::printf("the balance is %ld\n", account->balance);

  try {
    pool.apply(careless);
  } catch (const WorkerLost&) {
    std::puts("the worker is lost");
  }
  // died
  try {
    account->lock.acquire();
  } catch (const OwnerDied&) {  // and the lock is ours
    account->balance = 5050;
    std::puts("repaired");
  }
  account->lock.release();
  // end
  deposit(50);
  std::printf("the balance is %ld\n", account->balance);
}
