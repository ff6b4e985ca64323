// The pool's end of a worker that runs wild, where an order of events is to be shown; tests/fuzz/link.cpp tries the
// rest.

#include "engine/process/link.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

#include "os/process.hpp"
#include "tests/support/leaks.hpp"

namespace muster::engine::process {
namespace {

os::Mapping workers_view(const Link& link) {
  const os::Bell bell;
  os::Descriptor copy(fcntl(link.descriptors(bell).front(), F_DUPFD_CLOEXEC, 3));
  return os::map_shared(std::move(copy), Channel::kBytes, true);
}

// The pool has told the caller to look, and believes that nobody sleeps there; the worker writes that somebody does.
TEST(Link, caller_goes_on_when_a_worker_has_ended_that_told_it_to_sleep) {
  Link link(0, 0);
  const os::Mapping memory = workers_view(link);
  const std::uint32_t seen = link.attend(&link, true);
  link.listen(kNobody);
  static_cast<Channel*>(memory.data())->listener.store(kCaller);
  std::jthread caller([&] { link.await_answer(seen, true); });
  link.listen(kNobody);
  link.dismiss();
}

// What it was given lies in a ring, where something else comes to lie once the worker is done with it; whatever that
// is, it does not say that the first is still to be had.
TEST(Link, takes_nothing_back_that_the_worker_has_passed_and_not_answered_yet) {
  Link link(0, 0);
  const os::Mapping memory = workers_view(link);
  queue::RingConsumer worker(static_cast<Channel*>(memory.data())->down_ring());
  const std::vector<std::byte> zeros(kInlineBytes);
  const auto pass = [&](std::uint32_t claim) {
    Entry entry;
    entry.range = {0, 1, 0};
    ASSERT_TRUE(link.has_room());
    link.send(std::move(entry), 0, zeros);
    const auto record = worker.next();
    ASSERT_TRUE(record);
    reinterpret_cast<EntryHead*>(record->bytes.data())->claim = claim;
    worker.release();
  };
  pass(kClaimed);
  Entry& first = *link.front();
  EXPECT_FALSE(link.revoke(first));
  for (std::size_t passed = 0; passed < 2 * std::size_t{kDownBytes}; passed += kInlineBytes) {
    pass(kFree);
    ASSERT_FALSE(link.revoke(first)) << passed;
  }
}

}  // namespace
}  // namespace muster::engine::process
