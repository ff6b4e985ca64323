#pragma once
// What workers do in chaos: nearly all tasks give a value, some throw, and some end their process. What a task does
// follows from its numbers and its process, so that who called it knows what may come of it.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/chaos/board.hpp"

namespace muster::chaos {

struct Task {
  long item = 0;
  std::uint64_t salt = 0;
  int board = -1;
  std::uint32_t deadly = 0;  // in how many of 1000 cases
  bool limited = false;      // has a time limit, which some run into
};

struct Answer {
  long item = 0;
  long value = 0;
};

// What the task does wherever it runs, but for dying.
enum class Plan : std::uint8_t { kAnswer, kThrow, kNoMemory, kSpin };
Plan plan_of(const Task& task);
// Of what it dies in the process with that number.
std::optional<Death> death_of(const Task& task, int pid);

long mix(long item);
Answer work(Task task);
std::vector<long> swell(const std::vector<long>& values);  // twice of each
std::string text_thrown(long item);

}  // namespace muster::chaos
