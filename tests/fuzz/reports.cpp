// What comes over the connection of a template, as the program hears it: Template::news, and the answer to a wish for
// one. The template behind it is a real one, whose connection was exchanged for one that we write to.

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "os/process.hpp"
#include "parts/start/inside.hpp"
#include "parts/start/template.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace muster::fuzz {
namespace {

using namespace start;

int sit(Birth /*birth*/) { return 0; }  // NOLINT(performance-unnecessary-value-param)

// Made once, with the first input. Its process sees that nobody is there any more, and ends.
class Exchanged {
 public:
  Exchanged() : template_(Method::kFork, &sit, {}) {
    auto [here, there] = os::message_pair();
    if (dup3(there.number(), template_.descriptor(), O_CLOEXEC) < 0) throw std::runtime_error("dup3");
    ours_ = std::move(here);
  }
  Template& pool_side() noexcept { return template_; }
  const os::Descriptor& ours() const noexcept { return ours_; }

  // Has the template forget the workers that it refused: each is told to be gone.
  void bury(const std::vector<std::int32_t>& ids) {
    for (const std::int32_t id : ids) {
      const Report ended{.what = Report::What::kEnded, .id = id};
      if (os::offer_message(ours_, bytes_of(ended)) == os::Offer::kTaken) static_cast<void>(template_.news());
    }
  }
  // What the program says is not kept: it would wait for room.
  void listen() {
    while (os::receive_message(ours_).state == os::Message::State::kMessage) {
    }
  }

 private:
  Template template_;
  os::Descriptor ours_;
};

Exchanged& exchanged() {
  static auto* const made = new Exchanged;  // never destroyed: there is nobody to say good-bye to
  return *made;
}

Report any_report(Choices& in) {
  Report report{.what = static_cast<Report::What>(in.below(6)), .place = static_cast<std::uint32_t>(in.below(4))};
  report.id = in.below(2) == 0 ? static_cast<std::int32_t>(in.below(8)) : in.number<std::int32_t>();
  report.error = in.number<std::int16_t>();
  report.signal = in.number<std::int16_t>();
  return report;
}

std::vector<std::byte> any_message(Choices& in) {
  if (in.below(4) > 0) {
    const Report report = any_report(in);
    const auto bytes = bytes_of(report);
    return {bytes.begin(), bytes.end()};
  }
  const auto bytes = in.bytes(1 + in.below(64));
  return bytes.empty() ? std::vector<std::byte>(1) : std::vector<std::byte>(bytes.begin(), bytes.end());
}

void send(Choices& in, const os::Descriptor& to) {
  const std::array<int, 3> numbers{to.number(), to.number(), to.number()};
  const auto message = any_message(in);
  static_cast<void>(os::offer_message(to, message, std::span(numbers).first(in.below(8) < 4 ? 0 : in.below(4))));
}

void hear_news(Choices& in) {
  Exchanged& all = exchanged();
  std::vector<std::int32_t> refused;
  while (!in.over()) {
    send(in, all.ours());
    while (const std::optional<News> told = all.pool_side().news()) {
      require(told->what != News::What::kClosed, "a connection that is open was said to be closed");
      require(told->what != News::What::kStarted || static_cast<bool>(told->process.handle),
              "a worker was started that nobody could kill");
      if (told->what == News::What::kRefused && told->error == EMFILE) refused.push_back(told->process.id);
    }
    all.listen();
  }
  all.bury(refused);
}

void hear_answer(Choices& in) {
  auto [here, there] = os::message_pair();
  send(in, there);
  there.reset();
  os::Process process;
  try {
    await_answer(here, process);
    require(static_cast<bool>(process.handle), "a template was started that nobody could watch");
  } catch (const std::exception&) {
    require(!process.handle, "a template that was not started has a handle");
  }
}

}  // namespace

void play(std::span<const std::byte> input) {
  exchanged();
  Choices in(input);
  if (in.below(4) == 0) {
    hear_answer(in);
  } else {
    hear_news(in);
  }
}

}  // namespace muster::fuzz
