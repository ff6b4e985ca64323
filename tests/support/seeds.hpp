#pragma once
// Rounds of a randomised test. MUSTER_TEST_SEED replays from that seed on (one round, if no number is given);
// MUSTER_TEST_ROUNDS says how many; MUSTER_TEST_VERBOSE prints each seed before its round, for hangs.

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>

namespace muster::testing {

inline std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe)
  return text == nullptr ? otherwise : std::stoull(text);
}

// Plays one round for each of `rounds` seeds, until one fails.
template <class Play>
void for_seeds(std::uint64_t rounds, const Play& play) {
  const bool replay = std::getenv("MUSTER_TEST_SEED") != nullptr;  // NOLINT(concurrency-mt-unsafe)
  rounds = number_from("MUSTER_TEST_ROUNDS", replay ? 1 : rounds);
  const std::uint64_t first = number_from("MUSTER_TEST_SEED", std::random_device{}());
  const bool verbose = number_from("MUSTER_TEST_VERBOSE", 0) != 0;
  std::cout << "MUSTER_TEST_SEED=" << first << " MUSTER_TEST_ROUNDS=" << rounds << std::endl;
  for (std::uint64_t seed = first; seed != first + rounds && !::testing::Test::HasFailure(); ++seed) {
    if (verbose) std::cout << "MUSTER_TEST_SEED=" << seed << std::endl;
    SCOPED_TRACE("MUSTER_TEST_SEED=" + std::to_string(seed));
    play(seed);
  }
}

}  // namespace muster::testing
