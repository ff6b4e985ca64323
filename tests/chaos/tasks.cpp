#include "tests/chaos/tasks.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <new>
#include <stdexcept>

#include "tests/support/sanitized.hpp"

namespace muster::chaos {
namespace {

std::uint64_t scramble(std::uint64_t x) {
  x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27U)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31U);
}

std::uint64_t number_of(const Task& task) {
  return scramble(task.salt + 0x9E3779B97F4A7C15U * static_cast<std::uint64_t>(task.item + 1));
}

// Of what tasks die. A sanitizer ends the process in its own way where memory or the stack does.
constexpr auto kOwnDeaths = [] {
  if constexpr (testing::sanitized()) {
    return std::array{Death::kExit, Death::kAbort, Death::kKillsItself};
  } else {
    return std::array{Death::kExit,     Death::kSegfault,    Death::kAbort,
                      Death::kOverflow, Death::kMemoryLimit, Death::kKillsItself};
  }
}();

int overflow_stack(int depth) {
  volatile char frame[4096];
  frame[0] = static_cast<char>(depth);
  return depth < 0 ? 0 : overflow_stack(depth + 1) + frame[0];
}

void limit(int resource, rlim_t soft) {
  rlimit now{};
  getrlimit(resource, &now);
  now.rlim_cur = soft;
  setrlimit(resource, &now);
}

// A pointer that the compiler must believe to be used.
void take(std::size_t bytes) { [[maybe_unused]] void* volatile memory = ::operator new(bytes); }

[[noreturn]] void run_out_of_memory() noexcept {
  limit(RLIMIT_AS, 1);
  for (;;) take(1U << 20U);
}

void throw_for_want_of_memory() {
  rlimit before{};
  getrlimit(RLIMIT_AS, &before);
  limit(RLIMIT_AS, 1);
  try {
    take(1U << 28U);
  } catch (...) {
    setrlimit(RLIMIT_AS, &before);
    throw;
  }
}

[[noreturn]] void die(Death death) {
  std::signal(SIGSEGV, SIG_DFL);  // a sanitizer would end the process in its own way
  std::signal(SIGABRT, SIG_DFL);
  std::set_terminate([] { std::abort(); });  // in silence
  switch (death) {
    case Death::kExit:
      _exit(17);
    case Death::kSegfault:
      *static_cast<volatile int*>(nullptr) = 1;  // NOLINT: the point of it
      break;
    case Death::kOverflow:
      limit(RLIMIT_STACK, 1U << 18U);  // sooner
      overflow_stack(0);
      break;
    case Death::kMemoryLimit:
      run_out_of_memory();
    case Death::kKillsItself:
      raise(SIGKILL);
      break;
    default:
      break;
  }
  std::abort();
}

}  // namespace

Plan plan_of(const Task& task) {
  const std::uint64_t number = number_of(task) % 1000;
  if (number < 5) return Plan::kThrow;
  if (number < 10) return testing::sanitized() ? Plan::kThrow : Plan::kNoMemory;
  return task.limited && number < 40 ? Plan::kSpin : Plan::kAnswer;
}

std::optional<Death> death_of(const Task& task, int pid) {
  const std::uint64_t number = scramble(number_of(task) + static_cast<std::uint64_t>(pid));
  if (number % 1000 >= task.deadly) return std::nullopt;
  return kOwnDeaths[number / 1000 % kOwnDeaths.size()];
}

long mix(long item) { return item * 2654435761 % 1000003; }
std::string text_thrown(long item) { return "thrown by " + std::to_string(item); }

Answer work(Task task) {
  Board& board = Board::in_worker(task.board);
  board.note_begun(task.item);
  if (const auto death = death_of(task, getpid())) {
    board.note(getpid());
    board.count(*death);
    die(*death);
  }
  switch (plan_of(task)) {
    case Plan::kAnswer:
      break;
    case Plan::kThrow:
      throw std::runtime_error(text_thrown(task.item));
    case Plan::kNoMemory:
      throw_for_want_of_memory();
      break;
    case Plan::kSpin:
      for (volatile bool ever = true; ever;) {
      }
  }
  return {task.item, mix(task.item)};
}

std::vector<long> swell(const std::vector<long>& values) {
  std::vector<long> twice = values;
  for (long& value : twice) value *= 2;
  return twice;
}

}  // namespace muster::chaos
