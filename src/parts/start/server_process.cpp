// The server process: copies templates off itself, for as long as its program lives.

#include <array>
#include <cerrno>
#include <exception>
#include <system_error>
#include <utility>
#include <vector>

#include "parts/start/inside.hpp"

namespace muster::start {
namespace {

class Server {
 public:
  Server(os::Descriptor connection, os::Descriptor program)
      : connection_(std::move(connection)), program_(std::move(program)), ended_(os::copies_ended()) {}

  int run() {
    while (wait_and_act()) {
    }
    end_templates();
    return 0;
  }

 private:
  bool wait_and_act() {
    enum { kProgram, kEnded, kConnection, kCount };
    const std::array<int, kCount> waited{program_.number(), ended_.number(), connection_.number()};
    std::array<bool, kCount> ready{};
    os::wait_readable(waited, ready, os::kForever);
    if (ready[kProgram]) return false;
    if (ready[kEnded]) {
      os::silence_ended(ended_);
      while (const std::optional<os::Ended> ended = os::reap_any()) std::erase(executed_, ended->id);
    }
    return !ready[kConnection] || obey();
  }

  // False when there will be no more.
  bool obey() {
    for (;;) {
      os::Message message = os::receive_message(connection_);
      if (message.state == os::Message::State::kNothing) return true;
      if (message.state == os::Message::State::kClosed) return false;
      const std::optional<Wish> wish = read<Wish>(message);
      if (!wish || message.descriptors.empty()) continue;
      if (message.cut || message.descriptors.size() != 1 + wish->kept) {
        refuse(message.descriptors.front(), EMFILE);
      } else {
        start(*wish, message.descriptors);
      }
    }
  }

  void start(const Wish& wish, std::vector<os::Descriptor>& descriptors) {
    try {
      const int id = os::process_id();
      executed_.reserve(executed_.size() + 1);
      const os::Process made = os::start_copy([&] { return become_template(wish, descriptors, id); });
      if (wish.anew) executed_.push_back(made.id);
    } catch (const std::system_error& failure) {
      refuse(descriptors.front(), failure.code().value());
    } catch (const std::exception&) {
      refuse(descriptors.front(), ENOMEM);
    }
  }

  // In the template, or what shall become one.
  int become_template(const Wish& wish, std::vector<os::Descriptor>& descriptors, int server) {
    connection_.reset();
    ended_.reset();
    Estate estate{wish.body, std::move(descriptors[0]), std::move(program_), farewell_.take()};
    try {
      std::vector<std::pair<os::Descriptor, int>> moved;
      for (std::size_t i = 0; i < wish.kept; ++i) moved.emplace_back(std::move(descriptors[1 + i]), wish.numbers[i]);
      const std::array apart{&estate.connection, &estate.program, &estate.farewell};
      os::renumber(std::move(moved), apart);
      if (wish.anew) {
        announce(estate.connection);
        execute_template(estate, {wish.numbers.data(), wish.kept}, server);
      }
    } catch (const std::system_error& failure) {
      refuse(estate.connection, failure.code().value());
      return 1;
    }
    return live_as_template(std::move(estate));
  }

  // Where it never comes to be a template, the program must know what to wait for, and to kill.
  static void announce(const os::Descriptor& connection) {
    const os::Descriptor own = own_handle();
    const std::array handle{own.number()};
    os::send_message(connection, bytes_of(Report{.id = os::process_id()}), handle);
  }

  static void refuse(const os::Descriptor& connection, int error) noexcept {
    const Report report{.what = Report::What::kRefused, .error = error};
    static_cast<void>(os::offer_message(connection, bytes_of(report)));
  }

  // They do not hang on us, since we might be killed where the program lives on. So they are told.
  // Those that were executed and are no templates yet hear no bell, but end by a signal that templates ignore.
  void end_templates() noexcept {
    farewell_.ring();
    for (const int id : executed_) os::send_signal_to_child(id, os::kTerminate);
    while (os::await_any()) {
    }
  }

  os::Descriptor connection_;
  os::Descriptor program_;
  os::Descriptor ended_;
  os::Bell farewell_;
  std::vector<int> executed_;  // templates of kSpawn, or to be so, that have not been reaped
};

}  // namespace

int run_server(os::Descriptor connection, os::Descriptor program) {
  try {
    return Server(std::move(connection), std::move(program)).run();
  } catch (const std::exception&) {
    return 1;  // who asks for a template finds out
  }
}

}  // namespace muster::start
