#include <muster/detail/wait_word.hpp>

#include "os/os.hpp"
#include "parts/sync/await.hpp"

namespace muster::detail {
namespace {

os::Scope of(Scope scope) noexcept { return scope == Scope::kPrivate ? os::Scope::kPrivate : os::Scope::kShared; }

}  // namespace

Await await_bits(std::atomic<std::uint32_t>& word, std::uint32_t bits, Nanos deadline, Scope scope) {
  return sync::await(word, [bits](std::uint32_t value) { return (value & bits) != 0; }, deadline, of(scope));
}

bool await_change(std::atomic<std::uint32_t>& word, std::uint32_t seen, Nanos deadline, Scope scope,
                  bool spin) noexcept {
  const auto changed = [seen](std::uint32_t value) { return ((value ^ seen) & ~kSleepers) != 0; };
  return sync::await(word, changed, deadline, of(scope), spin ? sync::kSpin : 0) == Await::kReady;
}

void wake_one(std::atomic<std::uint32_t>& word, Scope scope) noexcept { os::futex_wake(word, 1, of(scope)); }
void wake_all(std::atomic<std::uint32_t>& word, Scope scope) noexcept { os::futex_wake(word, os::kAll, of(scope)); }

Nanos now() noexcept { return os::now(); }

}  // namespace muster::detail
