// The target under libFuzzer: ./dev fuzz.

#include <cstddef>
#include <cstdint>
#include <span>

#include "tests/fuzz/fuzz.hpp"

// NOLINTBEGIN(readability-identifier-naming): libFuzzer's words
extern "C" {
int LLVMFuzzerInitialize(int* argc, char*** argv);
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
}

// Before libFuzzer starts threads: what a target makes once may be made by fork.
int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  muster::fuzz::play({});
  return 0;
}

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  muster::fuzz::play(std::as_bytes(std::span(data, size)));
  return 0;
}
// NOLINTEND(readability-identifier-naming)
