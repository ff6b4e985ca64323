#pragma once
// What the parts of this folder say to each other: the messages, and the way into the template process.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

#include "os/modules.hpp"
#include "parts/start/template.hpp"

namespace muster::start {

// From the program to a template.
struct Order {
  enum class What : std::uint32_t {
    kStart,
    kKill,
    kEnd,      // when the last worker has ended, of which nothing need be told
    kStandBy,  // likewise, but it stays, for another
    kServe,    // somebody else: from here on
  };
  What what = What::kStart;
  std::uint32_t place = 0;  // of kStart; with descriptors
  std::int32_t id = 0;      // of kKill: a worker whose end will not be told
  // Of kServe: which of output and error there are; they come with it, in order.
  std::array<bool, 2> streams{};
};

// From a template to the program.
struct Report {
  enum class What : std::uint32_t {
    kReady,    // a template of the server: here is its handle. Told twice by one of kSpawn: before it is executed, too
    kStarted,  // id and a handle
    kRefused,  // error
    kEnded,    // id and end
    kThreads,  // a template of kSpawn has threads, and can be none
    kForeign,  // it has not the code of its workers
    kStandsBy,
  };
  What what = What::kReady;
  std::uint32_t place = 0;
  std::int32_t id = 0;
  std::int32_t error = 0;
  std::int32_t signal = 0;
  std::int32_t code = 0;
  std::uint64_t peak_memory = 0;
};

// From the program to the server: a template is wanted. Comes with the template's end of a connection, and then `kept`
// descriptors that have these numbers in the program. In a connection of kSpawn its workers' body lies already, as an
// os::CodePlace: the program executed anew has it elsewhere.
struct Wish {
  static constexpr std::size_t kMostKept = os::kMostMessageDescriptors - 1;
  bool anew = false;  // kSpawn
  Body body = nullptr;
  std::uint32_t kept = 0;
  std::array<std::int32_t, kMostKept> numbers{};
};

// All are plain memory of one program.
template <class T>
std::span<const std::byte> bytes_of(const T& value) noexcept {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= os::kMostMessageBytes);
  return std::as_bytes(std::span<const T, 1>(&value, 1));
}
template <class T>
std::optional<T> read(const os::Message& message) noexcept {
  static_assert(std::is_trivially_copyable_v<T>);
  if (message.bytes().size() != sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, message.bytes().data(), sizeof value);
  return value;
}

// What a template process holds.
struct Estate {
  Body body = nullptr;
  os::Descriptor connection;
  os::Descriptor program;   // handle: readable once the program has ended
  os::Descriptor farewell;  // of the server's: readable when all its templates shall end. Or none
};

// The life of a template process, on its only thread, with all signals blocked. Returns its exit code.
int live_as_template(Estate estate);

// The life of the server, likewise.
int run_server(os::Descriptor connection, os::Descriptor program);

// Has the server make a template that workers get `keep` from, and whose end of the connection this is. Throws
// muster::Error where there is no server.
void ask_server(Wish wish, std::span<const int> keep, const os::Descriptor& template_end);
// Waits for what became of it. Throws muster::Error or std::system_error.
void await_answer(const os::Descriptor& connection, os::Process& process);
// Whether serve() was called in this process or in one that it is a copy of; or this is a template of kSpawn.
bool served_once() noexcept;
void come_from_server() noexcept;
// Ends the server of this process, if it has made one, and waits until it is gone with its templates.
void end_server() noexcept;

// Where the program executed anew finds the body. Throws muster::Error where it could not.
os::CodePlace place_anew(Body body);
// Becomes the program executed anew, which becomes a template with this estate (but its body) and with `kept`, and dies
// with `server`, its parent, until it is one. Throws std::system_error.
[[noreturn]] void execute_template(const Estate& estate, std::span<const std::int32_t> kept, int server);
// Waits until that is ready. Throws muster::Error or std::system_error where it does not become so before the
// deadline, or at all; then it is killed.
void await_anew(const os::Descriptor& connection, const os::Process& process, os::Nanos deadline);

// The streams that a template is given as they are in the program when it begins to serve, and those of them that are
// open now.
inline constexpr int kOutput = 1;
inline constexpr int kErrors = 2;
std::vector<int> open_streams();

// A handle of this process, for another that is to watch it. Throws std::system_error.
os::Descriptor own_handle();

// Throws muster::Error, with what to do about it, unless a copy of the process can be made now.
void demand_stillness(const os::Stillness& stillness);

}  // namespace muster::start
