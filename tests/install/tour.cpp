// What an outside program sees of the installed library.
#include <muster/cpu.hpp>

#include <cstdio>

int main() {
  std::printf("workers by default: %s\n", muster::usable_cpus() >= 1 ? "at least one" : "none");
  return 0;
}
