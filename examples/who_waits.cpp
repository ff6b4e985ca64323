// Who waits for what, and what becomes of a deadlock. Built with MUSTER_DEADLOCK.

#include <muster/threading.hpp>

#include <cstdio>
#include <iostream>
#include <mutex>
#include <regex>
#include <string>
#include <thread>

namespace threading = muster::threading;

// Ids and addresses differ from run to run.
std::string without_numbers(const std::string& text) {
  return std::regex_replace(std::regex_replace(text, std::regex("0x[0-9a-f]+"), "0x..."), std::regex("[0-9]{2,}"),
                            "...");
}

void await_waiting(const std::string& name) {
  const std::regex waits("\n" + name + " [^\n]*: waits for");
  while (!std::regex_search(threading::who_waits(), waits)) std::this_thread::yield();
}

void report() {
  // report
  threading::Lock desk;
  desk.acquire();
  threading::Thread clerk({.name = "clerk"}, [&] { const std::scoped_lock guard(desk); });
  threading::Thread porter({.name = "porter", .daemon = true}, [&] { clerk.join(); });
  clerk.start();
  porter.start();
  await_waiting("clerk");
  await_waiting("porter");
  std::cout << without_numbers(threading::who_waits());  // threading::dump() writes it to stderr
  // end
  desk.release();
  porter.join();
}

void circle() {
  // circle
  threading::Lock fork;
  threading::Lock knife;
  fork.acquire();
  threading::Thread guest({.name = "guest"}, [&] {
    const std::scoped_lock first(knife);
    const std::scoped_lock second(fork);
    std::cout << "the guest eats\n";
  });
  guest.start();
  await_waiting("guest");
  try {
    knife.acquire();
  } catch (const muster::DeadlockError& error) {
    std::cout << without_numbers(error.what()) << "\n";
  }
  fork.release();  // gives way: the guest goes on
  guest.join();
  // end
}

int main() {
  report();
  circle();
}
