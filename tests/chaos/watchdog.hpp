#pragma once
// Ends the program, with a word on how to see it again, if it lives too long: something waits for ever.

#include <csignal>
#include <string>

#include <unistd.h>

#include "tests/support/sanitized.hpp"

namespace muster::chaos {

class Watchdog {
 public:
  explicit Watchdog(const std::string& again) {
    said() = "\nchaos: a round does not come to its end\nto see it again: " + again + "\n";
    std::signal(SIGALRM, &bark);
    alarm(testing::sanitized() ? 240 : 60);
  }
  ~Watchdog() { alarm(0); }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  static std::string& said() {
    static std::string text;
    return text;
  }
  static void bark(int /*signal*/) {
    [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, said().data(), said().size());
    _exit(1);
  }
};

}  // namespace muster::chaos
