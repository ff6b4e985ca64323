// The pool's end of a worker that runs wild, where an order of events is to be shown; tests/fuzz/link.cpp tries the
// rest.

#include "engine/process/link.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <thread>
#include <utility>

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

}  // namespace
}  // namespace muster::engine::process
