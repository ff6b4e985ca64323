#pragma once
// One pool from its beginning to its end, with calls of all kinds on their way while its workers die, and while it
// grows, shrinks and pauses.

#include <cstdint>

#include "tests/chaos/board.hpp"
#include "tests/chaos/judge.hpp"
#include "tests/chaos/methods.hpp"

namespace muster::chaos {

// All that is chosen follows from the seed. Throws std::runtime_error for what must not be.
void play_round(const Method& method, std::uint64_t seed, Board& board, Judge& judge);

}  // namespace muster::chaos
