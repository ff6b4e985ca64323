// The program's side of a template.

#include "parts/start/template.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <system_error>
#include <utility>

#include <muster/detail/wait_word.hpp>
#include <muster/error.hpp>

#include "parts/start/inside.hpp"

namespace muster::start {
namespace {

void await_readable(const os::Descriptor& descriptor) noexcept {
  const std::array waited{descriptor.number()};
  std::array<bool, 1> ready{};
  while (!os::wait_readable(waited, ready, os::kForever)) {
  }
}

// A template that stands by.
struct Spare {
  std::uint32_t generation;  // of the process that has it
  Body body;
  os::Process process;
  os::Descriptor connection;
};

constinit std::atomic<Spare*> g_spare{nullptr};

// Null: there is none. In a copy of the program there is one at first that is the original's: the copy lets go of what
// it has of it.
std::unique_ptr<Spare> take_spare() noexcept {
  std::unique_ptr<Spare> spare(g_spare.exchange(nullptr, std::memory_order_acq_rel));
  return spare && spare->generation == os::generation() ? std::move(spare) : nullptr;
}

void end(const Spare& spare) noexcept {
  os::shut(spare.connection);
  await_readable(spare.process.handle);
}

bool has_ended(const os::Process& process) noexcept {
  const std::array waited{process.handle.number()};
  std::array<bool, 1> ended{};
  os::wait_readable(waited, ended, detail::kAtOnce);
  return ended.front();
}

}  // namespace

void demand_stillness(const os::Stillness& stillness) {
  const int threads = stillness.threads_in_the_way();
  if (threads == 0) return;
  throw Error(
      "cannot fork: " + std::to_string(threads) + (threads == 1 ? " other thread runs" : " other threads run") +
      " in this program, and a copy of it would have their locks but not them. Make the pool before threads are "
      "started, or call muster::init(argc, argv) at the top of main: then workers come from a process that was "
      "set aside there (forkserver)");
}

Template::Template(Method method, Body body, std::span<const int> keep, const First& first) : body_(body) {
  // Of a copy of the program only the thread is left that copied it; and the original's connection is not for two.
  const bool in_copy = !serving() && served_once();
  if (method == Method::kSpawn) {
    if (in_copy) serve();
    spawn_template(body, keep);
    begin(first);
  } else if (method == Method::kForkserver && !in_copy) {
    reusable_ = keep.empty();
    if (!reusable_ || !take_over(first)) order_template({.body = body}, keep, first);
  } else {
    fork_template(body, keep);
    begin(first);
  }
}

void Template::begin(const First& first) {
  try {
    first(*this);
  } catch (...) {
    os::shut(connection_);
    end();
    throw;
  }
}

void Template::fork_template(Body body, std::span<const int> keep) {
  auto [ours, theirs] = os::message_pair();
  os::Descriptor program = own_handle();
  {
    const os::Stillness stillness;
    demand_stillness(stillness);
    os::flush_streams();  // or the copies would write what is still in them again
    process_ = os::start_quiet_copy([&, &mine = ours, &connection = theirs] {
      mine.reset();
      os::ignore_endings();
      os::forbid_core_dumps();
      os::detach_input();
      std::vector<int> kept(keep.begin(), keep.end());
      kept.insert(kept.end(), {connection.number(), program.number()});
      os::close_all_but(std::move(kept));
      return live_as_template({body, std::move(connection), std::move(program), {}});
    });
  }
  connection_ = std::move(ours);
}

void Template::order_template(const Wish& wish, std::span<const int> keep, const First& first) {
  auto [ours, theirs] = os::message_pair();
  if (wish.anew) os::send_message(ours, bytes_of(place_anew(wish.body)));
  // Nothing is flushed: the server's streams were empty, and some thread of the program may hold one of ours.
  ask_server(wish, keep, theirs);
  theirs.reset();
  own_ = false;
  connection_ = std::move(ours);
  std::exception_ptr failure;
  try {
    first(*this);  // the answer comes ahead of what is told of these
  } catch (...) {
    failure = std::current_exception();
  }
  await_answer(connection_, process_);
  begin([&failure](Template&) {
    if (failure) std::rethrow_exception(failure);
  });
}

void Template::spawn_template(Body body, std::span<const int> keep) {
  // Far more than any program needs that will ever come so far.
  constexpr os::Nanos kPatience = 60'000'000'000;
  order_template({.anew = true, .body = body}, keep, [](Template&) {});
  await_anew(connection_, process_, os::now() + kPatience);
}

void end_spare() noexcept {
  if (const std::unique_ptr<Spare> spare = take_spare()) end(*spare);
}

Template::~Template() {
  if (is_mine()) {
    // Not merely closed: a child of the program may hold a copy of this end.
    os::shut(connection_);
    end();
  }
}

// A template that stands by is taken over, if there is one: a copy of the server less to be made.
bool Template::take_over(const First& first) {
  std::unique_ptr<Spare> spare = take_spare();
  if (!spare) return false;
  if (spare->body != body_ || has_ended(spare->process)) {
    start::end(*spare);
    return false;
  }
  connection_ = std::move(spare->connection);
  process_ = std::move(spare->process);
  own_ = false;
  Order order{.what = Order::What::kServe};
  const std::vector<int> streams = open_streams();
  for (const int stream : streams) order.streams[static_cast<std::size_t>(stream - kOutput)] = true;
  if (!os::send_message(connection_, bytes_of(order), streams)) {
    os::shut(connection_);
    end();
    return false;
  }
  begin(first);
  return true;
}

// From here on it is nobody's. Another one may stand by already: one is enough. Where there is no memory to remember
// it, in which case nothing is moved, it is ended, too.
void Template::stand_by() noexcept {
  std::unique_ptr<Spare> spare(new (std::nothrow)
                                   Spare{generation_, body_, std::move(process_), std::move(connection_)});
  Spare* none = nullptr;
  if (spare && g_spare.compare_exchange_strong(none, spare.get(), std::memory_order_acq_rel)) {
    static_cast<void>(spare.release());
  } else if (spare) {
    start::end(*spare);
  } else {
    os::shut(connection_);
    end();
  }
}

// It ends, or has ended; its last act was to end its workers.
void Template::end() noexcept {
  connection_.reset();
  if (own_) {
    os::reap(process_);
  } else {
    await_readable(process_.handle);
  }
  process_ = {};
}

bool Template::request(std::uint32_t place, std::span<const int> descriptors) {
  const Order order{.what = Order::What::kStart, .place = place};
  return is_mine() && os::send_message(connection_, bytes_of(order), descriptors);
}

void Template::end_with_workers() noexcept {
  const Order order{.what = reusable_ ? Order::What::kStandBy : Order::What::kEnd};
  if (is_mine()) static_cast<void>(os::send_message(connection_, bytes_of(order)));
}

std::optional<News> Template::news() {
  while (is_mine()) {
    os::Message message = os::receive_message(connection_);
    if (message.state == os::Message::State::kNothing) return std::nullopt;
    if (message.state == os::Message::State::kClosed) {
      end();
      return News{};
    }
    if (const auto report = read<Report>(message); report && report->what == Report::What::kStandsBy) {
      stand_by();
      return News{};
    }
    if (std::optional<News> told = tell(message)) return told;
  }
  return std::nullopt;
}

std::optional<News> Template::tell(os::Message& message) {
  const std::optional<Report> report = read<Report>(message);
  if (!report) return std::nullopt;
  News told;
  told.place = report->place;
  told.process.id = report->id;
  switch (report->what) {
    case Report::What::kReady:
    case Report::What::kThreads:
    case Report::What::kForeign:
    case Report::What::kStandsBy:
      return std::nullopt;
    case Report::What::kStarted:
      if (message.descriptors.empty() || !message.descriptors.front()) return refuse(*report);
      told.what = News::What::kStarted;
      told.process.handle = std::move(message.descriptors.front());
      return told;
    case Report::What::kRefused:
      told.what = News::What::kRefused;
      told.error = report->error;
      return told;
    case Report::What::kEnded:
      if (std::erase(unwanted_, report->id) > 0) return std::nullopt;
      told.what = News::What::kEnded;
      told.end = {.signal = report->signal, .code = report->code, .peak_memory = report->peak_memory};
      return told;
  }
  return std::nullopt;
}

// We had no descriptor left for the handle of a worker that was started: without one we could not even kill it.
News Template::refuse(const Report& started) {
  unwanted_.push_back(started.id);
  const Order order{.what = Order::What::kKill, .id = started.id};
  static_cast<void>(os::send_message(connection_, bytes_of(order)));
  News told;
  told.what = News::What::kRefused;
  told.place = started.place;
  told.error = EMFILE;
  return told;
}

}  // namespace muster::start
