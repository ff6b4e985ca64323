// Templates that are no copies of the program but the program executed anew, which becomes one at the top of its main:
// the way there, in the order in which it is gone.

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <muster/error.hpp>

#include "os/modules.hpp"
#include "parts/start/inside.hpp"

namespace muster::start {
namespace {

// Tells a program that it was executed for this: its own process id, and then the numbers of what it is left with. The
// id, since what it executes itself before it reads this inherits it.
constexpr const char* kMarker = "MUSTER_TEMPLATE";
enum Left : std::uint8_t { kId, kConnection, kProgram, kFarewell, kKept };

// Of this program. Never destroyed: a pool may outlive the end of main.
std::vector<std::string>& arguments() {
  static auto* const all = new std::vector<std::string>;
  return *all;
}

}  // namespace

// ---- in the program -------------------------------------------------------------------------------------------------

os::CodePlace place_anew(Body body) {
  const auto place = os::place_of(reinterpret_cast<const void*>(body));
  if (!os::program_has_build_id() || !place || place->build_id_size == 0) {
    throw Error(
        "spawn: this program has no build id, by which its functions are known where it is executed anew; link it with "
        "-Wl,--build-id, or take another start method");
  }
  return *place;
}

namespace {

std::optional<Report> await_report(const os::Descriptor& connection, const os::Process& process, os::Nanos deadline) {
  const std::array waited{connection.number(), process.handle.number()};
  std::array<bool, 2> ready{};
  while (!os::wait_readable(waited, ready, deadline)) {
    if (os::now() >= deadline) throw Error("did not call muster::init in time");
  }
  const os::Message message = os::receive_message(connection);
  return read<Report>(message);
}

void check(const std::optional<Report>& report) {
  if (!report) throw Error("ended before it called muster::init");
  switch (report->what) {
    case Report::What::kReady:
      return;
    case Report::What::kRefused:
      throw std::system_error(report->error, std::generic_category(), "spawn: cannot execute the program anew");
    case Report::What::kThreads:
      throw Error("had other threads when it called muster::init");
    default:
      throw Error("is another build, and has not the code of the workers");
  }
}

}  // namespace

void await_anew(const os::Descriptor& connection, const os::Process& process, os::Nanos deadline) {
  try {
    check(await_report(connection, process, deadline));
  } catch (const Error& error) {
    os::send_signal(process, os::kKill);
    throw Error(std::string("spawn: the program, executed anew, ") + error.what() +
                "; muster::init(argc, argv) must be at the top of main");
  }
}

// ---- in a copy of the server ----------------------------------------------------------------------------------------

void execute_template(const Estate& estate, std::span<const std::int32_t> kept, int server) {
  std::vector<int> left{estate.connection.number(), estate.program.number(), estate.farewell.number()};
  std::ranges::copy_if(kept, std::back_inserter(left),
                       [](int number) { return number > kErrors; });  // the standard streams are inherited in any case
  std::string marker = std::to_string(os::process_id());
  for (const int number : left) marker += " " + std::to_string(number);
  os::die_with_parent(server);
  os::reset_signals();
  const int error = os::execute_anew(arguments(), kMarker, marker, left);
  throw std::system_error(error, std::generic_category(), "cannot execute the program anew");
}

// ---- in the program executed anew -----------------------------------------------------------------------------------

namespace {

int refuse(const Estate& estate, Report::What why) {
  os::send_message(estate.connection, bytes_of(Report{.what = why}));
  return 1;
}

int become_template(std::span<const int> left) {
  Estate estate;
  os::ignore_endings();
  estate.connection = os::take_inherited(left[kConnection]);
  estate.program = os::take_inherited(left[kProgram]);
  estate.farewell = os::take_inherited(left[kFarewell]);
  for (const int number : left.subspan(kKept)) os::take_inherited(number).release();
  os::outlive_parent();
  if (const os::Stillness stillness; stillness.threads_in_the_way() > 0) return refuse(estate, Report::What::kThreads);
  os::close_all_but({left.begin() + kConnection, left.end()});
  // It was sent before this process was asked for.
  const os::Message message = os::receive_message(estate.connection);
  const auto body = read<os::CodePlace>(message);
  void* const code = body ? os::code_at(*body) : nullptr;
  if (code == nullptr) return refuse(estate, Report::What::kForeign);
  estate.body = reinterpret_cast<Body>(code);
  come_from_server();
  return live_as_template(std::move(estate));
}

}  // namespace

void divert(int argc, char** argv) {
  if (!arguments().empty()) return;
  for (int i = 0; i < argc && argv[i] != nullptr; ++i) arguments().emplace_back(argv[i]);
  if (arguments().empty()) arguments().emplace_back();
  std::istringstream marker(os::take_variable(kMarker));
  std::vector<int> left;
  for (int number = 0; marker >> number;) left.push_back(number);
  if (left.size() >= kKept && left[kId] == os::process_id()) os::end_process(become_template(left));
}

}  // namespace muster::start
