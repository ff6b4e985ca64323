#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "os/process.hpp"
#include "os/testing.hpp"
#include "tests/support/child.hpp"
#include "tests/support/leaks.hpp"

namespace muster::os {
namespace {

using muster::testing::require;
using muster::testing::run_in_child;

std::span<const std::byte> bytes(const std::string& text) { return std::as_bytes(std::span(text.data(), text.size())); }
std::string text(const Message& message) {
  return {reinterpret_cast<const char*>(message.bytes().data()), message.bytes().size()};
}

Descriptor open_something() { return Descriptor(open("/dev/null", O_RDWR | O_CLOEXEC)); }

bool same_file(int a, int b) {
  struct stat first = {};
  struct stat second = {};
  return fstat(a, &first) == 0 && fstat(b, &second) == 0 && first.st_ino == second.st_ino &&
         first.st_dev == second.st_dev;
}

// ---- messages ----

TEST(Messages, keep_their_order_and_their_borders_both_ways) {
  const auto [here, there] = message_pair();
  EXPECT_EQ(receive_message(there).state, Message::State::kNothing);
  EXPECT_TRUE(send_message(here, bytes("one")));
  EXPECT_TRUE(send_message(here, bytes("two, longer")));
  EXPECT_TRUE(send_message(there, bytes("back")));
  EXPECT_EQ(text(receive_message(there)), "one");
  EXPECT_EQ(text(receive_message(there)), "two, longer");
  EXPECT_EQ(text(receive_message(here)), "back");
  EXPECT_EQ(receive_message(there).state, Message::State::kNothing);
}

TEST(Messages, may_be_as_long_as_is_said) {
  const auto [here, there] = message_pair();
  std::string longest(kMostMessageBytes, 'x');
  longest.back() = 'y';
  EXPECT_TRUE(send_message(here, bytes(longest)));
  const Message message = receive_message(there);
  EXPECT_EQ(text(message), longest);
  EXPECT_FALSE(message.cut);
}

TEST(Messages, carry_descriptors_that_close_on_exec) {
  const auto [here, there] = message_pair();
  const Mapping memory = Mapping::memfd(1);
  const std::array numbers{memory.descriptor(), STDERR_FILENO};
  EXPECT_TRUE(send_message(here, bytes("x"), numbers));
  const Message message = receive_message(there);
  ASSERT_EQ(message.descriptors.size(), 2U);
  EXPECT_TRUE(same_file(message.descriptors[0].number(), memory.descriptor()));
  EXPECT_TRUE(same_file(message.descriptors[1].number(), STDERR_FILENO));
  for (const Descriptor& descriptor : message.descriptors) {
    EXPECT_NE(fcntl(descriptor.number(), F_GETFD) & FD_CLOEXEC, 0);
  }
}

TEST(Messages, carry_as_many_descriptors_as_is_said) {
  const auto [here, there] = message_pair();
  const Descriptor one = open_something();
  const std::vector<int> numbers(kMostMessageDescriptors, one.number());
  EXPECT_TRUE(send_message(here, bytes("x"), numbers));
  const Message message = receive_message(there);
  EXPECT_EQ(message.descriptors.size(), kMostMessageDescriptors);
  EXPECT_FALSE(message.cut);
}

TEST(Messages, with_a_descriptor_that_is_not_open_are_not_sent) {
  const auto [here, there] = message_pair();
  const std::array numbers{-1};
  EXPECT_FALSE(send_message(here, bytes("x"), numbers));
  EXPECT_EQ(receive_message(there).state, Message::State::kNothing);
}

TEST(Messages, that_nobody_reads_leave_no_descriptor_behind) {
  const std::ptrdiff_t before = testing::open_descriptors();
  {
    const auto [here, there] = message_pair();
    const Descriptor something = open_something();
    const std::array numbers{something.number()};
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(send_message(here, bytes("x"), numbers));
  }
  EXPECT_EQ(testing::open_descriptors(), before);
}

// ---- the end of a connection ----

TEST(Messages, to_nobody_are_refused_without_a_signal) {
  auto [here, there] = message_pair();
  there.reset();
  EXPECT_FALSE(send_message(here, bytes("x")));
  EXPECT_EQ(offer_message(here, bytes("x")), Offer::kClosed);
  EXPECT_EQ(receive_message(here).state, Message::State::kClosed);
  EXPECT_EQ(receive_message(here).state, Message::State::kClosed);
}

TEST(Messages, sent_before_the_end_are_received_before_it) {
  auto [here, there] = message_pair();
  EXPECT_TRUE(send_message(there, bytes("last words")));
  there.reset();
  EXPECT_EQ(text(receive_message(here)), "last words");
  EXPECT_EQ(receive_message(here).state, Message::State::kClosed);
}

// The kernel then tells of a reset before it gives what is there.
TEST(Messages, are_received_though_the_sender_left_some_unread) {
  auto [here, there] = message_pair();
  EXPECT_TRUE(send_message(here, bytes("never read")));
  EXPECT_TRUE(send_message(there, bytes("last words")));
  there.reset();
  EXPECT_EQ(text(receive_message(here)), "last words");
  EXPECT_EQ(receive_message(here).state, Message::State::kClosed);
}

TEST(Messages, shut_ends_a_connection_of_which_there_are_copies) {
  const auto [here, there] = message_pair();
  const Descriptor copy(dup(here.number()));
  EXPECT_TRUE(send_message(here, bytes("before")));
  shut(here);
  EXPECT_EQ(text(receive_message(there)), "before");
  EXPECT_EQ(receive_message(there).state, Message::State::kClosed);
  EXPECT_FALSE(send_message(there, bytes("x")));
  EXPECT_FALSE(send_message(copy, bytes("x")));
}

// ---- full connections, full tables ----

TEST(Messages, offered_to_a_full_connection_are_not_taken) {
  const auto [here, there] = message_pair();
  int sent = 0;
  while (offer_message(here, bytes("message " + std::to_string(sent))) == Offer::kTaken) ++sent;
  EXPECT_GT(sent, 10);
  EXPECT_EQ(offer_message(here, bytes("x")), Offer::kFull);
  for (int i = 0; i < sent; ++i) EXPECT_EQ(text(receive_message(there)), "message " + std::to_string(i));
  EXPECT_EQ(offer_message(here, bytes("x")), Offer::kTaken);
}

TEST(Messages, wait_while_the_connection_is_full) {
  const auto [here, there] = message_pair();
  constexpr int kMany = 3000;
  Thread sender([&sending = here] {
    for (int i = 0; i < kMany; ++i) EXPECT_TRUE(send_message(sending, bytes(std::to_string(i))));
  });
  const std::array waited{there.number()};
  std::array<bool, 1> ready{};
  for (int i = 0; i < kMany;) {
    wait_readable(waited, ready, kForever);
    const Message message = receive_message(there);
    if (message.state == Message::State::kNothing) continue;
    ASSERT_EQ(text(message), std::to_string(i++));
  }
  sender.join();
}

TEST(Messages, whose_descriptors_find_no_room_say_so_and_lose_no_other) {
  const auto ended = run_in_child([] {
    const auto [here, there] = message_pair();
    const Descriptor something = open_something();
    const std::vector<int> three(3, something.number());
    require(send_message(here, bytes("x"), three) && send_message(here, bytes("y"), three), "send");
    const rlimit few{.rlim_cur = 64, .rlim_max = 64};
    require(setrlimit(RLIMIT_NOFILE, &few) == 0, "setrlimit");
    std::vector<Descriptor> taken;
    for (;;) {
      Descriptor one = open_something();
      if (!one) break;
      taken.push_back(std::move(one));
    }
    taken.pop_back();
    const Message cut = receive_message(there);
    require(cut.state == Message::State::kMessage && text(cut) == "x", "the bytes come all the same");
    require(cut.cut && cut.descriptors.size() == 1, "one had room");
    taken.clear();
    const Message whole = receive_message(there);
    require(!whole.cut && whole.descriptors.size() == 3, "all have");
  });
  EXPECT_TRUE(ended.well()) << ended;
}

// Signals hit the sender and the receiver at all times, and neither loses anything.
TEST(Messages, survive_signals) {
  const auto [here, there] = message_pair();
  struct sigaction nothing = {};
  struct sigaction before = {};
  nothing.sa_handler = [](int) {};
  sigaction(SIGUSR1, &nothing, &before);
  std::atomic<bool> over{false};
  const pthread_t receiver = pthread_self();
  Thread pest([&] {
    while (!over.load()) {
      pthread_kill(receiver, SIGUSR1);
      yield();
    }
  });
  Thread sender([&sending = here] {
    for (int i = 0; i < 2000; ++i) send_message(sending, bytes(std::to_string(i)));
  });
  const std::array waited{there.number()};
  std::array<bool, 1> ready{};
  for (int i = 0; i < 2000;) {
    wait_readable(waited, ready, now() + 1'000'000);
    const Message message = receive_message(there);
    if (message.state == Message::State::kNothing) continue;
    ASSERT_EQ(text(message), std::to_string(i++));
  }
  over = true;
  pest.join();
  sender.join();
  sigaction(SIGUSR1, &before, nullptr);
}

}  // namespace
}  // namespace muster::os
