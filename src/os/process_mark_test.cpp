#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

#include "os/process.hpp"
#include "os/testing.hpp"

namespace muster::os {
namespace {

TEST(ProcessMark, is_the_same_whenever_asked_and_names_the_process) {
  EXPECT_EQ(process_mark(), process_mark());
  EXPECT_EQ(process_mark() & 0x3fffff, static_cast<std::uint64_t>(getpid()));
  EXPECT_EQ(process_mark() & 0x3ffffc00000, 0U);
  EXPECT_NE(process_mark() >> 42U, 0U);
  EXPECT_FALSE(has_died(process_mark()));
}

TEST(ProcessMark, of_a_copy_is_another) {
  const std::uint64_t ours = process_mark();
  const End end = testing::end_of_copy([ours] {
    const bool is_its_own = (process_mark() & 0x3fffff) == static_cast<std::uint64_t>(getpid());
    return process_mark() != ours && is_its_own && !has_died(ours) ? 0 : 1;
  });
  EXPECT_EQ(end.code, 0);
  EXPECT_EQ(end.signal, 0);
}

// Nobody has reaped it then.
TEST(ProcessMark, tells_of_a_process_that_was_killed) {
  const Process process = start_copy([] {
    for (;;) pause();
    return 0;
  });
  const int id = process.id;
  const auto mark = static_cast<std::uint64_t>(id);  // a start of 0: not known
  EXPECT_FALSE(has_died(mark));
  send_signal(process, kKill);
  testing::await_end(process);
  EXPECT_TRUE(has_died(mark));
  EXPECT_TRUE(await_any().has_value());
  EXPECT_TRUE(has_died(mark));
}

// Its number has been given to another process, here ours.
TEST(ProcessMark, tells_a_process_from_one_of_the_same_number) {
  const std::uint64_t before = process_mark() - (std::uint64_t{1} << 42U);
  EXPECT_TRUE(has_died(before));
}

// Until its last thread has ended, a process whose first one has may hold locks.
TEST(ProcessMark, does_not_take_the_end_of_the_first_thread_for_that_of_the_process) {
  std::pair<Descriptor, Descriptor> pipe = message_pair();
  const Process process = start_copy([&pipe]() -> int {
    const int connection = pipe.second.number();
    pipe.first = {};
    Thread([connection] {
      char byte = 0;
      while (read(connection, &byte, 1) > 0) {
      }
      _exit(0);
    }).detach();
    syscall(SYS_exit, 0);  // of this thread, without unwinding
    return 1;
  });
  pipe.second = {};
  const auto state_of = [&process] {
    std::array<char, 64> path{};
    std::snprintf(path.data(), path.size(), "/proc/%d/stat", process.id);
    std::ifstream file(path.data());
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const std::size_t name_end = text.rfind(") ");
    return name_end == std::string::npos ? '?' : text[name_end + 2];
  };
  while (state_of() != 'Z') yield();
  EXPECT_FALSE(has_died(static_cast<std::uint64_t>(process.id)));
  pipe.first = {};
  testing::await_end(process);
  EXPECT_TRUE(has_died(static_cast<std::uint64_t>(process.id)));
  EXPECT_TRUE(await_any().has_value());
}

}  // namespace
}  // namespace muster::os
