#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <system_error>
#include <vector>

#include "os/process.hpp"
#include "os/testing.hpp"
#include "tests/support/child.hpp"
#include "tests/support/leaks.hpp"

namespace muster::os {
namespace {

using muster::testing::require;
using muster::testing::run_in_child;

Descriptor open_something() { return Descriptor(open("/dev/null", O_RDWR | O_CLOEXEC)); }

// Which file it is.
ino_t file_of(int number) {
  struct stat status = {};
  return fstat(number, &status) == 0 ? status.st_ino : 0;
}

// ---- owning ----

TEST(Descriptor, is_closed_when_it_goes_and_moves_whole) {
  const std::ptrdiff_t before = testing::open_descriptors();
  {
    Descriptor first = open_something();
    EXPECT_TRUE(is_open(first.number()));
    const int number = first.number();
    Descriptor second(std::move(first));
    EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): what this test is about
    EXPECT_EQ(second.number(), number);
    second = open_something();
    EXPECT_FALSE(is_open(number));
    const Descriptor released(second.release());
    EXPECT_FALSE(second);
  }
  EXPECT_EQ(testing::open_descriptors(), before);
}

TEST(Descriptor, of_ours_is_never_a_standard_stream) {
  const auto ended = run_in_child([] {
    for (const int stream : {0, 1}) close(stream);
    const auto [here, there] = message_pair();
    const Bell bell;
    const Descriptor self = process_handle(process_id());
    for (const int number : {here.number(), there.number(), bell.descriptor().number(), self.number()}) {
      require(number > 2, "a standard stream");
    }
    const Process copy = start_quiet_copy([] { return 0; });
    require(copy.handle.number() > 2, "a standard stream");
    reap(copy);
    const std::array byte{std::byte{1}};
    const std::array handed{self.number(), self.number()};
    require(send_message(here, byte, handed), "send");
    const Message message = receive_message(there);
    require(message.descriptors.size() == 2 && !message.cut, "both");
    for (const Descriptor& descriptor : message.descriptors) require(descriptor.number() > 2, "a standard stream");
    require(!is_open(0) && !is_open(1), "nothing has taken their place");
  });
  EXPECT_TRUE(ended.well()) << ended;
}

// ---- closing ----

TEST(CloseAllBut, keeps_the_standard_streams_and_what_it_is_told) {
  const auto ended = run_in_child([] {
    std::vector<Descriptor> opened;
    for (int i = 0; i < 10; ++i) opened.push_back(open_something());
    const int kept = opened[5].number();
    close_all_but({kept, -1, 1});
    for (const Descriptor& descriptor : opened) {
      char byte = 0;
      const bool works = read(descriptor.number(), &byte, 1) == 0;
      require(works == (descriptor.number() == kept), "what is closed says so");
      require(works || errno == EBADF, "as if it were closed");
      require(is_open(descriptor.number()), "but its number is not given to another");
    }
    for (const int stream : {0, 1, 2}) require(is_open(stream), "standard stream");
    const Descriptor next = open_something();
    for (const Descriptor& descriptor : opened) require(next.number() != descriptor.number(), "a new number");
  });
  EXPECT_TRUE(ended.well()) << ended;
}

TEST(CloseAllBut, works_in_a_full_table) {
  const auto ended = run_in_child([] {
    const rlimit few{.rlim_cur = 64, .rlim_max = 64};
    require(setrlimit(RLIMIT_NOFILE, &few) == 0, "setrlimit");
    std::vector<Descriptor> opened;
    for (;;) {
      Descriptor one = open_something();
      if (!one) break;
      opened.push_back(std::move(one));
    }
    const int kept = opened[3].number();
    close_all_but({kept});
    for (const Descriptor& descriptor : opened) {
      require(is_open(descriptor.number()) == (descriptor.number() == kept), "closed for good");
    }
  });
  EXPECT_TRUE(ended.well()) << ended;
}

TEST(CloseAllBut, lets_the_other_end_of_a_pipe_notice) {
  const auto ended = run_in_child([] {
    auto [here, there] = message_pair();
    close_all_but({here.number()});
    require(receive_message(here).state == Message::State::kClosed, "the other end is open");
  });
  EXPECT_TRUE(ended.well()) << ended;
}

// ---- renumbering ----

struct Numbered {
  std::vector<std::pair<Descriptor, int>> moved;
  std::vector<ino_t> files;
};

// Memory files, which can be told from each other; number i shall get the number of i + 1.
Numbered in_a_circle(int count) {
  Numbered circle;
  for (int i = 0; i < count; ++i) {
    circle.moved.emplace_back(Descriptor(memfd_create("circle", MFD_CLOEXEC)), 0);
    circle.files.push_back(file_of(circle.moved.back().first.number()));
  }
  for (std::size_t i = 0; i < circle.moved.size(); ++i) {
    circle.moved[i].second = circle.moved[(i + 1) % circle.moved.size()].first.number();
  }
  return circle;
}

TEST(Renumber, turns_a_circle_round) {
  const auto ended = run_in_child([] {
    Numbered circle = in_a_circle(5);
    std::vector<int> numbers;
    for (const auto& [descriptor, number] : circle.moved) numbers.push_back(number);
    Descriptor apart = open_something();
    const std::array others{&apart};
    const int stays = apart.number();
    renumber(std::move(circle.moved), others);
    for (std::size_t i = 0; i < numbers.size(); ++i) require(file_of(numbers[i]) == circle.files[i], "the wrong file");
    require(apart.number() == stays && is_open(stays), "it was in nobody's way");
  });
  EXPECT_TRUE(ended.well()) << ended;
}

TEST(Renumber, moves_out_of_the_way_what_must_stay) {
  const auto ended = run_in_child([] {
    Descriptor apart(memfd_create("apart", MFD_CLOEXEC));
    const ino_t file = file_of(apart.number());
    const int wanted = apart.number();
    std::vector<std::pair<Descriptor, int>> moved;
    moved.emplace_back(open_something(), wanted);
    const std::array others{&apart};
    renumber(std::move(moved), others);
    require(apart.number() != wanted && file_of(apart.number()) == file, "it has gone on");
    require(is_open(wanted) && file_of(wanted) != file, "the other has its number");
  });
  EXPECT_TRUE(ended.well()) << ended;
}

TEST(Renumber, to_the_number_that_it_has_keeps_it) {
  const auto ended = run_in_child([] {
    Descriptor one(memfd_create("one", MFD_CLOEXEC));
    const int number = one.number();
    const ino_t file = file_of(number);
    std::vector<std::pair<Descriptor, int>> moved;
    moved.emplace_back(std::move(one), number);
    renumber(std::move(moved), {});
    require(file_of(number) == file, "the wrong file");
  });
  EXPECT_TRUE(ended.well()) << ended;
}

TEST(Renumber, beyond_the_limit_throws) {
  std::vector<std::pair<Descriptor, int>> moved;
  moved.emplace_back(open_something(), 1'000'000'000);
  EXPECT_THROW(renumber(std::move(moved), {}), std::system_error);
}

// ---- waiting ----

TEST(WaitReadable, says_which) {
  Bell first;
  Bell second;
  const std::array waited{first.descriptor().number(), -1, second.descriptor().number()};
  std::array<bool, 3> ready{true, true, true};
  EXPECT_FALSE(wait_readable(waited, ready, 0));
  EXPECT_EQ(ready, (std::array{false, false, false}));
  second.ring();
  EXPECT_TRUE(wait_readable(waited, ready, kForever));
  EXPECT_EQ(ready, (std::array{false, false, true}));
  second.silence();
  first.ring();
  first.ring();
  EXPECT_TRUE(wait_readable(waited, ready, kForever));
  EXPECT_EQ(ready, (std::array{true, false, false}));
  first.silence();
  EXPECT_FALSE(wait_readable(waited, ready, 0));
}

TEST(WaitReadable, ends_at_its_deadline) {
  const Bell bell;
  const std::array waited{bell.descriptor().number()};
  std::array<bool, 1> ready{};
  const Nanos until = now() + 3'000'000;
  EXPECT_FALSE(wait_readable(waited, ready, until));
  EXPECT_GE(now(), until);
}

TEST(WaitReadable, takes_more_than_a_few) {
  constexpr std::size_t kMany = 500;
  Bell bell;
  std::vector<int> waited(kMany, -1);
  waited[400] = bell.descriptor().number();
  std::array<bool, kMany> ready{};
  bell.ring();
  EXPECT_TRUE(wait_readable(waited, ready, kForever));
  EXPECT_TRUE(ready[400]);
  EXPECT_EQ(std::ranges::count(ready, true), 1);
}

TEST(Bell, is_heard_in_another_process) {
  Bell bell;
  const Process copy = start_quiet_copy([&] {
    bell.ring();
    return 0;
  });
  const std::array waited{bell.descriptor().number()};
  std::array<bool, 1> ready{};
  EXPECT_TRUE(wait_readable(waited, ready, kForever));
  reap(copy);
}

// ---- shared memory of others ----

TEST(MapShared, sees_what_the_maker_writes) {
  const Mapping made = Mapping::memfd(10'000);
  const Mapping mapped = map_shared(Descriptor(dup(made.descriptor())), 10'000, true);
  ASSERT_EQ(mapped.size(), made.size());
  static_cast<char*>(made.data())[9'999] = 'x';
  EXPECT_EQ(static_cast<char*>(mapped.data())[9'999], 'x');
  static_cast<char*>(mapped.data())[0] = 'y';
  EXPECT_EQ(static_cast<char*>(made.data())[0], 'y');
}

TEST(MapShared, of_nothing_is_nothing) { EXPECT_EQ(map_shared(open_something(), 0, true).data(), nullptr); }

TEST(MapShared, refuses_what_may_become_too_short) {
  const std::ptrdiff_t before = testing::open_descriptors();
  const auto map = [](int number, std::size_t bytes) { map_shared(Descriptor(number), bytes, false); };
  const auto sized = [](unsigned flags) {
    const int number = memfd_create("loose", MFD_CLOEXEC | flags);
    EXPECT_EQ(ftruncate(number, 4096), 0);
    return number;
  };
  EXPECT_THROW(map(sized(MFD_ALLOW_SEALING), 4096), std::system_error) << "no seal";
  EXPECT_THROW(map(sized(0), 4096), std::system_error) << "sealed against seals only";
  EXPECT_THROW(map(open("/dev/zero", O_RDWR | O_CLOEXEC), 4096), std::system_error) << "no shared memory at all";
  EXPECT_THROW(map(-1, 4096), std::system_error);
  const Mapping made = Mapping::memfd(4096);
  EXPECT_THROW(map(dup(made.descriptor()), 4097), std::system_error);
  EXPECT_EQ(testing::open_descriptors(), before + 1);
}

TEST(MapShared, memory_of_ours_can_neither_shrink_nor_grow) {
  const Mapping made = Mapping::memfd(8192);
  EXPECT_NE(ftruncate(made.descriptor(), 4096), 0);
  EXPECT_NE(ftruncate(made.descriptor(), 16384), 0);
}

}  // namespace
}  // namespace muster::os
