// The program's side of the server: a copy of the program as it was at the top of main, from which templates are copied
// later.

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include <muster/detail/lock_word.hpp>
#include <muster/error.hpp>

#include "parts/start/inside.hpp"

namespace muster::start {
namespace {

// To the server of one process of the program. Is replaced only by a copy of that process that serves for itself; so
// who finds it may use it.
struct Connection {
  const std::uint32_t generation = os::generation();  // of the process that may use it
  detail::PrivateLock lock;
  os::Descriptor descriptor;  // under the lock; none once the program exits
  os::Process server;
};

constinit std::atomic<Connection*> g_connection{nullptr};
// In the server, whose memory is older than any connection, and so in all that come from it, also those of kSpawn.
constinit std::atomic<bool> g_from_server{false};

Connection* own_connection() noexcept {
  Connection* const state = g_connection.load(std::memory_order_acquire);
  return state != nullptr && state->generation == os::generation() ? state : nullptr;
}

std::unique_ptr<Connection> start_server() {
  auto [ours, theirs] = os::message_pair();
  os::Descriptor program = own_handle();
  auto state = std::make_unique<Connection>();
  const os::Stillness stillness;
  demand_stillness(stillness);
  os::flush_streams();
  state->server = os::start_quiet_copy([&, &mine = ours, &connection = theirs] {
    come_from_server();
    mine.reset();
    os::ignore_endings();
    os::set_thread_name("muster/server");
    os::forbid_core_dumps();
    os::detach_input();
    os::close_all_but({connection.number(), program.number()});
    return run_server(std::move(connection), std::move(program));
  });
  state->descriptor = std::move(ours);
  return state;
}

[[noreturn]] void fail_without_server() {
  throw Error("cannot start worker processes: the process that muster::init set aside, which makes them, has ended");
}

// The descriptors that the template's workers shall have under the numbers that they have here.
std::vector<int> to_be_kept(std::span<const int> keep) {
  std::vector<int> kept = open_streams();
  for (const int number : keep) {
    if (number <= kErrors) continue;
    if (!os::is_open(number)) throw std::system_error(EBADF, std::generic_category(), "cannot keep a descriptor");
    kept.push_back(number);
  }
  if (kept.size() > Wish::kMostKept) {
    throw std::system_error(E2BIG, std::generic_category(), "cannot keep so many descriptors");
  }
  return kept;
}

}  // namespace

std::vector<int> open_streams() {
  std::vector<int> open;
  for (const int stream : {kOutput, kErrors}) {
    if (os::is_open(stream)) open.push_back(stream);
  }
  return open;
}

os::Descriptor own_handle() {
  os::Descriptor handle = os::process_handle(os::process_id());
  if (!handle) throw std::system_error(errno, std::generic_category(), "cannot watch a process");
  return handle;
}

bool serving() noexcept { return own_connection() != nullptr; }

void come_from_server() noexcept { g_from_server.store(true, std::memory_order_relaxed); }

bool served_once() noexcept {
  return g_from_server.load(std::memory_order_relaxed) || g_connection.load(std::memory_order_acquire) != nullptr;
}

// When the program exits: the server and its templates are gone before it is, so that nobody inherits them.
void end_server() noexcept {
  Connection* const state = own_connection();
  if (state == nullptr) return;
  const detail::LockGuard guard(state->lock);
  if (!state->descriptor) return;
  os::shut(state->descriptor);  // a child of the program may hold a copy of it
  state->descriptor.reset();
  os::reap(state->server);
}

void serve() {
  if (serving()) return;
  std::unique_ptr<Connection> made = start_server();
  // There is one thread, so nobody uses the one of the process that this one is a copy of.
  const std::unique_ptr<Connection> inherited(g_connection.exchange(made.release(), std::memory_order_acq_rel));
  if (!inherited) static_cast<void>(std::atexit([] { end_server(); }));
}

void ask_server(Wish wish, std::span<const int> keep, const os::Descriptor& template_end) {
  Connection* const state = own_connection();
  if (state == nullptr) {
    throw Error(std::string(wish.anew ? "spawn" : "forkserver") +
                ": there is no process to start workers from; call muster::init(argc, argv) at the top of main");
  }
  std::vector<int> descriptors = to_be_kept(keep);
  wish.kept = static_cast<std::uint32_t>(descriptors.size());
  std::ranges::copy(descriptors, wish.numbers.begin());
  descriptors.insert(descriptors.begin(), template_end.number());
  const detail::LockGuard guard(state->lock);
  if (!state->descriptor || !os::send_message(state->descriptor, bytes_of(wish), descriptors)) fail_without_server();
}

void await_answer(const os::Descriptor& connection, os::Process& process) {
  const std::array waited{connection.number()};
  std::array<bool, 1> ready{};
  while (!os::wait_readable(waited, ready, os::kForever)) {
  }
  os::Message message = os::receive_message(connection);
  const std::optional<Report> report = read<Report>(message);
  if (!report) fail_without_server();
  const bool told = report->what == Report::What::kReady && !message.descriptors.empty() && message.descriptors.front();
  if (!told) {
    const int error = report->what == Report::What::kRefused ? report->error : EMFILE;
    throw std::system_error(error, std::generic_category(), "cannot start a process");
  }
  process = {report->id, std::move(message.descriptors.front())};
}

}  // namespace muster::start
