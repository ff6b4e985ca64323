// An endless imap runs in flat memory.

#include <gtest/gtest.h>
#include <unistd.h>
#include <muster/error.hpp>
#include <muster/thread_pool.hpp>

#include <algorithm>
#include <fstream>
#include <string>

#include "tests/support/generator.hpp"
#include "tests/support/leaks.hpp"

namespace muster::testing {
namespace {

long resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  long pages = 0;
  statm >> pages >> pages;
  return pages * sysconf(_SC_PAGESIZE);
}

// AddressSanitizer keeps freed memory for a while.
#if defined(__SANITIZE_ADDRESS__)
constexpr long kAllowance = 400L << 20;
#else
constexpr long kAllowance = 12L << 20;
#endif

// 2,000 results of 16 KiB each are 32 MiB, of which only a window's worth may be there at a time.
template <class Stream>
void read_and_measure(Stream& stream) {
  for (int i = 0; i < 200; ++i) ASSERT_EQ(stream.next()->size(), 16'384U);
  const long before = resident_bytes();
  long most = before;
  for (int i = 0; i < 2000; ++i) {
    ASSERT_EQ(stream.next()->size(), 16'384U);
    if (i % 100 == 0) most = std::max(most, resident_bytes());
  }
  EXPECT_LT(most - before, kAllowance) << "bytes more than at the beginning";
}

std::string page(int i) { return std::string(16'384, static_cast<char>('a' + i % 26)); }

TEST(ImapMemory, an_endless_imap_runs_in_flat_memory_and_stops) {
  ThreadPool pool(2);
  int read = 0;
  {
    auto stream = pool.imap(page, count_for_ever(read));
    read_and_measure(stream);
  }
  EXPECT_LT(read, 2300);
}

TEST(ImapMemory, an_endless_unordered_imap_too) {
  ThreadPool pool(2);
  int read = 0;
  {
    auto stream = pool.imap_unordered(page, count_for_ever(read), {.chunksize = 3, .window = 20});
    read_and_measure(stream);
  }
  EXPECT_LT(read, 2300);
}

TEST(ImapMemory, leaving_a_stream_over_and_over_leaves_nothing_behind) {
  ThreadPool pool(1);
  int read = 0;
  long before = 0;
  for (int round = 0; round < 600; ++round) {
    auto stream = pool.imap(page, count_for_ever(read), {.window = 8});
    static_cast<void>(stream.next());
    if (round == 100) before = resident_bytes();
  }
  EXPECT_LT(resident_bytes() - before, kAllowance);
}

}  // namespace
}  // namespace muster::testing
