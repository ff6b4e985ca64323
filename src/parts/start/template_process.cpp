// The template process: starts workers, reaps them, and tells of it, until there is nobody to tell. It never waits for
// anything but the next thing to happen, so that it notices the end of its program whatever the program does.

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <exception>
#include <system_error>
#include <utility>

#include "parts/start/inside.hpp"

namespace muster::start {
namespace {

class TemplateProcess {
 public:
  explicit TemplateProcess(Estate estate) : estate_(std::move(estate)), ended_(os::copies_ended()) {}

  int run() {
    greet();
    while (wait_and_act()) {
    }
    end_workers();
    return 0;
  }

 private:
  struct Worker {
    int id;
    std::uint32_t place;
  };
  struct Unsent {
    Report report;
    os::Descriptor handle;
  };

  // A template of the server is no child of the program, which can have its handle from here alone.
  void greet() {
    if (!estate_.farewell) return;
    const int id = os::process_id();
    tell({.what = Report::What::kReady, .id = id}, os::process_handle(id));
  }

  bool wait_and_act() {
    enum { kProgram, kFarewell, kEnded, kConnection, kCount };
    const std::array<int, kCount> waited{estate_.program.number(), estate_.farewell.number(), ended_.number(),
                                         estate_.connection.number()};
    std::array<bool, kCount> ready{};
    // A full connection does not say when it is full no more, which it hardly ever is.
    constexpr os::Nanos kPatience = 5'000'000;
    os::wait_readable(waited, ready, unsent_.empty() ? os::kForever : os::now() + kPatience);
    if (ready[kProgram] || ready[kFarewell]) return false;
    // Orders first: of workers that end after the last one, nothing need be told.
    if (!send_unsent() || (ready[kConnection] && !obey())) return false;
    if (ready[kEnded]) reap_ended();
    if (!workers_.empty()) return true;
    if (duty_ == Duty::kToStandBy) stand_by();
    return duty_ != Duty::kToEnd;
  }

  // ---- orders ----

  // False when there will be no more.
  bool obey() {
    for (;;) {
      os::Message message = os::receive_message(estate_.connection);
      if (message.state == os::Message::State::kNothing) return true;
      if (message.state == os::Message::State::kClosed) return false;
      const std::optional<Order> order = read<Order>(message);
      if (!order) continue;
      if (!obey(*order, message)) return false;
    }
  }

  bool obey(const Order& order, os::Message& message) {
    switch (order.what) {
      case Order::What::kKill:
        kill(order.id);
        return true;
      case Order::What::kEnd:
        duty_ = Duty::kToEnd;
        return true;
      case Order::What::kStandBy:
        duty_ = Duty::kToStandBy;
        return true;
      case Order::What::kServe:
        return serve(order, message);
      case Order::What::kStart:
        if (message.cut) {
          tell({.what = Report::What::kRefused, .place = order.place, .error = EMFILE});
        } else {
          start(order.place, message.descriptors);
        }
    }
    return true;
  }

  void start(std::uint32_t place, std::vector<os::Descriptor>& descriptors) {
    int error = 0;
    try {
      workers_.reserve(workers_.size() + 1);
      const int id = os::process_id();
      os::Process worker = os::start_copy([&] { return work(id, {place, std::move(descriptors)}); });
      workers_.push_back({worker.id, place});
      tell({.what = Report::What::kStarted, .place = place, .id = worker.id}, std::move(worker.handle));
    } catch (const std::system_error& failure) {
      error = failure.code().value();
    } catch (const std::exception&) {
      error = ENOMEM;
    }
    if (error != 0) tell({.what = Report::What::kRefused, .place = place, .error = error});
  }

  // In the worker. It keeps the memory of its template, but nothing that it could do harm with.
  int work(int parent, Birth birth) {
    os::die_with_parent(parent);
    estate_.connection.reset();
    estate_.program.reset();
    estate_.farewell.reset();
    ended_.reset();
    unsent_.clear();
    os::set_thread_name("muster/worker");
    os::reset_signals();
    const int code = estate_.body(std::move(birth));
    end_server();
    os::flush_streams();
    return code;
  }

  // ---- between two who are served ----

  // Whoever waits for the end of what this process has for its output is not kept waiting. Where that cannot be done it
  // ends after all.
  void stand_by() {
    try {
      std::vector<std::pair<os::Descriptor, int>> nothing;
      for (const int stream : {kOutput, kErrors}) nothing.emplace_back(os::open_null(), stream);
      take_streams(std::move(nothing));
      duty_ = Duty::kStandsBy;
      tell({.what = Report::What::kStandsBy});
    } catch (const std::system_error&) {
      duty_ = Duty::kToEnd;
    }
  }

  // False: it cannot, and ends, which the program sees.
  bool serve(const Order& order, os::Message& message) {
    std::vector<std::pair<os::Descriptor, int>> streams;
    std::size_t given = 0;
    for (const int stream : {kOutput, kErrors}) {
      if (!order.streams[static_cast<std::size_t>(stream - kOutput)]) continue;
      if (given == message.descriptors.size()) return false;
      streams.emplace_back(std::move(message.descriptors[given++]), stream);
    }
    try {
      take_streams(std::move(streams));
    } catch (const std::system_error&) {
      return false;
    }
    duty_ = Duty::kServes;
    return true;
  }

  void take_streams(std::vector<std::pair<os::Descriptor, int>> streams) {
    const std::array apart{&estate_.connection, &estate_.program, &estate_.farewell, &ended_};
    os::renumber(std::move(streams), apart);
  }

  // ---- ends ----

  void reap_ended() {
    os::silence_ended(ended_);
    while (const std::optional<os::Ended> ended = os::reap_any()) {
      const auto worker = find(ended->id);
      if (worker == workers_.end()) continue;
      if (duty_ == Duty::kServes) tell_end(*worker, ended->end);
      workers_.erase(worker);
    }
  }

  void tell_end(const Worker& worker, const os::End& end) {
    tell({.what = Report::What::kEnded,
          .place = worker.place,
          .id = worker.id,
          .signal = end.signal,
          .code = end.code,
          .peak_memory = end.peak_memory});
  }

  void kill(int id) noexcept {
    if (find(id) != workers_.end()) os::send_signal_to_child(id, os::kKill);
  }

  void end_workers() noexcept {
    estate_.connection.reset();
    for (const Worker& worker : workers_) os::send_signal_to_child(worker.id, os::kKill);
    while (!workers_.empty()) {
      const std::optional<os::Ended> ended = os::await_any();
      if (!ended) return;
      std::erase_if(workers_, [&](const Worker& worker) { return worker.id == ended->id; });
    }
  }

  std::vector<Worker>::iterator find(int id) noexcept {
    return std::find_if(workers_.begin(), workers_.end(), [id](const Worker& worker) { return worker.id == id; });
  }

  // ---- reports ----

  void tell(const Report& report, os::Descriptor handle = {}) {
    unsent_.push_back({report, std::move(handle)});
    static_cast<void>(send_unsent());  // who is gone is noticed at the next wait
  }

  // False when nobody can hear it.
  bool send_unsent() noexcept {
    while (!unsent_.empty()) {
      const Unsent& next = unsent_.front();
      const std::array handle{next.handle.number()};
      const std::span<const int> handles(handle.data(), next.handle ? 1 : 0);
      switch (os::offer_message(estate_.connection, bytes_of(next.report), handles)) {
        case os::Offer::kTaken:
          unsent_.pop_front();
          break;
        case os::Offer::kFull:
          return true;
        case os::Offer::kClosed:
          return false;
      }
    }
    return true;
  }

  Estate estate_;
  os::Descriptor ended_;
  std::vector<Worker> workers_;
  std::deque<Unsent> unsent_;
  // The second and the last: as soon as no worker is left.
  enum class Duty : std::uint8_t { kServes, kToStandBy, kStandsBy, kToEnd };
  Duty duty_ = Duty::kServes;
};

}  // namespace

int live_as_template(Estate estate) {
  os::set_thread_name("muster/template");
  try {
    return TemplateProcess(std::move(estate)).run();
  } catch (const std::exception&) {
    return 1;  // the system lacks even what it takes to watch; the program sees the connection close
  }
}

}  // namespace muster::start
